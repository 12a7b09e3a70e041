//! Arguments that name a resource: what they take of it, and whether it can be had
//! on the provider that asks.

use super::decode::Place;
use crate::address::ResourceType;
use crate::config::Argument;
use crate::deferred::Taker;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::evaluate::take;
use crate::object::ProviderRef;
use crate::value::{Type, Value};

/// Takes what identifies a resource, for an argument of a resource at `place`.
pub fn taken(
    place: &Place<'_>,
    kind: ResourceType,
    (argument, value): (&Argument, &Value),
) -> Result<Value, Diagnostics> {
    if holds_resource(value) {
        if !(place.has)(kind) {
            return Err(cannot_honour(place.provider, kind, argument).into());
        }
        if let Some(home) = elsewhere(place, kind, value) {
            return Err(at_home_elsewhere((place.provider, home), kind, argument).into());
        }
    }
    take(value, &place.taker(kind)).map_err(|error| {
        Diagnostic::error("wrong-type", "Incorrect attribute value type")
            .detail(format!("Inappropriate value for attribute `{}`: {error}.", argument.name))
            .at(argument.value.range())
            .into()
    })
}

impl Place<'_> {
    /// Returns what apply needs to take the same.
    pub fn taker(&self, kind: ResourceType) -> Taker {
        Taker { kind, provider: self.provider.clone() }
    }
}

/// Tells whether a value is, or lists, something with attributes.
fn holds_resource(value: &Value) -> bool {
    match value.revealed() {
        Value::Object(_) | Value::Map(..) | Value::Unknown(Type::Object(_) | Type::Map(_)) => true,
        other => other.as_elements().is_some_and(|all| all.iter().any(holds_resource)),
    }
}

/// Returns where a resource is, if that is not where it is asked for. The text of
/// an SSH key is good everywhere.
fn elsewhere<'a>(
    place: &'a Place<'_>,
    kind: ResourceType,
    value: &Value,
) -> Option<&'a ProviderRef> {
    let home = place.homes.of(value)?;
    (home != place.provider && kind != ResourceType::SshKey).then_some(home)
}

fn cannot_honour(provider: &ProviderRef, kind: ResourceType, argument: &Argument) -> Diagnostic {
    let things = match kind {
        ResourceType::SshKey => "SSH keys",
        ResourceType::Network => "networks",
        ResourceType::Snapshot => "snapshots that a block declares",
        ResourceType::Sandbox => "sandboxes",
    };
    Diagnostic::error("unsupported-argument", "Argument not supported by the provider")
        .detail(format!(
            "The provider `{provider}` cannot honour `{} = {}`, for it has no {things}. Remove the argument, or choose another provider.",
            argument.name,
            argument.value.text(),
        ))
        .at(argument.value.range())
}

fn at_home_elsewhere(
    (here, there): (&ProviderRef, &ProviderRef),
    kind: ResourceType,
    argument: &Argument,
) -> Diagnostic {
    let advice = match kind {
        ResourceType::Network => {
            "Name the whole block, as in `network.NAME`, to get the one of the right provider."
        }
        _ => "Both have to be on the same provider.",
    };
    Diagnostic::error("other-provider", "Resource of another provider")
        .detail(format!(
            "`{}` is a {kind} of the provider `{there}`, and is needed on `{here}`. {advice}",
            argument.value.text(),
        ))
        .at(argument.value.range())
}
