//! What the API answers, read leniently: what is missing or null has a default,
//! what is new is passed over, and words (such as a status) stay text, so that
//! an unknown one fails nothing.

mod action;
mod envelope;
mod firewall;
mod image;
mod lenient;
mod location;
mod primary_ip;
mod server;
mod server_type;
mod ssh_key;

use serde::de::DeserializeOwned;

pub use action::{Action, ActionFailure, ActionResource};
pub use envelope::{Made, One, Page};
pub use firewall::{AppliedTo, Firewall, FirewallRule};
pub use image::{CreatedFrom, Image};
pub use location::Location;
pub use primary_ip::PrimaryIp;
pub use server::{FirewallOnServer, Protection, PublicIp, PublicNet, Server};
pub use server_type::ServerType;
pub use ssh_key::SshKey;

/// A type of object that the API keeps.
pub trait Resource: DeserializeOwned + Send + 'static {
    /// Where its objects are, and the key of a list: `servers`.
    const PATH: &'static str;
    /// The key of one object: `server`.
    const KEY: &'static str;
    /// What users call it.
    const WORD: &'static str;
    /// How pages are sorted, so that they fit together; not all lists can be.
    const SORT: Option<&'static str>;

    fn id(&self) -> u64;
}

/// Names the type for the API and for users.
macro_rules! resource {
    ($name:ident, $path:literal, $key:literal, $word:literal) => {
        super::resource!($name, $path, $key, $word, Some("id:asc"));
    };
    ($name:ident, $path:literal, $key:literal, $word:literal, $sort:expr) => {
        impl super::Resource for $name {
            const PATH: &'static str = $path;
            const KEY: &'static str = $key;
            const WORD: &'static str = $word;
            const SORT: Option<&'static str> = $sort;

            fn id(&self) -> u64 {
                self.id
            }
        }
    };
}
use resource;
