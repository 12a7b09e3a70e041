//! What there is to know of a project before anything is planned: whether the token
//! works, how many calls are left, and what can be ordered.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::call::Call;
use super::client::Client;
use super::pages::Filter;
use super::selector::Selector;
use super::shelves::{self, Answers};
use super::wire::{Location, Resource, Server};
use crate::provider::cloud::catalogue::Catalogue;
use crate::provider::{Account, ProviderError, ProviderErrorKind};

/// Says what the token opens. Hetzner's API names no project.
pub async fn whoami(client: &Client) -> Result<Account, ProviderError> {
    let locations = client.list::<Location>(&Filter::all()).await?;
    let servers = client.count::<Server>(&Filter::all()).await?;
    let ours = client.count::<Server>(&Filter::labelled(&Selector::ours())).await?;
    let summary = match client.may_write().await? {
        true => "Hetzner Cloud, with a token that may read and write",
        false => "Hetzner Cloud, with a token that may only read: enough to plan, not to apply",
    };
    let places: Vec<&str> = locations.iter().map(|location| location.name.as_str()).collect();
    let mut details = vec![
        ("servers".to_owned(), format!("{servers}, of which {ours} made by sandplan")),
        ("locations".to_owned(), places.join(", ")),
    ];
    if let Some(limit) = client.limits() {
        let line = format!("{} calls an hour, {} left", limit.limit, limit.remaining);
        details.push(("rate limit".to_owned(), line));
    }
    Ok(Account { summary: summary.to_owned(), details })
}

impl Client {
    /// Tells whether the token may write, by deleting what cannot be there: ids of
    /// objects begin at 1, and a token that only reads is refused by the method.
    async fn may_write(&self) -> Result<bool, ProviderError> {
        const NOBODY: &str = "ssh_keys/0";
        let call = Call::delete(NOBODY, "see whether the token may write");
        match self.fetch_or_default::<Json>(&call).await {
            Err(error) if ["token_readonly", "forbidden"].contains(&error.code()) => Ok(false),
            Err(error) if !error.is_refusal() => Err(error.into()),
            _ => Ok(true),
        }
    }
}

/// Fetches what can be ordered.
pub async fn catalogue(client: &Client, now: Timestamp) -> Result<Catalogue, ProviderError> {
    let all = Filter::all();
    // Those that will be taken away are told from those that never were.
    let system = all.clone().with("type", "system").with("include_deprecated", "true");
    let (types, places, images, pricing) = tokio::try_join!(
        client.list::<TypeEntry>(&all),
        client.list::<PlaceEntry>(&all),
        client.list::<ImageEntry>(&system),
        client.pricing(),
    )?;
    let server_types: Vec<Json> = types.into_iter().map(|entry| entry.0).collect();
    let locations: Vec<Json> = places.into_iter().map(|entry| entry.0).collect();
    let images: Vec<Json> = images.into_iter().map(|entry| entry.0).collect();
    let answers = Answers {
        server_types: &server_types,
        locations: &locations,
        images: &images,
        pricing: Some(&pricing),
    };
    let read = shelves::catalogue(&answers, now);
    read.map_err(|error| ProviderError::new(ProviderErrorKind::Unavailable, format!("{error}.")))
}

/// An entry of the catalogue, which reads it itself.
macro_rules! entry {
    ($name:ident, $path:literal, $key:literal, $word:literal) => {
        #[derive(serde::Deserialize)]
        #[serde(transparent)]
        struct $name(Json);

        impl Resource for $name {
            const PATH: &'static str = $path;
            const KEY: &'static str = $key;
            const WORD: &'static str = $word;
            const SORT: Option<&'static str> = None;

            fn id(&self) -> u64 {
                self.0["id"].as_u64().unwrap_or_default()
            }
        }
    };
}

entry!(TypeEntry, "server_types", "server_type", "server type");
entry!(PlaceEntry, "locations", "location", "location");
entry!(ImageEntry, "images", "image", "image");
