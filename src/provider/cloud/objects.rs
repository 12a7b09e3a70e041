//! How changes of SSH keys, firewalls and snapshots are carried out. Pure.

use super::object::BROKEN;
use crate::address::ResourceType;
use crate::provider::{PlannedChange, ProposedChange};
use crate::value::{AttributePath, Value};

/// Says how a change of an object that is no sandbox would be carried out.
pub fn plan(change: &ProposedChange<'_>) -> PlannedChange {
    let replacing: &[&str] = match change.kind {
        ResourceType::SshKey => &["public_key"],
        ResourceType::Snapshot => &["sandbox", "profile"],
        _ => &[],
    };
    let replaces = |root: &str| replacing.contains(&root);
    let broken = change.before.and_then(|before| before.get("status")).and_then(Value::as_str);
    let broken = (broken == Some(BROKEN)).then(|| AttributePath::attribute("status"));
    let replaced = change.changed.iter().filter(|p| replaces(p.root())).cloned();
    let expiry = change.changed.iter().any(|path| path.root() == "expires_in");
    PlannedChange {
        requires_replace: replaced.chain(broken).collect(),
        update: change.before.is_some() && !change.changed.is_empty(),
        unknown: if expiry { vec!["expires_at".into()] } else { vec![] },
        ..PlannedChange::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_could_not_be_saved_is_replaced() {
        let broken = Value::object([("status", Value::from(BROKEN))]);
        let (kind, before, done) = (ResourceType::Snapshot, Some(&broken), &[][..]);
        let change = ProposedChange { kind, before, after: &broken, changed: &[], done };
        assert_eq!(plan(&change).requires_replace, [AttributePath::attribute("status")]);
    }

    #[test]
    fn only_what_the_platform_cannot_change_needs_a_new_object() {
        let nothing = Value::object::<&str>([]);
        for (kind, argument, replaces) in [
            (ResourceType::SshKey, "public_key", true),
            (ResourceType::SshKey, "name", false),
            (ResourceType::SshKey, "labels", false),
            (ResourceType::Network, "ingress", false),
            (ResourceType::Snapshot, "sandbox", true),
            (ResourceType::Snapshot, "expires_in", false),
        ] {
            let changed = [AttributePath::attribute(argument)];
            let (before, after, done) = (Some(&nothing), &nothing, &[][..]);
            let planned = plan(&ProposedChange { kind, before, after, changed: &changed, done });
            assert_eq!(!planned.requires_replace.is_empty(), replaces, "{kind} {argument}");
            assert!(planned.update);
        }
    }
}
