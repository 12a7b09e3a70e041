//! Tries keys on a server that has proved who it is, until one is taken.

use std::path::PathBuf;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};

use super::dial::Verifier;
use super::identities::{Candidate, Candidates, Key, agent};

/// An agent may ask its user before it signs.
const SIGNING: Duration = Duration::from_secs(60);

/// How far the trying of keys has come; it goes on over a next connection where
/// a server cuts off who has tried too many.
pub struct Login {
    candidates: Candidates,
    agent: Option<PathBuf>,
    next: usize,
    refused: Vec<String>,
}

/// How the trying ended on one connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    In,
    /// No key was taken, and there is none left.
    Refused,
    /// The server hung up. Trying on helps if another key was tried before.
    CutOff {
        tried: usize,
    },
}

impl Login {
    /// Begins with the first of these keys.
    pub fn new(candidates: Candidates, agent: Option<PathBuf>) -> Self {
        Self { candidates, agent, next: 0, refused: Vec::new() }
    }

    /// Tries the keys that are left.
    pub async fn run(&mut self, handle: &mut Handle<Verifier>, user: &str) -> Ended {
        let mut tried = 0;
        while let Some(candidate) = self.candidates.keys.get(self.next) {
            let attempt = Attempt { handle, user, agent: self.agent.as_ref() };
            let said = match attempt.with(candidate).await {
                Ok(AuthResult::Success) => return Ended::In,
                Ok(AuthResult::Failure { .. }) => None,
                Err(failed) => Some(failed),
            };
            if handle.is_closed() {
                return Ended::CutOff { tried };
            }
            self.refused.push(match said {
                Some(failed) => format!("{} ({failed})", candidate.name),
                None => candidate.name.clone(),
            });
            tried += 1;
            self.next += 1;
        }
        Ended::Refused
    }

    /// Lists what was tried and what could not be, as the end of a sentence.
    pub fn tried(&self) -> String {
        let mut said = match self.refused.is_empty() {
            true => "There was no key to try.".to_owned(),
            false => format!("Tried: {}.", self.refused.join(", ")),
        };
        if !self.candidates.notes.is_empty() {
            said.push_str(&format!(" Not tried: {}.", self.candidates.notes.join("; ")));
        }
        said
    }
}

/// One key on one connection.
struct Attempt<'a> {
    handle: &'a mut Handle<Verifier>,
    user: &'a str,
    agent: Option<&'a PathBuf>,
}

impl Attempt<'_> {
    /// Asks to be let in by a key; an error is one of the signer's.
    async fn with(self, candidate: &Candidate) -> Result<AuthResult, String> {
        let hash = if candidate.key.is_rsa() { self.rsa_hash().await } else { None };
        match &candidate.key {
            Key::File(key) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
                let asked = self.handle.authenticate_publickey(self.user, key).await;
                asked.map_err(|error| error.to_string())
            }
            Key::Agent(identity) => {
                let signed = tokio::time::timeout(SIGNING, self.by_agent(identity, hash)).await;
                signed.unwrap_or_else(|_| Err("the agent did not sign".to_owned()))
            }
        }
    }

    /// The SHA-2 variant to sign with; SHA-1 is never used.
    async fn rsa_hash(&self) -> Option<HashAlg> {
        let known = self.handle.best_supported_rsa_hash().await.ok().flatten().flatten();
        Some(known.unwrap_or(HashAlg::Sha256))
    }

    async fn by_agent(
        self,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
    ) -> Result<AuthResult, String> {
        let Some(socket) = self.agent else { return Err("there is no agent".to_owned()) };
        let mut agent = agent(socket).await.map_err(|error| error.to_string())?;
        if let Some(binding) = self.handle.agent_session_binding() {
            // Agents that do not know this answer "no", and sign all the same.
            let _ = agent.bind_session(binding, false).await;
        }
        let asked = match identity.clone() {
            AgentIdentity::PublicKey { key, .. } => {
                self.handle.authenticate_publickey_with(self.user, key, hash, &mut agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                let handle = self.handle;
                handle.authenticate_certificate_with(self.user, certificate, hash, &mut agent).await
            }
        };
        asked.map_err(|error| error.to_string())
    }
}
