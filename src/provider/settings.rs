//! What a provider is built from, and how a platform's `build` reads it.

use std::path::PathBuf;
use std::sync::Arc;

use super::local::Clock;
use super::portable::asks_nothing;
use super::registry::Registry;
use super::{Provider, Reporter};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange};
use crate::ssh::Identities;
use crate::value::Value;

/// Reads a variable of the process's environment; nothing where it is not set.
pub type Variable = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a platform's `build` returns.
pub type Built = Result<Arc<dyn Provider>, Diagnostics>;

/// Attributes of a `provider` block that are not the platform's own.
const COMMON: [&str; 2] = ["alias", "parallel"];

/// What a provider is built from.
pub struct Settings {
    /// The attributes of the `provider` block, wholly known; an empty object
    /// where there is none.
    pub attributes: Value,
    /// Where the block stands.
    pub range: Option<SourceRange>,
    /// The region of the command line, which counts instead of the block's.
    pub region: Option<String>,
    /// The directory for what providers keep on this machine: `$XDG_DATA_HOME/sandplan`.
    pub data_dir: PathBuf,
    pub clock: Clock,
    pub variable: Variable,
    /// Hears what calls wait for that no operation makes.
    pub notices: Reporter,
    /// The platforms that this build knows, to say which of them can do what one cannot.
    pub registry: Registry,
}

impl Settings {
    /// Returns an attribute of the block; secrets are readable here.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name).map(Value::revealed)
    }

    /// Returns an attribute of the block that is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }

    /// Reads a variable of the environment; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// Returns how many calls may be in flight at once, where the block says; at least one.
    pub fn parallel(&self) -> Option<usize> {
        let parallel = self.get("parallel")?.as_number()?.to_u64()?;
        Some(usize::try_from(parallel).ok()?.max(1))
    }

    /// Says by which keys machines are logged in to: sandplan's own, the agent's, and
    /// those that `ssh` tries by itself.
    pub fn identities(&self) -> Identities {
        const FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
        let home = self.variable("HOME").map(|home| PathBuf::from(home).join(".ssh"));
        Identities {
            access_key: Some(self.data_dir.join("ssh/id_ed25519")),
            agent: self.variable("SSH_AUTH_SOCK").map(PathBuf::from),
            files: home.into_iter().flat_map(|ssh| FILES.map(|file| ssh.join(file))).collect(),
        }
    }

    /// Refuses attributes of the block that the platform does not have: it has those
    /// of every platform, and its `own`.
    pub fn accept(&self, platform: &str, own: &[&str]) -> Result<(), Diagnostics> {
        let attributes = self.attributes.as_attributes().into_iter().flat_map(|all| all.iter());
        let set = attributes.filter(|(_, value)| !asks_nothing(value)).map(|(name, _)| &**name);
        let strange = set.filter(|name| !COMMON.contains(name) && !own.contains(name));
        let problem = |name: &str| {
            let detail = format!("The provider `{platform}` has no argument `{name}`.");
            Diagnostic::error("unsupported-argument", "Argument not supported by the provider")
                .detail(detail)
                .at(self.range.clone())
        };
        strange.map(problem).collect::<Diagnostics>().into_result(())
    }
}
