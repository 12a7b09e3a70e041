//! Orders a server: of the candidates that were planned, the first that has room.

use crate::object::RemoteId;
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Reporter};
use crate::value::Value;

use super::terms::Terms;

/// A server type in a place, with its price, as a plan has written it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub server_type: String,
    pub location: String,
    /// With its currency, or `unknown`.
    pub hourly_cost: String,
    /// The id of what its disk begins with, where the plan has chosen it.
    pub image: Option<String>,
}

impl Planned {
    /// Reads the candidates that were planned, in order.
    pub fn all(attributes: &Value) -> Vec<Self> {
        let text = |of: &Value, name: &str| of.get(name)?.as_str().map(str::to_owned);
        let read = |of: &Value| {
            Some(Self {
                server_type: text(of, "server_type")?,
                location: text(of, "location")?,
                hourly_cost: text(of, "hourly_cost").unwrap_or_else(|| "unknown".to_owned()),
                image: text(of, "image"),
            })
        };
        let planned = attributes.get("candidates").and_then(Value::as_elements);
        planned.unwrap_or_default().iter().filter_map(read).collect()
    }
}

/// Tries candidates in order until one has room. `up` orders one; where there is no
/// room for it, it leaves nothing behind.
pub async fn place<'a, T, F: Future<Output = Result<T, ProviderError>>>(
    terms: &Terms,
    candidates: &'a [Planned],
    reporter: &Reporter,
    up: impl Fn(&'a Planned) -> F,
) -> Result<(T, Planned), ProviderError> {
    let mut full = Vec::new();
    for candidate in candidates {
        let Planned { server_type, location, .. } = candidate;
        reporter.phase(match full.is_empty() {
            true => format!("ordering {server_type} in {location}"),
            false => format!("no room so far; ordering {server_type} in {location}"),
        });
        match up(candidate).await {
            Err(error) if is_full(&error) => {
                full.push(format!("{server_type} in {location}"));
            }
            made => return made.map(|server| (server, candidate.clone())),
        }
    }
    Err(no_room(terms, &full))
}

fn is_full(error: &ProviderError) -> bool {
    error.kind == ProviderErrorKind::NoCapacity && error.committed == Committed::No
}

fn no_room(terms: &Terms, full: &[String]) -> ProviderError {
    let Terms { platform, server_type, .. } = terms;
    let (kind, message) = match full {
        [] => (
            ProviderErrorKind::Rejected,
            format!("The plan names no {server_type} to order. Run `sandplan plan` again."),
        ),
        all => (
            ProviderErrorKind::NoCapacity,
            format!(
                "{platform} has no room now for {}. Add further regions or {server_type}s to the \
                 lists, or try again later.",
                all.join(", ")
            ),
        ),
    };
    ProviderError::new(kind, message)
}

/// Says of a server that is not up that it is there all the same.
pub fn half_made(error: ProviderError, name: &str, id: &RemoteId) -> ProviderError {
    let message = format!(
        "{} The server `{name}` ({id}) was ordered and is not up; the next `sandplan apply` \
         replaces it.",
        error.message
    );
    ProviderError { message, ..error }.committed(Committed::Partially(id.clone()))
}

/// Says that a server is not there any more.
pub fn gone(id: &RemoteId) -> ProviderError {
    let message = format!("The server {id} is gone. Run `sandplan plan` to see what is missing.");
    ProviderError::new(ProviderErrorKind::NotFound, message)
}
