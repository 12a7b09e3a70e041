//! What is wrong with arguments on this platform besides what is wrong on all. Pure; what
//! is unknown is not complained of.

use super::firewalls::LONGEST_NETWORK;
use super::own::{LEAST_RUN, MOST_RUN};
use super::terms::{DEFAULT_VPC, TERMS};
use super::wire::is_name;
use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::cloud::{seed, validate};
use crate::provider::{ResourceConfig, portable};
use crate::value::Value;

/// Checks the arguments of a resource.
pub fn validate(config: &ResourceConfig<'_>) -> Diagnostics {
    let mut problems = match config.kind {
        ResourceType::Sandbox => {
            let size = seed::user_data_size(&TERMS, config);
            validate::validate(&TERMS, config, Some(size))
        }
        _ => portable::check(config, None),
    };
    // One problem of a name or label is enough.
    let found = |code: &str| problems.iter().any(|problem| problem.code == code);
    let (names, has_labels) = (found("invalid-name"), found("invalid-label"));
    if !names {
        problems.extend(name(config));
    }
    if !has_labels {
        problems.extend(labels(config));
    }
    if config.kind == ResourceType::Sandbox {
        problems.extend(ttl(config));
        problems.extend(fence(config));
    }
    problems
}

fn name(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let name = config.attributes.get("name")?.as_str()?;
    let longest = match config.kind {
        ResourceType::Network => LONGEST_NETWORK,
        _ => super::wire::LONGEST_NAME,
    };
    let wrong = !is_name(name) || name.len() > longest;
    wrong.then(|| {
        let detail = format!(
            "`{name}` cannot be a name on Google Cloud: it begins with a letter and has at most \
             {longest} lower-case letters, digits and inner hyphens."
        );
        placed(config, "name", Diagnostic::error("invalid-name", "Invalid name").detail(detail))
    })
}

/// Labels have lower case only, and no dots.
fn labels(config: &ResourceConfig<'_>) -> Vec<Diagnostic> {
    let Some(labels) = config.attributes.get("labels").and_then(Value::as_attributes) else {
        return Vec::new();
    };
    let problem = |key: &str, value: &Value| {
        let value = value.as_str().unwrap_or_default();
        let bad_key = !is_label(key) || !key.starts_with(|c: char| c.is_ascii_lowercase());
        let (what, text) = match (bad_key, is_label(value)) {
            (false, true) => return None,
            (true, _) => (format!("The key `{key}`"), key),
            (false, false) => (format!("The value `{value}` of `{key}`"), value),
        };
        let detail = format!(
            "{what} cannot be a label on Google Cloud: only lower-case letters, digits, `-` and \
             `_` may stand in it, at most 63, and a key begins with a letter."
        );
        let hint = format!("write `{}`", lowered(text, bad_key));
        let problem = Diagnostic::error("invalid-label", "Invalid label").detail(detail);
        Some(placed(config, "labels", problem.hint(Some(hint))))
    };
    labels.iter().filter_map(|(key, value)| problem(key, value)).collect()
}

fn is_label(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= 63 && text.chars().all(legal)
}

/// Writes a text as a label can have it.
fn lowered(text: &str, is_key: bool) -> String {
    let legal = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' => c,
        _ => '-',
    };
    let text: String = text.chars().map(legal).take(62).collect();
    match is_key && !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => format!("l{text}"),
        false => text,
    }
}

fn ttl(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let text = config.attributes.get("ttl")?.as_str()?;
    let ttl = crate::duration::parse(text).filter(|ttl| !ttl.is_zero())?;
    (ttl < LEAST_RUN || ttl > MOST_RUN).then(|| {
        let detail = format!(
            "`ttl` is \"{text}\". Google Cloud itself deletes an instance when its time is over, \
             and takes 30 seconds to 120 days for that."
        );
        let problem = Diagnostic::error("invalid-duration", "Invalid duration").detail(detail);
        placed(config, "ttl", problem)
    })
}

/// The rules of a `network` block are those of one VPC network.
fn fence(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let vpc = config.attributes.get("gcp")?.get("network")?.as_str()?;
    let is_fenced = config.attributes.get("network").is_some_and(|network| !network.is_null());
    (is_fenced && vpc != DEFAULT_VPC).then(|| {
        let detail = format!(
            "The firewall rules of a `network` block are made in the VPC network `{DEFAULT_VPC}`, \
             and this sandbox is in `{vpc}`. Leave `network` or `gcp.network` out."
        );
        let problem =
            Diagnostic::error("unsupported-argument", "Network not supported by the provider");
        placed(config, "network", problem.detail(detail))
    })
}

fn placed(config: &ResourceConfig<'_>, argument: &str, problem: Diagnostic) -> Diagnostic {
    problem.at((config.range_of)(argument)).address(config.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(kind: ResourceType, attributes: Value) -> Vec<Diagnostic> {
        let address = format!("{}.a", kind.as_str()).parse().expect("an address");
        let (address, attributes) = (&address, &attributes);
        let config = ResourceConfig { address, kind, attributes, range_of: &|_| None };
        validate(&config).into_iter().collect()
    }

    fn of_sandbox<const N: usize>(attributes: [(&'static str, Value); N]) -> Vec<Diagnostic> {
        problems(ResourceType::Sandbox, Value::object(attributes))
    }

    #[test]
    fn what_the_platform_cannot_hold_is_said_before_anything_is_asked() {
        let vpc = Value::object([("network", Value::from("other"))]);
        for (attributes, code) in [
            (vec![("name", Value::from("3d"))], "invalid-name"),
            (vec![("name", Value::from("Not_a_name"))], "invalid-name"),
            (vec![("ttl", Value::from("10s"))], "invalid-duration"),
            (vec![("ttl", Value::from("121d"))], "invalid-duration"),
            (vec![("labels", Value::string_map([("Team", "a")]))], "invalid-label"),
            (vec![("labels", Value::string_map([("team", "a.b")]))], "invalid-label"),
            (vec![("labels", Value::string_map([("a/b", "c")]))], "invalid-label"),
            (vec![("network", Value::from("n")), ("gcp", vpc.clone())], "unsupported-argument"),
        ] {
            let found = problems(ResourceType::Sandbox, Value::object(attributes.clone()));
            let codes: Vec<_> = found.iter().map(|problem| &*problem.code).collect();
            assert_eq!(codes, [code], "{attributes:?}");
        }
        let network = Value::object([("name", Value::from("n".repeat(48)))]);
        assert_eq!(problems(ResourceType::Network, network).len(), 1);
    }

    #[test]
    fn a_label_is_suggested_in_lower_case() {
        let found = of_sandbox([("labels", Value::string_map([("Team.A", "x")]))]);
        let hints: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(hints[0].contains("write `team-a`"), "{hints:?}");
        assert_eq!(lowered("1st", true), "l1st");
    }

    #[test]
    fn a_good_sandbox_has_no_problem() {
        let found = of_sandbox([
            ("name", Value::from("web-1")),
            ("ttl", Value::from("8h")),
            ("labels", Value::string_map([("team_1", "")])),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
