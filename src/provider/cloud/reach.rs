//! How a server is reached: over SSH, with the host keys that its labels name.
//!
//! The labels are the anchor of trust: whoever may write them owns the project.
//! What the state remembers saves the call; where it does not fit, they are read.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::labels::Labels;
use super::object::{HOST_KEY, ONCE_KEY, host_keys};
use super::server::Server;
use crate::object::{RemoteId, SshAccess};
use crate::provider::guest::{Guest, Users};
use crate::provider::{
    Exec, ExecIo, ExecRequest, Machine, ProviderError, ProviderErrorKind, Report, Reporter,
};
use crate::ssh::{Connections, HostKey, Identities};
use crate::value::Value;

/// How long a server that was started may take until it lets us in.
const BOOTING: Duration = Duration::from_secs(900);
/// How long sshd may take to come back with its new key.
const RESTARTING: Duration = Duration::from_secs(60);
const PORT: u16 = 22;

const NEW_KEY: &str = include_str!("host_key_new.sh");
const INSTALL_KEY: &str = include_str!("host_key_install.sh");

/// The keys and connections by which servers are reached.
#[derive(Clone)]
pub struct Reach {
    identities: Identities,
    connections: Connections,
}

impl Reach {
    /// Prepares to reach servers; opens no connection.
    pub fn new(identities: Identities) -> Self {
        Self { connections: Connections::new(identities.clone()), identities }
    }

    /// Waits until every command that was given up has been ended.
    pub async fn settle(&self) {
        self.connections.settle().await;
    }

    /// Returns the public key by which sandplan itself logs in, one line.
    pub fn access_key(&self) -> Result<String, ProviderError> {
        let path = self.identities.access_key.clone().unwrap_or_default();
        crate::ssh::access_key::ensure(&path).map_err(|error| {
            let message =
                format!("sandplan's own SSH key {} cannot be used: {error}.", path.display());
            ProviderError::new(ProviderErrorKind::Denied, message)
        })
    }

    /// Makes the guest of what the state knows; nothing where that is not enough.
    pub fn remembered(&self, machine: &Machine) -> Option<Guest> {
        let text = |name: &str| machine.attributes.get(name).and_then(Value::as_str);
        let address = text("ipv4").or(text("ipv6"))?.parse().ok()?;
        let pin = HostKey::from_openssh(text("host_key")?).ok()?;
        Some(self.guest(address, vec![pin]))
    }

    /// Makes the guest of what the platform says.
    pub fn told(&self, server: &Server) -> Result<Guest, ProviderError> {
        let refuse = |why: &str| {
            let message = format!("The server `{}` cannot be reached: {why}.", server.name);
            ProviderError::new(ProviderErrorKind::Rejected, message)
        };
        if server.is_off {
            return Err(refuse("it is switched off"));
        }
        let address = server.address().ok_or_else(|| refuse("it has no public address"))?;
        let pins = host_keys(&server.labels);
        if pins.is_empty() {
            return Err(refuse(
                "no label pins its host key, so nobody can tell whether it is the right one; \
                 replace it with `sandplan apply -replace=ADDRESS`",
            ));
        }
        Ok(self.guest(address, pins))
    }

    fn guest(&self, address: IpAddr, pins: Vec<HostKey>) -> Guest {
        let connections = self.connections.clone();
        Guest { address, port: PORT, pins, users: Users::default(), connections }
    }

    /// Connects to a machine, by what the state knows or else by what the platform says:
    /// `ask` looks there.
    pub async fn connected<F: Future<Output = Result<Server, ProviderError>>>(
        &self,
        machine: &Machine,
        ask: impl FnOnce() -> F,
    ) -> Result<Guest, ProviderError> {
        let remembered = self.remembered(machine);
        if let Some(guest) = &remembered {
            match guest.connections.connect(&guest.endpoint(machine.as_root)).await {
                // Another host key may have been pinned since, by somebody else's apply.
                Err(error) if error.kind == ProviderErrorKind::Untrusted => {}
                connected => return connected.map(|()| guest.clone()),
            }
        }
        let guest = self.told(&ask().await?)?;
        guest.connections.connect(&guest.endpoint(machine.as_root)).await?;
        Ok(guest)
    }

    /// Says how any SSH client reaches a machine.
    pub fn access(&self, machine: &Machine) -> Option<SshAccess> {
        let guest = self.remembered(machine)?;
        let identity: Option<PathBuf> = self.identities.access_key.clone();
        Some(SshAccess {
            address: guest.address,
            port: guest.port,
            user: guest.users.ordinary,
            host_keys: guest.pins.iter().map(HostKey::to_openssh).collect(),
            identity,
        })
    }
}

/// Writes the labels of servers.
#[async_trait]
pub trait Relabel: Send + Sync {
    /// Sets all labels of a server.
    async fn relabel(&self, id: &RemoteId, labels: &Labels) -> Result<(), ProviderError>;
}

/// A server whose provisioning begins.
pub struct Booting<'a> {
    pub platform: &'a dyn Relabel,
    pub reach: &'a Reach,
    pub server: Server,
    pub reporter: &'a Reporter,
}

impl Booting<'_> {
    /// Waits until the server lets us in, and sees that its host key was made on it.
    pub async fn guest(&self) -> Result<Guest, ProviderError> {
        let guest = self.reach.told(&self.server)?;
        let tell = |phase: &str| self.reporter.phase(phase);
        let deadline = Instant::now() + BOOTING;
        let root = guest.endpoint(true);
        guest.connections.wait_until_reachable(&root, deadline, &tell).await?;
        match self.server.labels.contains_key(ONCE_KEY) {
            true => self.rotated(guest).await,
            false => Ok(guest),
        }
    }

    /// Gives the server a host key whose private half nobody else has ever had. Both
    /// keys are in the labels before the new one is in force, so that a run that is
    /// killed leaves a server that the next one can reach.
    async fn rotated(&self, guest: Guest) -> Result<Guest, ProviderError> {
        self.reporter.phase("replacing the host key");
        let machine = self.machine().as_root();
        let said = run(&guest, &machine, NEW_KEY).await?;
        let key = HostKey::from_openssh(said.trim()).map_err(|error| failed(&error.to_string()))?;
        let mut labels = self.server.labels.clone();
        labels.insert(HOST_KEY.to_owned(), key.to_label());
        self.platform.relabel(&self.server.id, &labels).await?;
        run(&guest, &machine, INSTALL_KEY).await?;
        let guest = Reach::new(self.reach.identities.clone()).guest(guest.address, vec![key]);
        let deadline = Instant::now() + RESTARTING;
        let root = guest.endpoint(true);
        guest.connections.wait_until_reachable(&root, deadline, &|_| ()).await?;
        self.report(&key, labels).await?;
        // Later connections are made by the pool that all share.
        Ok(self.reach.guest(guest.address, vec![key]))
    }

    async fn report(&self, key: &HostKey, mut labels: Labels) -> Result<(), ProviderError> {
        labels.remove(ONCE_KEY);
        self.platform.relabel(&self.server.id, &labels).await?;
        self.reporter.send(Report::Attributes(self.server.access(&key.to_openssh())));
        Ok(())
    }

    fn machine(&self) -> Machine {
        Machine::of(self.server.id.clone())
    }
}

async fn run(guest: &Guest, machine: &Machine, script: &str) -> Result<String, ProviderError> {
    let request = ExecRequest {
        machine: machine.clone(),
        argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        env: Default::default(),
        workdir: Some("/".to_owned()),
        timeout: Some(RESTARTING),
        io: ExecIo::Capture(None),
    };
    let outcome = guest.exec(request).await?;
    match outcome.code {
        0 => Ok(String::from_utf8_lossy(&outcome.stdout).into_owned()),
        code => {
            let said = String::from_utf8_lossy(&outcome.stderr);
            Err(failed(&format!("it ended with {code}: {}", said.trim())))
        }
    }
}

fn failed(why: &str) -> ProviderError {
    let message = format!("The server's host key could not be replaced: {why}.");
    ProviderError::new(ProviderErrorKind::Rejected, message)
}
