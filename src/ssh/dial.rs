//! From an endpoint to a connection that is logged in: TCP, the server's proof
//! that it holds a pinned key, and only then anything of ours.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, Config, DisconnectReason, Handle, Handler};
use russh::keys::{Algorithm, PublicKey, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred, compression};
use tokio::net::TcpStream;

use super::login::{Ended, Login};
use super::{Endpoint, HostKey, Identities};
use crate::provider::{ProviderError, ProviderErrorKind};

const TCP: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(20);
/// With all keys of an agent that asks its user.
const LOGIN: Duration = Duration::from_secs(120);
const KEEPALIVE: Duration = Duration::from_secs(15);
/// A server that lets six keys be tried gets through thirty.
const MOST_DIALS: usize = 5;

/// Why there is no connection.
#[derive(Debug, Clone)]
pub struct Failure {
    pub stage: Stage,
    pub error: ProviderError,
}

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody listens, or the way there is broken.
    Tcp,
    /// Somebody listens who does not speak SSH yet.
    Greeting,
    /// The server is not the one that was pinned.
    HostKey,
    /// The server does not take our keys.
    Login,
}

/// A connection that is logged in.
pub struct Dialled {
    pub handle: Handle<Verifier>,
    /// The key that the server has proved to hold.
    pub host_key: HostKey,
    /// Why the connection ended, once it has.
    pub ended: Arc<Mutex<Option<String>>>,
}

/// Connects and logs in.
pub async fn dial(endpoint: &Endpoint, identities: &Identities) -> Result<Dialled, Failure> {
    if endpoint.pins.is_empty() {
        return Err(unpinned(endpoint));
    }
    let mut login = None;
    for _ in 0..MOST_DIALS {
        let mut dialled = shake_hands(endpoint, tcp(endpoint).await?).await?;
        let login = match &mut login {
            Some(login) => login,
            empty => {
                let candidates = identities.candidates().await;
                empty.insert(Login::new(candidates, identities.agent.clone()))
            }
        };
        let run = login.run(&mut dialled.handle, &endpoint.user);
        match tokio::time::timeout(LOGIN, run).await {
            Ok(Ended::In) => return Ok(dialled),
            Ok(Ended::Refused) => return Err(refused(endpoint, login)),
            Ok(Ended::CutOff { tried: 0 }) => return Err(cut_off(endpoint, &dialled)),
            Ok(Ended::CutOff { .. }) => {}
            Err(_) => return Err(slow(endpoint, "did not finish the login", LOGIN)),
        }
    }
    match login {
        Some(login) => Err(refused(endpoint, &login)),
        None => Err(unpinned(endpoint)),
    }
}

async fn tcp(endpoint: &Endpoint) -> Result<TcpStream, Failure> {
    let connecting = TcpStream::connect((endpoint.address, endpoint.port));
    let at = std::net::SocketAddr::new(endpoint.address, endpoint.port);
    let failed = match tokio::time::timeout(TCP, connecting).await {
        Ok(Ok(stream)) => {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", TCP.as_secs()),
    };
    let message = format!("{at} cannot be reached: {failed}.");
    Err(Failure::new(Stage::Tcp, ProviderErrorKind::Unavailable, message))
}

async fn shake_hands(endpoint: &Endpoint, stream: TcpStream) -> Result<Dialled, Failure> {
    let ended = Arc::<Mutex<Option<String>>>::default();
    let shown = Arc::<Mutex<Option<HostKey>>>::default();
    let verifier =
        Verifier { pins: endpoint.pins.clone(), shown: shown.clone(), ended: ended.clone() };
    let connecting = client::connect_stream(Arc::new(config()), stream, verifier);
    let handle = match tokio::time::timeout(HANDSHAKE, connecting).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(trouble)) => return Err(Failure::of(endpoint, trouble)),
        Err(_) => return Err(slow(endpoint, "did not greet", HANDSHAKE)),
    };
    let host_key = shown.lock().ok().and_then(|shown| *shown);
    let host_key = host_key.ok_or_else(|| Failure::of(endpoint, Trouble::Other(None)))?;
    Ok(Dialled { handle, host_key, ended })
}

fn config() -> Config {
    Config {
        preferred: Preferred {
            key: vec![Algorithm::Ed25519].into(),
            compression: vec![compression::NONE].into(),
            ..Preferred::default()
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        nodelay: true,
        ..Config::default()
    }
}

/// Accepts a server that shows a pinned key, and remembers why it went away.
pub struct Verifier {
    pins: Vec<HostKey>,
    shown: Arc<Mutex<Option<HostKey>>>,
    ended: Arc<Mutex<Option<String>>>,
}

/// What goes wrong inside of a connection.
#[derive(Debug)]
pub enum Trouble {
    /// The server showed another key.
    HostKey(Box<PublicKey>),
    Other(Option<russh::Error>),
}

impl From<russh::Error> for Trouble {
    fn from(error: russh::Error) -> Self {
        Self::Other(Some(error))
    }
}

impl Handler for Verifier {
    type Error = Trouble;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Trouble> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Err(Trouble::HostKey(Box::new(key.public_key())));
        };
        match HostKey::of(key).filter(|shown| self.pins.contains(shown)) {
            Some(known) => {
                self.shown.lock().map(|mut shown| *shown = Some(known)).ok();
                Ok(true)
            }
            None => Err(Trouble::HostKey(Box::new(key.clone()))),
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Trouble>) -> Result<(), Trouble> {
        let said = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => info.message.trim().to_owned(),
            DisconnectReason::Error(Trouble::Other(Some(error))) => error.to_string(),
            DisconnectReason::Error(Trouble::Other(None)) => String::new(),
            DisconnectReason::Error(Trouble::HostKey(_)) => "it shows another host key".to_owned(),
        };
        self.ended.lock().map(|mut ended| *ended = Some(said)).ok();
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

impl Failure {
    fn new(stage: Stage, kind: ProviderErrorKind, message: String) -> Self {
        Self { stage, error: ProviderError::new(kind, message) }
    }

    fn of(endpoint: &Endpoint, trouble: Trouble) -> Self {
        match trouble {
            Trouble::HostKey(shown) => mismatch(endpoint, &shown),
            Trouble::Other(Some(russh::Error::NoCommonAlgo {
                kind: AlgorithmKind::Key,
                theirs,
                ..
            })) => other_algorithm(endpoint, &theirs),
            Trouble::Other(error) => {
                let said = error.map_or("it hung up".to_owned(), |error| error.to_string());
                let message = format!("{endpoint} listens, but does not speak SSH: {said}.");
                Self::new(Stage::Greeting, ProviderErrorKind::Unavailable, message)
            }
        }
    }
}

fn pinned(endpoint: &Endpoint) -> String {
    let pins: Vec<String> = endpoint.pins.iter().map(HostKey::fingerprint).collect();
    pins.join(" or ")
}

const WHAT_TO_DO: &str = "Somebody may be between here and there, or the machine was made anew \
                          behind sandplan's back: look at it in the platform's own console. Where \
                          it is not yours any more, replace it (`sandplan apply -replace=ADDRESS`). \
                          Nothing was sent to it.";

fn mismatch(endpoint: &Endpoint, shown: &PublicKey) -> Failure {
    let message = format!(
        "{endpoint} shows the host key {}, but {} was expected. {WHAT_TO_DO}",
        shown.fingerprint(russh::keys::HashAlg::Sha256),
        pinned(endpoint),
    );
    Failure::new(Stage::HostKey, ProviderErrorKind::Untrusted, message)
}

fn other_algorithm(endpoint: &Endpoint, theirs: &[String]) -> Failure {
    let message = format!(
        "{endpoint} has no ed25519 host key (only {}), but {} was expected. {WHAT_TO_DO}",
        theirs.join(", "),
        pinned(endpoint),
    );
    Failure::new(Stage::HostKey, ProviderErrorKind::Untrusted, message)
}

fn unpinned(endpoint: &Endpoint) -> Failure {
    let message = format!(
        "No host key of {endpoint} is known, and sandplan does not trust a server that it cannot \
         recognise. Replace it (`sandplan apply -replace=ADDRESS`)."
    );
    Failure::new(Stage::HostKey, ProviderErrorKind::Untrusted, message)
}

fn refused(endpoint: &Endpoint, login: &Login) -> Failure {
    let message = format!(
        "{endpoint} takes none of the keys. {} Add a key to `ssh_keys`, or load the right one \
         with `ssh-add`.",
        login.tried()
    );
    Failure::new(Stage::Login, ProviderErrorKind::Denied, message)
}

fn cut_off(endpoint: &Endpoint, dialled: &Dialled) -> Failure {
    let said = dialled.ended.lock().ok().and_then(|ended| ended.clone()).unwrap_or_default();
    let message = format!("{endpoint} hung up during the login: {said}.");
    Failure::new(Stage::Greeting, ProviderErrorKind::Unavailable, message)
}

fn slow(endpoint: &Endpoint, what: &str, limit: Duration) -> Failure {
    let message = format!("{endpoint} {what} within {} s.", limit.as_secs());
    Failure::new(Stage::Greeting, ProviderErrorKind::Unavailable, message)
}
