//! What is wrong with a sandbox's arguments on this platform, whatever it sells
//! today. Pure; what is unknown is not complained of.
//!
//! What can be ordered is not checked here but by the plan, and only where
//! something is ordered: a server that exists may have a type that is no longer
//! sold.

use super::wish::is_names;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::{ResourceConfig, portable};
use crate::value::Value;

/// The arguments and blocks of a sandbox that this platform honours.
pub const HONOURS: [&str; 20] = [
    "agent",
    "env",
    "file",
    "from",
    "hetzner",
    "image",
    "labels",
    "mirrors",
    "name",
    "network",
    "packages",
    "port",
    "provision",
    "ready",
    "region",
    "size",
    "ssh_keys",
    "sync",
    "toolchain",
    "ttl",
];

/// The most bytes of user-data that the API takes.
pub const MAX_USER_DATA: usize = 32 * 1024;

/// Checks a sandbox's arguments. `user_data` is the size in bytes of what would
/// be sent along, where that can be rendered already.
pub fn validate(config: &ResourceConfig<'_>, user_data: Option<usize>) -> Diagnostics {
    let mut problems = portable::check(config, None);
    problems.extend(region(config));
    problems.extend(server_type(config));
    problems.extend(network(config));
    problems.extend(user_data.and_then(|size| too_large(config, size)));
    problems
}

fn region(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let region = config.attributes.get("region").filter(|region| !is_names(region))?;
    let detail = format!(
        "`region` is {}. Name a location such as \"ash\", or locations in the order in which they \
         are tried: [\"ash\", \"hil\"].",
        kind(region)
    );
    let problem = Diagnostic::error("invalid-region", "Invalid region").detail(detail);
    Some(placed(config, "region", problem))
}

fn server_type(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let own = config.attributes.get("hetzner")?;
    let server_type = own.get("server_type").filter(|types| !is_names(types))?;
    let detail = format!(
        "`server_type` is {}. Name a type such as \"cpx32\", or types in the order in which they \
         are tried: [\"cpx32\", \"cx33\"].",
        kind(server_type)
    );
    let problem = Diagnostic::error("invalid-server-type", "Invalid server type").detail(detail);
    Some(placed(config, "hetzner.server_type", problem))
}

fn kind(value: &Value) -> String {
    match value.as_elements() {
        Some([]) => "an empty list".to_owned(),
        Some(_) => "a list with something else than names in it".to_owned(),
        None if value.as_str().is_some() => "an empty text".to_owned(),
        None => format!("a value of type {}", value.type_of()),
    }
}

fn network(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let network = config.attributes.get("network")?.as_str()?;
    (network == "none").then(|| {
        let detail = "A sandbox of the provider `hetzner` is reached over the network, so it \
                      cannot be without one. Name a `network` block, or use the provider `local`.";
        let problem =
            Diagnostic::error("unsupported-argument", "Network not supported by the provider");
        placed(config, "network", problem.detail(detail))
    })
}

fn too_large(config: &ResourceConfig<'_>, size: usize) -> Option<Diagnostic> {
    (size > MAX_USER_DATA).then(|| {
        let detail = format!(
            "The user-data of this sandbox would have {size} bytes; Hetzner takes {MAX_USER_DATA}. \
             Name fewer packages, or install some in a `provision` step."
        );
        let problem = Diagnostic::error("user-data-too-large", "User-data too large");
        placed(config, "packages", problem.detail(detail))
    })
}

fn placed(config: &ResourceConfig<'_>, argument: &str, problem: Diagnostic) -> Diagnostic {
    problem.at((config.range_of)(argument)).address(config.address)
}

#[cfg(test)]
mod tests {
    use super::super::schema::schema;
    use super::*;
    use crate::address::ResourceType;

    fn codes(attributes: Value, user_data: Option<usize>) -> Vec<String> {
        let address = "sandbox.a".parse().expect("an address");
        let kind = ResourceType::Sandbox;
        let config = ResourceConfig {
            address: &address,
            kind,
            attributes: &attributes,
            range_of: &|_| None,
        };
        validate(&config, user_data).into_iter().map(|problem| problem.code.into_owned()).collect()
    }

    #[test]
    fn every_portable_argument_is_honoured() {
        let mut all: Vec<_> = schema().block.configurable_names().collect();
        all.sort_unstable();
        assert_eq!(all, HONOURS);
    }

    #[test]
    fn what_no_catalogue_is_needed_for_is_said_before_anything_is_asked() {
        let types = |value: Value| Value::object([("server_type", value)]);
        let size = |name: &'static str, value: Value| Value::object([(name, value)]);
        for (argument, value, expected) in [
            ("region", Value::tuple([]), "invalid-region"),
            ("region", Value::from(3i64), "invalid-region"),
            ("hetzner", types(Value::from("")), "invalid-server-type"),
            ("hetzner", types(Value::tuple([Value::from(true)])), "invalid-server-type"),
            ("network", Value::from("none"), "unsupported-argument"),
            ("name", Value::from("Not_a_name"), "invalid-name"),
            ("labels", Value::string_map([("sandplan-owner", "me")]), "invalid-label"),
            ("size", size("memory", Value::from("8")), "invalid-size"),
            ("size", size("vcpus", Value::from(0i64)), "invalid-size"),
            ("ttl", Value::from("soon"), "invalid-duration"),
        ] {
            assert_eq!(codes(Value::object([(argument, value)]), None), [expected], "{argument}");
        }
    }

    #[test]
    fn a_good_sandbox_and_an_unknown_one_have_no_problem() {
        let unknown = || Value::unknown();
        let types = Value::object([("server_type", unknown())]);
        let good = [
            ("region", Value::tuple([Value::from("ash"), unknown()])),
            ("hetzner", types),
            ("network", unknown()),
            ("size", Value::object([("memory", Value::from("8GiB")), ("vcpus", unknown())])),
        ];
        assert_eq!(codes(Value::object(good), Some(MAX_USER_DATA)), [""; 0]);
        assert_eq!(
            codes(Value::object::<&str>([]), Some(MAX_USER_DATA + 1)),
            ["user-data-too-large"]
        );
    }
}
