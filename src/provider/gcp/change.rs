//! Changes a living instance in place: its labels, its network, its type, its run time.

use std::time::Duration;

use google_cloud_compute_v1::model::{Instance, InstancesSetLabelsRequest, Tags};

use super::calls::Act;
use super::client::Client;
use super::firewalls::{SSH_TAG, network_of};
use super::order::{self, gone, running};
use super::remote;
use super::wire::Place;
use crate::object::OperationId;
use crate::provider::cloud::labels::Labels;
use crate::provider::cloud::place::Planned;
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Report, Reporter};

/// How often something is read and changed again that others change, too.
const MOST_TURNS: usize = 4;

/// A living instance that is being changed.
pub struct Changing<'a> {
    pub client: &'a Client,
    pub place: &'a Place,
    pub operation: &'a OperationId,
    pub reporter: &'a Reporter,
}

/// What an instance that is off is started as.
pub struct Restart<'a> {
    /// The types to try, in order; none keeps the one that it has.
    pub candidates: &'a [Planned],
    pub spot: bool,
    pub run_time: Option<Duration>,
}

impl Changing<'_> {
    fn act(&self) -> Act<'_> {
        Act { place: self.place, operation: self.operation }
    }

    /// Reads the instance as it is now.
    pub async fn read(&self) -> Result<Instance, ProviderError> {
        self.client.instance(self.place).await?.ok_or_else(|| gone(self.place))
    }

    /// Sets all labels, to what `labels` makes of those that are there.
    pub async fn relabel(&self, labels: impl Fn(&Labels) -> Labels) -> Result<(), ProviderError> {
        let mut turns = 0;
        loop {
            turns += 1;
            let instance = self.read().await?;
            let before = remote::labels_of(&instance);
            let wanted = labels(&before);
            if wanted == before {
                return Ok(());
            }
            let body = InstancesSetLabelsRequest::new()
                .set_or_clear_label_fingerprint(instance.label_fingerprint.clone())
                .set_labels(wanted);
            match self.client.label_instance(self.act(), body).await {
                Err(error) if is_stale(&error) && turns < MOST_TURNS => {}
                done => return done,
            }
        }
    }

    /// Puts the instance behind other firewall rules; tags of others stay.
    pub async fn fence(&self, tag: &str) -> Result<(), ProviderError> {
        let mut turns = 0;
        loop {
            turns += 1;
            let tags = self.read().await?.tags.unwrap_or_default();
            let is_ours = |tag: &&String| *tag == SSH_TAG || network_of(tag).is_some();
            let foreign = tags.items.iter().filter(|tag| !is_ours(tag)).cloned();
            let wanted: Vec<String> = foreign.chain([tag.to_owned()]).collect();
            if wanted == tags.items {
                return Ok(());
            }
            let body = Tags::new().set_items(wanted);
            let body = body.set_or_clear_fingerprint(tags.fingerprint);
            match self.client.set_tags(self.act(), body).await {
                Err(error) if is_stale(&error) && turns < MOST_TURNS => {}
                done => return done,
            }
        }
    }

    /// Switches the instance off, changes what can only be changed then, and switches it
    /// on, whatever happens in between. Returns the candidate that it was made.
    pub async fn restart(&self, how: &Restart<'_>) -> Result<Option<Planned>, ProviderError> {
        self.switch_off().await?;
        self.limit(how).await.map_err(unknown)?;
        let was = self.read().await.map_err(unknown)?.machine_type.unwrap_or_default();
        let mut refused = Vec::new();
        for (turn, candidate) in how.candidates.iter().enumerate() {
            match self.become_a(&candidate.server_type, turn).await {
                Ok(()) => return Ok(Some(candidate.clone())),
                Err(error) if error.kind == ProviderErrorKind::NoCapacity => {
                    refused.push(error.message);
                }
                Err(error) => {
                    self.back(&was).await?;
                    return Err(error);
                }
            }
        }
        self.back(&was).await?;
        match refused.is_empty() {
            true => Ok(None),
            false => {
                let message =
                    format!("No candidate has room in {}. {}", self.place.zone, refused.join(" "));
                Err(ProviderError::new(ProviderErrorKind::NoCapacity, message))
            }
        }
    }

    /// Makes the instance one of a type, and starts it.
    async fn become_a(&self, kind: &str, turn: usize) -> Result<(), ProviderError> {
        self.reporter.phase(format!("becoming a {kind}"));
        self.client.set_machine_type(self.act(), kind).await?;
        self.start(&format!("as {kind} {turn}")).await
    }

    /// Starts the instance as it was.
    async fn back(&self, kind: &str) -> Result<(), ProviderError> {
        let kind = super::wire::last(kind);
        let now = self.read().await.map_err(unknown)?.machine_type.unwrap_or_default();
        if super::wire::last(&now) != kind {
            self.client.set_machine_type(self.act(), kind).await.map_err(unknown)?;
        }
        self.start("as it was").await.map_err(unknown)
    }

    /// Starts the instance if it is off; what ends it, and when, is set anew.
    pub async fn switch_on(&self, how: &Restart<'_>) -> Result<(), ProviderError> {
        if !remote::goes_off(&self.read().await?) {
            return Ok(());
        }
        self.switch_off().await?;
        self.limit(how).await?;
        self.start("again").await
    }

    /// Sets what ends the instance, and when; the platform counts from the start.
    async fn limit(&self, how: &Restart<'_>) -> Result<(), ProviderError> {
        let scheduling = self.read().await?.scheduling.unwrap_or_default();
        if how.run_time.is_none() && scheduling.max_run_duration.is_none() {
            return Ok(());
        }
        let wanted = order::scheduling(how.spot, how.run_time);
        self.client.set_scheduling(self.act(), wanted).await
    }

    async fn start(&self, deed: &str) -> Result<(), ProviderError> {
        self.reporter.phase("switching on");
        self.client.start_instance(self.act(), deed).await?;
        let instance = running(self.client, self.place, self.reporter).await?;
        // It may have another address now, whatever becomes of the change.
        self.reporter.send(Report::Attributes(remote::server(&instance).whereabouts()));
        Ok(())
    }

    /// Shuts the instance down and waits until it is off.
    pub async fn switch_off(&self) -> Result<(), ProviderError> {
        if remote::is_off(&self.read().await?) {
            return Ok(());
        }
        self.reporter.phase("shutting down");
        self.reporter.waiting();
        self.client.stop_instance(self.act(), "for a change").await
    }
}

/// Tells whether somebody else has changed it since it was read.
pub fn is_stale(error: &ProviderError) -> bool {
    error.kind == ProviderErrorKind::Unavailable && error.committed == Committed::No
}

/// Says of an error that what came before it has been done.
pub fn unknown(error: ProviderError) -> ProviderError {
    error.committed(Committed::Unknown)
}
