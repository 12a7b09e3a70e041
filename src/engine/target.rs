//! Which sandbox a user means by a name.

use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::object::{Object, ProviderRef, State};
use crate::provider::Machine;
use crate::provider::name::default_name;

/// A sandbox that a command works on.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub provider: ProviderRef,
    pub machine: Machine,
    pub object: Object,
}

impl Target {
    /// Lists every sandbox of a state.
    pub fn all(state: &State) -> impl Iterator<Item = Self> {
        sandboxes(state).map(Self::of)
    }

    fn of(object: &Object) -> Self {
        let machine = Machine {
            remote_id: object.remote_id.clone(),
            attributes: object.attributes.clone(),
            as_root: false,
        };
        Self { provider: object.provider.clone(), machine, object: object.clone() }
    }

    /// Finds a sandbox by its address, name on the platform, id, or the shortest
    /// way of writing its address: `review`, `review["ada"]`; else by the name that
    /// its address would give it, which a platform may have made longer: `review-ada`.
    pub fn find(state: &State, name: &str) -> Result<Self, Diagnostics> {
        let current = || sandboxes(state);
        let mut found: Vec<&Object> = current().filter(|object| is_called(object, name)).collect();
        if found.is_empty() {
            found = current().filter(|object| default_name(&object.address) == name).collect();
        }
        match found.as_slice() {
            [object] => Ok(Self::of(object)),
            [] => {
                let names: Vec<&str> = current().filter_map(|object| object.text("name")).collect();
                Err(not_found(name, &names).into())
            }
            several => Err(ambiguous(name, several).into()),
        }
    }
}

fn sandboxes(state: &State) -> impl Iterator<Item = &Object> {
    let current = state.objects.iter().filter(|object| object.deposed.is_none());
    current.filter(|object| object.address.kind() == ResourceType::Sandbox)
}

fn is_called(object: &Object, name: &str) -> bool {
    let address = object.address.to_string();
    let short = address.strip_prefix("sandbox.").unwrap_or(&address);
    object.text("name") == Some(name)
        || address == name
        || short == name
        || short.replace('"', "") == name
        || object.remote_id.as_str() == name
}

fn not_found(name: &str, names: &[&str]) -> Diagnostic {
    let detail = match names.len() {
        0 => "There are no sandboxes in the state. `sandplan apply` makes those of the configuration.".to_owned(),
        _ => format!("No sandbox is called `{name}`. `sandplan list` shows those there are."),
    };
    Diagnostic::error("no-such-sandbox", "No such sandbox")
        .detail(detail)
        .hint(did_you_mean(name, names.iter().copied()))
}

fn ambiguous(name: &str, several: &[&Object]) -> Diagnostic {
    let addresses: Vec<String> = several.iter().map(|o| o.address.to_string()).collect();
    Diagnostic::error("ambiguous-sandbox", "Several sandboxes have this name")
        .detail(format!("`{name}` could be {}. Use the address.", addresses.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{RemoteId, Status};
    use crate::value::Value;

    fn object(address: &str) -> Object {
        Object {
            address: address.parse().expect(address),
            deposed: None,
            version: 1,
            provider: ProviderRef::of("hetzner"),
            remote_id: RemoteId::from("1"),
            status: Status::Ready,
            schema_version: 1,
            attributes: Value::object([("name", Value::from("a"))]),
            depends_on: vec![],
            steps: vec![],
            failure: None,
            create_before_destroy: false,
        }
    }

    #[test]
    fn the_name_that_an_address_gives_will_do_unless_another_is_called_so() {
        let mut state = State::empty("l".into());
        state.objects = vec![object("sandbox.review[\"ada\"]")];
        assert!(Target::find(&state, "review-ada").is_ok());
        assert!(Target::find(&state, "review-lin").is_err());
        let named = Object {
            attributes: Value::object([("name", Value::from("review-ada"))]),
            ..object("sandbox.b")
        };
        state.objects.push(named);
        let found = Target::find(&state, "review-ada").expect("the exact name");
        assert_eq!(found.object.address.to_string(), "sandbox.b");
    }

    #[test]
    fn only_sandboxes_are_found_by_name_or_id() {
        let mut state = State::empty("l".into());
        state.objects = vec![object("ssh_key.a[\"hetzner\"]"), object("sandbox.a")];
        for name in ["a", "1", "sandbox.a"] {
            let found = Target::find(&state, name).expect(name);
            assert_eq!(found.object.address.to_string(), "sandbox.a", "{name}");
        }
        state.objects.pop();
        assert!(Target::find(&state, "a").is_err());
        assert!(Target::find(&state, "ssh_key.a[\"hetzner\"]").is_err());
    }
}
