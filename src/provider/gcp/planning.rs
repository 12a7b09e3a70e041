//! How changes are carried out on this platform: as on others, but for what only a new
//! instance can have, and for the run time, which is set while an instance is off. Pure.

use std::sync::Arc;

use super::own::Own;
use super::terms::TERMS;
use crate::address::ResourceType;
use crate::provider::cloud::catalogue::Catalogue;
use crate::provider::cloud::{objects, plan, rules, seed};
use crate::provider::{PlannedChange, ProposedChange};
use crate::value::AttributePath;

/// Says how a change would be carried out.
pub fn plan(
    (catalogue, regions): (Option<&Catalogue>, &[String]),
    change: &ProposedChange<'_>,
) -> PlannedChange {
    let mut planned = match change.kind {
        ResourceType::Sandbox => {
            let pending = &seed::pending;
            let context = plan::Context { terms: &TERMS, catalogue, regions, pending };
            plan::plan(&context, change)
        }
        ResourceType::Network => rules::plan(change),
        _ => objects::plan(change),
    };
    if let Some(before) = change.before {
        replace(&mut planned, change, "name");
        let is_sandbox = change.kind == ResourceType::Sandbox;
        if is_sandbox && Own::of(before).is_apart(&Own::of(change.after)) {
            replace(&mut planned, change, TERMS.block);
        }
        if is_sandbox && changed(change, "ttl").is_some() {
            restart(&mut planned);
        }
    }
    planned
}

fn changed(change: &ProposedChange<'_>, root: &str) -> Option<AttributePath> {
    change.changed.iter().find(|path| path.root() == root).cloned()
}

/// What has changed can only be so of a new object: names are for life.
fn replace(planned: &mut PlannedChange, change: &ProposedChange<'_>, root: &str) {
    let Some(path) = changed(change, root) else { return };
    if !planned.requires_replace.contains(&path) {
        planned.requires_replace.push(path);
    }
}

/// The platform sets a run time only while the instance is off.
fn restart(planned: &mut PlannedChange) {
    if !planned.requires_replace.is_empty() {
        return;
    }
    planned.notes.push(
        "will be stopped and started to set when Google Cloud deletes it; its address changes"
            .to_owned(),
    );
    for name in ["ipv4", "ssh_command", "urls"].map(Arc::<str>::from) {
        if !planned.unknown.contains(&name) {
            planned.unknown.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn planned(kind: ResourceType, changed: &[&str], before: Value, after: Value) -> PlannedChange {
        let changed: Vec<_> = changed.iter().map(|name| AttributePath::attribute(*name)).collect();
        let (before, after, done) = (Some(&before), &after, &[][..]);
        plan((None, &[]), &ProposedChange { kind, before, after, changed: &changed, done })
    }

    fn nothing() -> Value {
        Value::object::<&str>([])
    }

    #[test]
    fn a_name_is_for_life() {
        for kind in [
            ResourceType::Sandbox,
            ResourceType::Network,
            ResourceType::SshKey,
            ResourceType::Snapshot,
        ] {
            let planned = planned(kind, &["name"], nothing(), nothing());
            assert_eq!(planned.requires_replace, [AttributePath::attribute("name")], "{kind}");
        }
    }

    #[test]
    fn spot_and_network_are_for_life_and_the_machine_type_is_not() {
        let own = |name: &'static str, value: Value| {
            Value::object([("gcp", Value::object([(name, value)]))])
        };
        let of = |after: Value| planned(ResourceType::Sandbox, &["gcp"], nothing(), after);
        assert!(!of(own("spot", Value::from(true))).requires_replace.is_empty());
        assert!(!of(own("network", Value::from("inner"))).requires_replace.is_empty());
        assert!(of(own("machine_type", Value::from("e2-small"))).requires_replace.is_empty());
    }

    #[test]
    fn another_ttl_needs_a_restart_and_says_so() {
        let after = Value::object([("ttl", Value::from("2h"))]);
        let planned = planned(ResourceType::Sandbox, &["ttl"], nothing(), after);
        assert!(planned.requires_replace.is_empty() && planned.update);
        assert!(planned.notes.iter().any(|note| note.contains("stopped")), "{planned:?}");
        assert!(planned.unknown.iter().any(|name| &**name == "ipv4"), "{planned:?}");
    }
}
