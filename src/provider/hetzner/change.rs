//! Changes a living server in place: its name and labels, its firewall, its type,
//! its disk.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::Client;
use super::order::{progress, running};
use super::wire::{Action, Server};
use crate::provider::cloud::labels::Labels;
use crate::provider::cloud::place::{Planned, gone};
use crate::provider::{ProviderError, ProviderErrorKind, Reporter};

/// How long an action on a living server may take.
const ACTING: Duration = Duration::from_secs(900);
/// How long a server may take to shut down before its power is cut.
const SHUTTING_DOWN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(1);

/// A living server that is being changed.
pub struct Changing<'a> {
    pub client: &'a Client,
    pub server: Server,
    pub reporter: &'a Reporter,
}

impl Changing<'_> {
    /// Waits for actions, and tells how far they are.
    pub async fn done(&self, actions: &[Action]) -> Result<(), ProviderError> {
        let tell = |action: &Action| self.reporter.phase(progress(action));
        Ok(self.client.wait(actions, ACTING, tell).await?)
    }

    /// Sets all labels, and the name where one is given.
    pub async fn relabel(
        &self,
        name: Option<&str>,
        labels: &Labels,
    ) -> Result<Server, ProviderError> {
        let name = name.filter(|name| *name != self.server.name);
        self.client.change::<Server>(self.server.id, name, labels).await
    }

    /// Puts one firewall in the place of another; the new one first, so that the
    /// server is never without.
    pub async fn fence(&self, old: Option<u64>, new: Option<u64>) -> Result<(), ProviderError> {
        if old == new {
            return Ok(());
        }
        if let Some(new) = new {
            self.done(&self.client.apply_firewall(new, self.server.id).await?).await?;
        }
        if let Some(old) = old {
            self.done(&self.client.remove_firewall(old, self.server.id).await?).await?;
        }
        Ok(())
    }

    /// Tells whether the server has one of the types that were planned; where none was
    /// planned, any will do.
    pub fn is_one_of(&self, candidates: &[Planned]) -> bool {
        let is_own = |c: &Planned| c.server_type == self.server.server_type.name;
        candidates.is_empty() || candidates.iter().any(is_own)
    }

    /// Makes the server one of the first candidate's type that there is room for; it
    /// is off meanwhile, and on again afterwards whatever happens.
    pub async fn rescale(&self, candidates: &[Planned]) -> Result<Planned, ProviderError> {
        self.switch_off().await?;
        let rescaled = self.first_with_room(candidates).await;
        self.reporter.phase("switching on");
        let on = match self.client.power_on(self.server.id).await {
            Ok(actions) => self.done(&actions).await,
            Err(error) => Err(error),
        };
        let rescaled = rescaled?;
        on?;
        running(self.client, self.server.id, self.reporter).await?;
        Ok(rescaled)
    }

    async fn first_with_room(&self, candidates: &[Planned]) -> Result<Planned, ProviderError> {
        let mut refused = Vec::new();
        for candidate in candidates {
            let kind = &candidate.server_type;
            self.reporter.phase(format!("becoming a {kind}"));
            let changed = match self.client.change_type(self.server.id, kind).await {
                Ok(actions) => self.done(&actions).await,
                Err(error) => Err(error),
            };
            match changed {
                Ok(()) => return Ok(candidate.clone()),
                Err(error) if error.kind == ProviderErrorKind::NoCapacity => {
                    refused.push(error.message);
                }
                Err(error) => return Err(error),
            }
        }
        let message =
            format!("No candidate has room in {}. {}", self.server.location, refused.join(" "));
        Err(ProviderError::new(ProviderErrorKind::NoCapacity, message))
    }

    /// Switches the server on if it is off; one that is shutting down is let come to
    /// its end first.
    pub async fn switch_on(&self) -> Result<(), ProviderError> {
        if !self.server.goes_off() {
            return Ok(());
        }
        if !self.server.is_off() {
            self.await_off().await?;
        }
        self.reporter.phase("switching on");
        self.done(&self.client.power_on(self.server.id).await?).await?;
        running(self.client, self.server.id, self.reporter).await.map(|_| ())
    }

    async fn switch_off(&self) -> Result<(), ProviderError> {
        if self.read().await?.is_off() {
            return Ok(());
        }
        self.reporter.phase("shutting down");
        self.done(&self.client.shut_down(self.server.id).await?).await?;
        self.await_off().await
    }

    /// Waits until a server that shuts down is off; in the end its power is cut.
    async fn await_off(&self) -> Result<(), ProviderError> {
        let end = Instant::now() + SHUTTING_DOWN;
        while Instant::now() < end {
            if self.read().await?.is_off() {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        self.reporter.phase("switching off");
        self.done(&self.client.power_off(self.server.id).await?).await
    }

    async fn read(&self) -> Result<Server, ProviderError> {
        let server = self.client.read::<Server>(self.server.id).await?;
        server.ok_or_else(|| gone(&self.server.id.to_string().into()))
    }

    /// Gives the server a new disk.
    pub async fn rebuild(&self, image: &str, user_data: Option<&str>) -> Result<(), ProviderError> {
        self.reporter.phase(format!("rebuilding from {image}"));
        self.reporter.waiting();
        self.done(&self.client.rebuild(self.server.id, image, user_data).await?).await?;
        running(self.client, self.server.id, self.reporter).await.map(|_| ())
    }
}
