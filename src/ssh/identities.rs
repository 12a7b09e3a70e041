//! By which keys one logs in: sandplan's own, then the agent's, then key files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{PrivateKey, PublicKey};
use tokio::net::UnixStream;

/// An agent that does not list its keys by then is left out.
const LISTING: Duration = Duration::from_secs(5);

/// By which keys one logs in, in this order. Files that are not there are left out.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    /// sandplan's own key.
    pub access_key: Option<PathBuf>,
    /// The socket of a running ssh-agent.
    pub agent: Option<PathBuf>,
    /// Files with private keys, such as `~/.ssh/id_ed25519`.
    pub files: Vec<PathBuf>,
}

/// A key to try.
pub struct Candidate {
    /// What it is called when it was refused.
    pub name: String,
    pub key: Key,
}

/// Who signs.
pub enum Key {
    File(Arc<PrivateKey>),
    Agent(Box<AgentIdentity>),
}

/// The keys to try, and why others are not among them.
#[derive(Default)]
pub struct Candidates {
    pub keys: Vec<Candidate>,
    pub notes: Vec<String>,
}

impl Identities {
    /// Reads the keys that there are.
    pub async fn candidates(&self) -> Candidates {
        let mut found = Candidates::default();
        if let Some(path) = &self.access_key {
            found.add_file(path, "sandplan's own key");
        }
        if let Some(socket) = &self.agent {
            found.add_agent(socket).await;
        }
        for path in &self.files {
            found.add_file(path, "the key");
        }
        found
    }
}

impl Candidates {
    fn add_file(&mut self, path: &Path, what: &str) {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.notes.push(format!("{shown} cannot be read ({error})")),
        };
        match russh::keys::decode_secret_key(&text, None) {
            Ok(key) if key.is_encrypted() => self.note_passphrase(path),
            Ok(key) => self
                .add(Candidate { name: format!("{what} {shown}"), key: Key::File(Arc::new(key)) }),
            Err(russh::keys::Error::KeyIsEncrypted) => self.note_passphrase(path),
            Err(error) => self.notes.push(format!("{shown} is no private key ({error})")),
        }
    }

    fn note_passphrase(&mut self, path: &Path) {
        self.notes.push(format!(
            "{} has a passphrase (run `ssh-add {0}` to use it through an agent)",
            path.display()
        ));
    }

    async fn add_agent(&mut self, socket: &Path) {
        let listing = async {
            let mut agent = AgentClient::connect_uds(socket).await?;
            agent.request_identities().await
        };
        let failed = match tokio::time::timeout(LISTING, listing).await {
            Ok(Ok(identities)) => {
                return identities.into_iter().for_each(|identity| self.add_agent_key(identity));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not answer".to_owned(),
        };
        self.notes.push(format!("the agent at {} cannot be asked ({failed})", socket.display()));
    }

    fn add_agent_key(&mut self, identity: AgentIdentity) {
        let name = format!("the agent's key {}", identity.comment());
        self.add(Candidate {
            name: name.trim_end().to_owned(),
            key: Key::Agent(Box::new(identity)),
        });
    }

    /// Adds a key unless it is there already: servers count every try.
    fn add(&mut self, candidate: Candidate) {
        let same = |other: &Candidate| {
            other.key.public().key_data() == candidate.key.public().key_data()
                && other.key.is_certificate() == candidate.key.is_certificate()
        };
        if !self.keys.iter().any(same) {
            self.keys.push(candidate);
        }
    }
}

impl Key {
    fn public(&self) -> PublicKey {
        match self {
            Self::File(key) => key.public_key().clone(),
            Self::Agent(identity) => identity.public_key().into_owned(),
        }
    }

    fn is_certificate(&self) -> bool {
        matches!(self, Self::Agent(identity) if matches!(**identity, AgentIdentity::Certificate { .. }))
    }

    /// Whether its signatures come in several kinds.
    pub fn is_rsa(&self) -> bool {
        self.public().algorithm().is_rsa()
    }
}

/// Opens a conversation with an agent.
pub async fn agent(socket: &Path) -> Result<AgentClient<UnixStream>, russh::keys::Error> {
    AgentClient::connect_uds(socket).await
}
