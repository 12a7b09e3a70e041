//! What platforms that rent servers have in common: plans over what they sell, as
//! plain data and pure functions; whose a server is; how it is ordered once, and
//! reached over SSH by a pinned host key.
//!
//! Nothing here calls a platform. A platform's own folder reads its answers into a
//! [`catalogue::Catalogue`] and a [`server::Server`], and says in [`terms::Terms`]
//! how it speaks.

pub mod catalogue;
pub mod escape;
pub mod labels;
pub mod living;
pub mod object;
pub mod objects;
pub mod offer;
pub mod once;
pub mod orderable;
pub mod place;
pub mod plan;
pub mod price;
pub mod prices;
pub mod reach;
pub mod reachable;
pub mod region;
pub mod rules;
pub mod schema;
pub mod seed;
pub mod server;
pub mod terms;
pub mod validate;
pub mod wish;

use std::time::Duration;

/// How long a request may still be carried out whose sender has ended: it is on its
/// way, or in a queue, or done and not listed yet. No platform states a bound.
pub const LAG: Duration = Duration::from_secs(5);
