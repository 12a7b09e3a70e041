//! Which provider has the instance that a value is.

use std::collections::HashMap;
use std::sync::Arc;

use crate::object::ProviderRef;
use crate::value::Value;

/// The providers of the instances that have been planned.
///
/// Values share structure: an instance that went through local values, function
/// calls and `for` expressions is still the same allocation, by which it is
/// recognised here. The values are kept alive, so that no address is used twice.
#[derive(Debug, Default)]
pub struct Homes {
    by_allocation: HashMap<usize, (Value, ProviderRef)>,
}

impl Homes {
    /// Notes where an instance is.
    pub fn note(&mut self, instance: &Value, provider: &ProviderRef) {
        if let Some(allocation) = allocation(instance) {
            self.by_allocation.insert(allocation, (instance.clone(), provider.clone()));
        }
    }

    /// Returns where an instance is; nothing for any other value.
    pub fn of(&self, value: &Value) -> Option<&ProviderRef> {
        Some(&self.by_allocation.get(&allocation(value)?)?.1)
    }
}

fn allocation(value: &Value) -> Option<usize> {
    match value.revealed() {
        Value::Object(attributes) => Some(Arc::as_ptr(attributes).addr()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_recognised_wherever_it_went_and_its_twin_is_not() {
        let instance = Value::object([("id", Value::from("1"))]);
        let twin = Value::object([("id", Value::from("1"))]);
        let mut homes = Homes::default();
        homes.note(&instance, &ProviderRef::of("hetzner"));
        let held = Value::object([("ada", instance.clone())]);
        let found = held.get("ada").and_then(|value| homes.of(value));
        assert_eq!(found, Some(&ProviderRef::of("hetzner")));
        assert_eq!(homes.of(&instance.sensitive()), Some(&ProviderRef::of("hetzner")));
        assert_eq!(homes.of(&twin), None);
        assert_eq!(homes.of(&Value::from("1")), None);
    }
}
