//! Orders a server, once and no second time, and waits until it is up.
//!
//! Names are unique in a project, and each operation has its own, so an order
//! whose answer was lost can be sent again: at most one of the two is taken.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::calls::hashed;
use super::client::Client;
use super::models::{CreateServerRequest, CreateServerRequestFirewalls};
use super::others::found;
use super::wire::{Action, Made, Server};
use crate::object::{OperationId, RemoteId};
use crate::provider::cloud::labels::Labels;
use crate::provider::cloud::once::once;
use crate::provider::cloud::place::{Planned, half_made};
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Report, Reporter};
use crate::value::Value;

/// How long a server may take to be up after it was ordered.
pub const STARTING: Duration = Duration::from_secs(600);
/// Between two looks at a server whose actions are not known.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks at a server that is off while nothing is done to it, nothing
/// more is waited for: what should have started it has failed.
const MOST_RESTS: usize = 5;

/// What is ordered, whatever the candidate.
pub struct Order {
    pub operation: OperationId,
    pub name: String,
    /// A name or an id.
    pub image: String,
    pub labels: Labels,
    /// Ids of SSH keys.
    pub ssh_keys: Vec<String>,
    pub firewall: Option<i64>,
    pub user_data: String,
}

impl Order {
    fn request(&self, candidate: &Planned) -> CreateServerRequest {
        let firewall = |firewall| vec![CreateServerRequestFirewalls { firewall }];
        let keys = (!self.ssh_keys.is_empty()).then(|| self.ssh_keys.clone());
        CreateServerRequest {
            name: self.name.clone(),
            server_type: candidate.server_type.clone(),
            image: self.image.clone(),
            location: Some(candidate.location.clone()),
            labels: Some(hashed(&self.labels)),
            ssh_keys: keys,
            firewalls: self.firewall.map(firewall),
            user_data: Some(self.user_data.clone()),
            start_after_create: Some(true),
            ..CreateServerRequest::default()
        }
    }
}

/// Orders one candidate and waits until it is up. One that the platform took and
/// then had no room for is deleted again.
pub async fn up(
    client: &Client,
    order: &Order,
    candidate: &Planned,
    reporter: &Reporter,
) -> Result<Server, ProviderError> {
    let request = order.request(candidate);
    let send = || client.create_server(&request);
    let made = once(send, || found::<Server>(client, &order.operation)).await;
    let made = made.map_err(|error| taken(order, error))?;
    let id = RemoteId::from(made.object.id.to_string());
    reporter.send(Report::RemoteId(id.clone()));
    let cost = Value::from(candidate.hourly_cost.as_str());
    reporter.send(Report::Attributes(vec![("hourly_cost".into(), cost)]));
    reporter.waiting();
    let partly = |error: ProviderError| half_made(error, &order.name, &id);
    match started(client, &made, reporter).await {
        Ok(server) => Ok(server),
        Err(error) if error.kind == ProviderErrorKind::NoCapacity => {
            let actions = client.delete::<Server>(made.object.id).await.map_err(partly)?;
            let gone = client.wait(&actions, STARTING, |_| ()).await;
            gone.map_err(|error| partly(error.into()))?;
            Err(error.committed(Committed::No))
        }
        Err(error) => Err(partly(error)),
    }
}

async fn started(
    client: &Client,
    made: &Made<Server>,
    reporter: &Reporter,
) -> Result<Server, ProviderError> {
    if made.actions.is_empty() {
        return running(client, made.object.id, reporter).await;
    }
    let tell = |action: &Action| reporter.phase(progress(action));
    client.wait(&made.actions, STARTING, tell).await?;
    Ok(made.object.clone())
}

/// Says how far an action is.
pub fn progress(action: &Action) -> String {
    format!("{} {:.0} %", action.command.replace('_', " "), action.progress)
}

/// Waits for a server whose actions are not known.
pub async fn running(
    client: &Client,
    id: u64,
    reporter: &Reporter,
) -> Result<Server, ProviderError> {
    let end = Instant::now() + STARTING;
    let mut rests = 0;
    loop {
        let Some(server) = client.read::<Server>(id).await? else {
            let message = format!("The server {id} vanished while it was starting.");
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
        };
        if server.is_running() {
            return Ok(server);
        }
        rests = if server.is_off() && !server.locked { rests + 1 } else { 0 };
        if Instant::now() >= end || rests == MOST_RESTS {
            let message = format!("The server {id} is still `{}`.", server.status);
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
        }
        reporter.phase(format!("server is {}", server.status));
        sleep(LOOK).await;
    }
}

/// Says of a name that it belongs to another server.
fn taken(order: &Order, error: ProviderError) -> ProviderError {
    if error.kind != ProviderErrorKind::AlreadyExists || error.committed != Committed::No {
        return error;
    }
    let name = &order.name;
    let message = format!(
        "The Hetzner project has a server called `{name}` already, which this sandbox is not. \
         Choose another `name`, or leave it out."
    );
    ProviderError::new(ProviderErrorKind::AlreadyExists, message)
}
