//! Says what happens to a resource and why, in Terraform's words where it has some.

use jiff::Timestamp;

use crate::address::InstanceKey;
use crate::plan::{Action, Change, Reason};
use crate::render::words::relative;

/// Says what happens: `will be created`, `must be replaced`, …
pub fn fate(change: &Change) -> &'static str {
    match (change.action, &change.reason) {
        (Action::NoOp, _) => "is unchanged",
        (Action::Create, _) => "will be created",
        (Action::Update, Reason::ProvisioningIncomplete { .. }) => "will be provisioned further",
        (Action::Update, _) => "will be updated in-place",
        (Action::Rebuild, Reason::ByRequest) => "will be rebuilt, as requested",
        (Action::Rebuild, _) => "will be rebuilt",
        (Action::Delete, _) => "will be destroyed",
        (Action::Forget, _) => "will no longer be managed by sandplan, but will not be destroyed",
        (Action::Replace | Action::ReplaceCreateFirst, reason) => replaced(reason),
    }
}

fn replaced(reason: &Reason) -> &'static str {
    match reason {
        Reason::Tainted => "is tainted, so must be replaced",
        Reason::Expired(_) => "has expired, so must be replaced",
        Reason::ByRequest => "will be replaced, as requested",
        Reason::TriggeredBy(_) => "will be replaced due to changes in replace_triggered_by",
        _ => "must be replaced",
    }
}

/// Says why, where the reader cannot see it from the attributes.
pub fn why(change: &Change, now: Timestamp) -> Option<String> {
    let address = &change.address;
    Some(match &change.reason {
        Reason::Unchanged | Reason::New | Reason::Changed | Reason::CannotUpdate => return None,
        Reason::ByRequest | Reason::Destroy => return None,
        Reason::Gone => format!("because it is gone from {}", change.provider),
        Reason::Tainted => tainted(change),
        Reason::Expired(at) => format!("expired {}, at {at}", relative(*at, now)),
        Reason::TriggeredBy(name) => format!("because {name} changes"),
        Reason::ProviderChanged { from, to } => format!("because it moves from {from} to {to}"),
        Reason::ProvisioningIncomplete { failed: Some(step) } => {
            format!("goes on at step {step}, which failed")
        }
        Reason::ProvisioningIncomplete { failed: None } => {
            "because its provisioning has not ended".to_owned()
        }
        Reason::NotInConfiguration if change.action == Action::Forget => {
            "destroy = false is set in the configuration".to_owned()
        }
        Reason::NotInConfiguration => format!("because {} is not in configuration", address.block),
        Reason::NoSuchInstance => no_such_instance(address.key.as_ref()),
        Reason::Deposed => "left over from an earlier replacement of this instance".to_owned(),
    })
}

fn tainted(change: &Change) -> String {
    let failure = change.before.as_ref().and_then(|object| object.failure.as_ref());
    match failure {
        Some(failure) => {
            format!("tainted: step {} failed with exit code {}", failure.step, failure.rc)
        }
        None => "tainted: its creation did not complete".to_owned(),
    }
}

fn no_such_instance(key: Option<&InstanceKey>) -> String {
    match key {
        Some(key @ InstanceKey::Number(_)) => {
            format!("because index {key} is out of range for count")
        }
        Some(key @ InstanceKey::String(_)) => format!("because key {key} is not in for_each map"),
        None => "because resource uses count or for_each".to_owned(),
    }
}

/// Says why in Terraform's plan JSON: `replace_because_tainted`; nothing where a
/// change needs no reason. Reasons that Terraform lacks are formed alike.
pub fn action_reason(change: &Change) -> Option<String> {
    let verb = match change.action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Rebuild => "rebuild",
        Action::Replace | Action::ReplaceCreateFirst => "replace",
        Action::Delete | Action::Forget => "delete",
        Action::NoOp => return None,
    };
    let rest = match &change.reason {
        Reason::Unchanged | Reason::New | Reason::Changed | Reason::Destroy => return None,
        Reason::Gone => "because_gone",
        Reason::CannotUpdate => "because_cannot_update",
        Reason::Tainted => "because_tainted",
        Reason::Expired(_) => "because_expired",
        Reason::ByRequest => "by_request",
        Reason::TriggeredBy(_) => "by_triggers",
        Reason::ProviderChanged { .. } => "because_provider_changed",
        Reason::ProvisioningIncomplete { .. } => "because_provisioning_incomplete",
        Reason::NotInConfiguration => "because_no_resource_config",
        Reason::NoSuchInstance => match change.address.key {
            Some(InstanceKey::Number(_)) => "because_count_index",
            Some(InstanceKey::String(_)) => "because_each_key",
            None => "because_wrong_repetition",
        },
        Reason::Deposed => "because_deposed",
    };
    Some(format!("{verb}_{rest}"))
}

/// Says why in Terraform's machine-readable UI, which has words of its own for
/// replacements: `tainted`, `requested`, `cannot_update`.
pub fn ui_reason(change: &Change) -> Option<String> {
    let reason = action_reason(change)?;
    if !change.action.is_replace() {
        return Some(reason);
    }
    Some(match &change.reason {
        Reason::ByRequest => "requested".to_owned(),
        Reason::TriggeredBy(_) => "replace_triggered_by".to_owned(),
        _ => reason.strip_prefix("replace_because_").unwrap_or(&reason).to_owned(),
    })
}
