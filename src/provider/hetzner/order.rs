//! Orders a server: of the candidates, the first that has room; once, and no
//! second time.
//!
//! Names are unique in a project, and each operation has its own, so an order
//! whose answer was lost can be sent again: at most one of the two is taken.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::calls::hashed;
use super::client::Client;
use super::labels::{Labels, Selector};
use super::models::{CreateServerRequest, CreateServerRequestFirewalls};
use super::pages::Filter;
use super::wire::{Action, Made, Server};
use crate::object::{OperationId, RemoteId};
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Report, Reporter};
use crate::value::Value;

/// How long a server may take to be up after it was ordered.
pub const STARTING: Duration = Duration::from_secs(600);
/// How often an order is sent of which nobody knows whether it arrived.
const MOST_SENDINGS: usize = 4;
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

/// A server type in a place, with its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub server_type: String,
    pub location: String,
    /// With its currency, or `unknown`.
    pub hourly_cost: String,
}

impl Candidate {
    /// Reads the candidates that were planned, in order.
    pub fn planned(attributes: &Value) -> Vec<Self> {
        let text = |of: &Value, name: &str| of.get(name)?.as_str().map(str::to_owned);
        let read = |of: &Value| {
            Some(Self {
                server_type: text(of, "server_type")?,
                location: text(of, "location")?,
                hourly_cost: text(of, "hourly_cost").unwrap_or_else(|| "unknown".to_owned()),
            })
        };
        let planned = attributes.get("candidates").and_then(Value::as_elements);
        planned.unwrap_or_default().iter().filter_map(read).collect()
    }
}

impl Order {
    fn request(&self, candidate: &Candidate) -> CreateServerRequest {
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

/// Orders a server and waits until it is up.
pub async fn place(
    client: &Client,
    order: &Order,
    candidates: &[Candidate],
    reporter: &Reporter,
) -> Result<(Server, Candidate), ProviderError> {
    let mut full = Vec::new();
    for candidate in candidates {
        let Candidate { server_type, location, .. } = candidate;
        reporter.phase(match full.is_empty() {
            true => format!("ordering {server_type} in {location}"),
            false => format!("no room so far; ordering {server_type} in {location}"),
        });
        match up(client, order, candidate, reporter).await {
            Err(error) if is_full(&error) => {
                full.push(format!("{server_type} in {location}"));
            }
            made => return made.map(|server| (server, candidate.clone())),
        }
    }
    Err(no_room(&full))
}

fn is_full(error: &ProviderError) -> bool {
    error.kind == ProviderErrorKind::NoCapacity && error.committed == Committed::No
}

fn no_room(full: &[String]) -> ProviderError {
    let (kind, message) = match full {
        [] => (
            ProviderErrorKind::Rejected,
            "The plan names no server type to order. Run `sandplan plan` again.".to_owned(),
        ),
        all => (
            ProviderErrorKind::NoCapacity,
            format!(
                "Hetzner has no room now for {}. Add further regions or server types to the \
                 lists, or try again later.",
                all.join(", ")
            ),
        ),
    };
    ProviderError::new(kind, message)
}

/// Orders one candidate and waits until it is up. One that the platform took and
/// then had no room for is deleted again.
async fn up(
    client: &Client,
    order: &Order,
    candidate: &Candidate,
    reporter: &Reporter,
) -> Result<Server, ProviderError> {
    let made = submit(client, order, candidate).await?;
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

/// Says of a server that is not up that it is there all the same.
fn half_made(error: ProviderError, name: &str, id: &RemoteId) -> ProviderError {
    let message = format!(
        "{} The server `{name}` ({id}) was ordered and is not up; the next `sandplan apply` \
         replaces it.",
        error.message
    );
    ProviderError { message, ..error }.committed(Committed::Partially(id.clone()))
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

/// Sends an order until it is known to be taken or refused.
async fn submit(
    client: &Client,
    order: &Order,
    candidate: &Candidate,
) -> Result<Made<Server>, ProviderError> {
    let request = order.request(candidate);
    let mut sendings = 0;
    loop {
        sendings += 1;
        let error = match client.create_server(&request).await {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        let is_open = error.committed == Committed::Unknown;
        if !is_open && error.kind != ProviderErrorKind::AlreadyExists {
            return Err(error);
        }
        // Who cannot ask is no wiser: then what the order said stands.
        let filter = Filter::labelled(&Selector::operation(&order.operation));
        let found = client.list::<Server>(&filter).await;
        match found.map(|found| found.into_iter().next()) {
            Ok(Some(server)) => return Ok(Made { object: server, actions: Vec::new() }),
            Ok(None) if is_open && sendings < MOST_SENDINGS => {}
            Ok(None) if !is_open => return Err(taken(&order.name)),
            _ => return Err(error.committed(Committed::Unknown)),
        }
    }
}

fn taken(name: &str) -> ProviderError {
    let message = format!(
        "The Hetzner project has a server called `{name}` already, which this sandbox is not. \
         Choose another `name`, or leave it out."
    );
    ProviderError::new(ProviderErrorKind::AlreadyExists, message)
}
