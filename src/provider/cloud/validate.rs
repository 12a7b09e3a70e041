//! What is wrong with a sandbox's arguments on this platform, whatever it sells
//! today. Pure; what is unknown is not complained of.
//!
//! What can be ordered is not checked here but by the plan, and only where
//! something is ordered: a server that exists may have a type that is no longer
//! sold.

use super::orderable::argument;
use super::region::is_names;
use super::terms::Terms;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::{ResourceConfig, portable};
use crate::value::Value;

/// Checks a sandbox's arguments. `user_data` is the size in bytes of what would
/// be sent along, as the platform counts it, where that can be rendered already.
pub fn validate(
    terms: &Terms,
    config: &ResourceConfig<'_>,
    user_data: Option<usize>,
) -> Diagnostics {
    let mut problems = portable::check(config, None);
    problems.extend(region(terms, config));
    problems.extend(server_type(terms, config));
    problems.extend(network(terms, config));
    problems.extend(user_data.and_then(|size| too_large(terms, config, size)));
    problems
}

fn region(terms: &Terms, config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let region = config.attributes.get("region").filter(|region| !is_names(region))?;
    let [first, second] = terms.examples.regions;
    let detail = format!(
        "`region` is {}. Name a {place} such as \"{first}\", or {place}s in the order in which \
         they are tried: [\"{first}\", \"{second}\"].",
        kind(region),
        place = if terms.only_own_regions { "region" } else { terms.location },
    );
    let problem = Diagnostic::error("invalid-region", "Invalid region").detail(detail);
    Some(placed(config, "region", problem))
}

fn server_type(terms: &Terms, config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let own = config.attributes.get(terms.block)?;
    let server_type = own.get(terms.type_argument).filter(|types| !is_names(types))?;
    let [first, second] = terms.examples.types;
    let detail = format!(
        "`{}` is {}. Name a type such as \"{first}\", or types in the order in which they are \
         tried: [\"{first}\", \"{second}\"].",
        terms.type_argument,
        kind(server_type)
    );
    let title = format!("Invalid {}", terms.server_type);
    let problem = Diagnostic::error("invalid-server-type", title).detail(detail);
    Some(placed(config, &argument(terms), problem))
}

fn kind(value: &Value) -> String {
    match value.as_elements() {
        Some([]) => "an empty list".to_owned(),
        Some(_) => "a list with something else than names in it".to_owned(),
        None if value.as_str().is_some() => "an empty text".to_owned(),
        None => format!("a value of type {}", value.type_of()),
    }
}

fn network(terms: &Terms, config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let network = config.attributes.get("network")?.as_str()?;
    (network == "none").then(|| {
        let detail = format!(
            "A sandbox of the provider `{}` is reached over the network, so it cannot be without \
             one. Name a `network` block, or use the provider `local`.",
            terms.block
        );
        let problem =
            Diagnostic::error("unsupported-argument", "Network not supported by the provider");
        placed(config, "network", problem.detail(detail))
    })
}

fn too_large(terms: &Terms, config: &ResourceConfig<'_>, size: usize) -> Option<Diagnostic> {
    (size > terms.user_data.bytes).then(|| {
        let packed = if terms.user_data.gzip { ", compressed" } else { "" };
        let detail = format!(
            "The user-data of this sandbox would have {size} bytes{packed}; {} takes {}. Name \
             fewer packages, or install some in a `provision` step.",
            terms.platform, terms.user_data.bytes
        );
        let problem = Diagnostic::error("user-data-too-large", "User-data too large");
        placed(config, "packages", problem.detail(detail))
    })
}

fn placed(config: &ResourceConfig<'_>, argument: &str, problem: Diagnostic) -> Diagnostic {
    problem.at((config.range_of)(argument)).address(config.address)
}
