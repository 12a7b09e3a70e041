//! Which sandbox a user means by a name.

use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::object::{Object, ProviderRef, State};
use crate::provider::Machine;

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
        let current = state.objects.iter().filter(|object| object.deposed.is_none());
        current.filter(|o| o.address.kind() == ResourceType::Sandbox).map(Self::of)
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
    /// way of writing its address: `review`, `review["ada"]`.
    pub fn find(state: &State, name: &str) -> Result<Self, Diagnostics> {
        let current = || state.objects.iter().filter(|object| object.deposed.is_none());
        let found: Vec<&Object> = current().filter(|object| is_called(object, name)).collect();
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
