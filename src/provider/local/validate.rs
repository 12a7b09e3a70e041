//! What this platform cannot honour, said before anything is made. Pure.

use super::{HONOURS, portable};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::ResourceConfig;
use crate::provider::sandbox::{Sandbox, schema};
use crate::schema::PLATFORMS;
use crate::value::Value;

const UNSUPPORTED: &str = "unsupported-argument";
/// Where commands inside may write, and so `file` and `sync` too.
const WRITABLE: [&str; 3] = ["/home/agent", "/workspace", "/tmp"];

/// Checks a sandbox's arguments; `honouring` answers which platforms honour one.
pub fn validate(
    config: &ResourceConfig<'_>,
    honouring: &dyn Fn(&str) -> Vec<&'static str>,
) -> Diagnostics {
    let mut problems = portable::check(config, Some(&WRITABLE));
    problems
        .extend(unsupported(config).map(|argument| {
            portable::unsupported(config, argument, "local", &honouring(argument))
        }));
    problems.extend(network(config));
    problems.extend(ports(config));
    problems
}

/// Lists the arguments that ask for something and cannot be honoured. Blocks of
/// other platforms may stand in a portable file; our own has no arguments.
fn unsupported<'a>(config: &'a ResourceConfig<'_>) -> impl Iterator<Item = &'a str> {
    let names = config.attributes.as_attributes().into_iter().flat_map(|all| all.iter());
    let asked = names.filter(|(_, value)| !asks_nothing_known(value)).map(|(name, _)| &**name);
    asked.filter(|name| {
        let computed = schema().block.attribute(name).is_some_and(|a| !a.configurable);
        let of_others = PLATFORMS.contains(name) && *name != "local";
        let known = *name == "local" || schema().block.configurable_names().any(|n| n == *name);
        known && !computed && !of_others && !HONOURS.contains(name)
    })
}

/// An unknown value may turn out to ask for nothing.
fn asks_nothing_known(value: &Value) -> bool {
    value.is_unknown() || portable::asks_nothing(value)
}

fn network(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let network = config.attributes.get("network")?.as_str()?;
    (!["none", "host"].contains(&network)).then(|| {
        let detail = format!(
            "The network of a sandbox on this machine is \"host\" (the default) or \"none\", not \
             \"{network}\"."
        );
        error(config, "network", (UNSUPPORTED, "Network not supported by the provider"), detail)
    })
}

fn ports(config: &ResourceConfig<'_>) -> Vec<Diagnostic> {
    let sandbox = Sandbox::from_value(config.attributes);
    let moved = sandbox.ports.iter().filter(|(_, port)| port.host.is_some_and(|h| h != port.guest));
    let mut problems: Vec<_> = moved
        .map(|(name, port)| {
            let detail = format!(
                "A sandbox on this machine shares its ports, so port \"{name}\" is reached as \
                 {guest} and as no other number. Remove `host`.",
                guest = port.guest
            );
            error(config, "port", (UNSUPPORTED, "Port cannot be moved"), detail)
        })
        .collect();
    if sandbox.network.as_deref() == Some("none") && !sandbox.ports.is_empty() {
        let detail = "The sandbox has no network, so its ports cannot be reached. Remove the \
                      `port` blocks, or `network = \"none\"`.";
        problems.push(error(
            config,
            "port",
            ("unreachable-port", "Port without a network"),
            detail.into(),
        ));
    }
    problems
}

/// Makes an error about an argument from its code and summary, and its detail.
fn error(
    config: &ResourceConfig<'_>,
    argument: &str,
    (code, summary): (&'static str, &str),
    detail: String,
) -> Diagnostic {
    let range = (config.range_of)(argument);
    Diagnostic::error(code, summary).detail(detail).at(range).address(config.address)
}
