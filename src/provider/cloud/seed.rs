//! What a server's disk begins with: user-data with a host key for one use, and who
//! may log in.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::Timestamp;

use super::labels::{Dialect, Labels};
use super::object::{HOST_KEY, ONCE_KEY, unique_name};
use super::reach::Reach;
use super::terms::{Terms, UserDataLimit};
use crate::object::{Ownership, StepRecord};
use crate::provider::sandbox::Sandbox;
use crate::provider::{ProviderError, ProviderErrorKind, ResourceConfig};
use crate::provision::cloud_init::{self, HostKey, Rendered, UserData};
use crate::provision::setup::Setup;
use crate::provision::{self, Guest, setup};
use crate::ssh::host_key;
use crate::value::Value;

/// What a server's disk begins with.
pub struct Seed {
    /// Within the platform's limit.
    pub user_data: Rendered,
    /// The labels that say which host key is in it.
    pub keys: Labels,
}

impl Seed {
    /// Makes a host key and the user-data that it is in.
    pub fn new(terms: &Terms, reach: &Reach, sandbox: &Sandbox) -> Result<Self, ProviderError> {
        Self::expiring(terms, reach, sandbox, None)
    }

    /// Makes the same for a machine that switches itself off at a time.
    pub fn expiring(
        terms: &Terms,
        reach: &Reach,
        sandbox: &Sandbox,
        expires_at: Option<Timestamp>,
    ) -> Result<Self, ProviderError> {
        let access_key = reach.access_key()?;
        let (private, public) = host_key::generate().map_err(|error| {
            let message = format!("No host key could be made: {error}.");
            ProviderError::new(ProviderErrorKind::Unavailable, message)
        })?;
        let text = public.to_openssh();
        let user_data = rendered(
            terms.user_data,
            &UserData {
                host_key: HostKey { private: private.expose(), public: &text },
                keys: &authorized_keys(sandbox, &access_key),
                setup: &setup::steps(sandbox),
                expires_at,
            },
        );
        user_data
            .fits(terms.user_data.bytes)
            .map_err(|error| ProviderError::new(ProviderErrorKind::Rejected, error.to_string()))?;
        Ok(Self { user_data, keys: [(ONCE_KEY.to_owned(), public.to_label())].into() })
    }
}

fn rendered(limit: UserDataLimit, data: &UserData<'_>) -> Rendered {
    match limit.gzip {
        true => cloud_init::gzipped(data),
        false => cloud_init::user_data(data),
    }
}

/// All that decides about the size of a sandbox's user-data.
#[derive(PartialEq, Eq, Hash)]
struct MadeOf {
    gzip: bool,
    keys: Vec<String>,
    setup: Vec<Setup>,
}

/// To compress takes longer than all else of a plan, and fleets are alike.
static SIZES: LazyLock<Mutex<HashMap<MadeOf, usize>>> = LazyLock::new(Mutex::default);

/// Returns the size in bytes of the user-data that a sandbox would be ordered with.
pub fn user_data_size(terms: &Terms, config: &ResourceConfig<'_>) -> usize {
    const KEY: usize = 81;
    const PRIVATE_KEY: usize = 400;
    let sandbox = Sandbox::from_value(config.attributes);
    let (key, private) = (noise(KEY), noise(PRIVATE_KEY));
    let made_of = MadeOf {
        gzip: terms.user_data.gzip,
        keys: authorized_keys(&sandbox, &key),
        setup: setup::steps(&sandbox),
    };
    let mut known = SIZES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(size) = known.get(&made_of) {
        return *size;
    }
    let MadeOf { keys, setup, .. } = &made_of;
    let host_key = HostKey { private: &private, public: &key };
    let data = UserData { host_key, keys, setup, expires_at: None };
    let size = rendered(terms.user_data, &data).size();
    known.insert(made_of, size);
    size
}

/// Makes text that compresses as badly as a key does, always the same.
fn noise(length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(LETTERS[usize::try_from(state % 64).unwrap_or_default()])
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Pins the host key that a server shows now beside the one of its next disk.
pub fn either_key(now: &Labels, next: &Labels) -> Labels {
    let shown = [HOST_KEY, ONCE_KEY].into_iter().find_map(|key| now.get(key));
    let shown = shown.map(|label| (HOST_KEY.to_owned(), label.clone()));
    next.clone().into_iter().chain(shown).collect()
}

/// Returns all labels of a server: whose it is, its user's, and its host keys.
pub fn owned(dialect: &Dialect, ownership: &Ownership, (user, keys): (&Labels, &Labels)) -> Labels {
    debug_assert!(keys.keys().all(|key| [HOST_KEY, ONCE_KEY].contains(&key.as_str())));
    let mut labels = dialect.write(ownership, user);
    labels.extend(keys.clone());
    labels
}

/// Each operation has its own name unless the user chose one, so that a lost answer
/// never makes a second server, and old and new can stand side by side.
pub fn name_of(sandbox: &Sandbox, ownership: &Ownership) -> String {
    sandbox.name.clone().unwrap_or_else(|| unique_name(ownership))
}

/// Names the provisioning steps that are still to run.
pub fn pending(attributes: &Value, done: &[StepRecord]) -> Vec<String> {
    let sandbox = Sandbox::from_value(attributes);
    let steps = provision::pending(&sandbox, Some(&machine(&sandbox)), done);
    steps.into_iter().map(|step| step.name).collect()
}

/// Says what a server gets besides files and steps.
pub fn wanted(reach: &Reach, sandbox: &Sandbox) -> Result<Guest, ProviderError> {
    Ok(Guest { access_key: Some(reach.access_key()?), ..machine(sandbox) })
}

fn machine(sandbox: &Sandbox) -> Guest {
    let authorized_keys = sandbox.ssh_keys.clone();
    Guest { setup: setup::steps(sandbox), authorized_keys, access_key: None }
}

fn authorized_keys(sandbox: &Sandbox, access_key: &str) -> Vec<String> {
    let own = std::iter::once(access_key.to_owned());
    own.chain(sandbox.ssh_keys.iter().cloned()).collect()
}

/// Compares public keys without their comments.
pub fn is_same_key(a: &str, b: &str) -> bool {
    let parts = |key: &str| {
        let mut words = key.split_whitespace();
        (words.next().map(str::to_owned), words.next().map(str::to_owned))
    };
    parts(a) == parts(b)
}
