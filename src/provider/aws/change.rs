//! Changes a living instance in place: its tags, its security group, its type.

use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::ids::Place;
use super::order::running;
use super::remote;
use super::wire::{Instance, Tags};
use crate::provider::cloud::place::{Planned, gone};
use crate::provider::{ProviderError, ProviderErrorKind, Report, Reporter};

/// How long an instance may take to shut down before its power is cut.
const SHUTTING_DOWN: Duration = Duration::from_secs(180);
/// How long it may take then.
const STOPPING: Duration = Duration::from_secs(300);

/// A living instance that is being changed.
pub struct Changing<'a> {
    pub client: &'a Client,
    pub instance: Instance,
    pub reporter: &'a Reporter,
}

impl Changing<'_> {
    fn parts(&self) -> (&str, &str) {
        (&self.instance.region, &self.instance.id)
    }

    /// Sets all tags.
    pub async fn retag(&self, wanted: &Tags) -> Result<(), ProviderError> {
        self.client.retag(self.parts(), &self.instance.tags, wanted).await
    }

    /// Puts the instance into one security group, and out of all others.
    pub async fn fence(&self, group: &str) -> Result<(), ProviderError> {
        if matches!(self.instance.groups.as_slice(), [(only, _)] if only == group) {
            return Ok(());
        }
        let (region, id) = self.parts();
        self.client.set_groups(region, id, &[group.to_owned()]).await
    }

    /// Tells whether the instance has one of the types that were planned; where none was
    /// planned, any will do.
    pub fn is_one_of(&self, candidates: &[Planned]) -> bool {
        let is_own = |c: &Planned| c.server_type == self.instance.instance_type;
        candidates.is_empty() || candidates.iter().any(is_own)
    }

    /// Makes the instance one of the first candidate's type that there is room for; it
    /// is off meanwhile, and on again afterwards whatever happens.
    pub async fn rescale(&self, candidates: &[Planned]) -> Result<Planned, ProviderError> {
        let (region, id) = self.parts();
        self.switch_off().await?;
        let mut refused = Vec::new();
        for candidate in candidates {
            self.reporter.phase(format!("becoming a {}", candidate.server_type));
            self.client.set_type(region, id, &candidate.server_type).await?;
            // Whether there is room shows when it starts.
            match self.on().await {
                Ok(()) => return Ok(candidate.clone()),
                Err(error) if error.kind == ProviderErrorKind::NoCapacity => {
                    refused.push(error.message);
                }
                Err(error) => return Err(error),
            }
        }
        self.client.set_type(region, id, &self.instance.instance_type).await?;
        self.on().await?;
        let message =
            format!("No candidate has room in {}. {}", self.instance.zone, refused.join(" "));
        Err(ProviderError::new(ProviderErrorKind::NoCapacity, message))
    }

    /// Switches the instance on if it is off; one that is shutting down is let come to
    /// its end first.
    pub async fn switch_on(&self) -> Result<(), ProviderError> {
        if !self.instance.goes_off() {
            return Ok(());
        }
        if !self.instance.is_off() {
            self.await_off().await?;
        }
        self.on().await
    }

    async fn on(&self) -> Result<(), ProviderError> {
        let (region, id) = self.parts();
        self.reporter.phase("switching on");
        self.client.start(region, id).await?;
        let instance = running(self.client, (region, id), self.reporter).await?;
        // It may have another address now, whatever becomes of the change.
        self.reporter.send(Report::Attributes(remote::server(&instance).whereabouts()));
        Ok(())
    }

    async fn switch_off(&self) -> Result<(), ProviderError> {
        if self.read().await?.is_off() {
            return Ok(());
        }
        self.reporter.phase("shutting down");
        let (region, id) = self.parts();
        self.client.stop(region, id, false).await?;
        self.await_off().await
    }

    /// Waits until an instance that shuts down is off; in the end its power is cut.
    async fn await_off(&self) -> Result<(), ProviderError> {
        let begin = Instant::now();
        let (mut is_cut, mut looks) = (false, self.client.looks());
        while !self.read().await?.is_off() {
            let (region, id) = self.parts();
            if begin.elapsed() >= STOPPING {
                let message = format!("The instance {id} does not shut down.");
                return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
            }
            if begin.elapsed() >= SHUTTING_DOWN && !is_cut {
                self.reporter.phase("switching off");
                self.client.stop(region, id, true).await?;
                is_cut = true;
            }
            looks.pause().await;
        }
        Ok(())
    }

    /// Reads the instance as it is now.
    pub async fn read(&self) -> Result<Instance, ProviderError> {
        let (region, id) = self.parts();
        let place = Place { region: region.to_owned(), id: id.to_owned() };
        let read = self.client.instance(region, id).await?;
        read.ok_or_else(|| gone(&super::ids::id(&place.region, &place.id)))
    }
}
