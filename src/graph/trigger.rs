//! What an element of `replace_triggered_by` names.

use crate::address::{BlockAddress, InstanceKey, ResourceType};
use crate::config::Expr;
use crate::evaluate::RefStep;
use crate::value::Value;

/// A block, perhaps one instance of it, perhaps one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    pub block: BlockAddress,
    pub key: Option<InstanceKey>,
    pub attribute: Option<String>,
}

impl Trigger {
    /// Reads `sandbox.a`, `sandbox.a["k"]`, `sandbox.a.image`.
    pub fn of(expr: &Expr) -> Option<Self> {
        let reference = expr.references().into_iter().next()?;
        let kind = ResourceType::from_word(&reference.root)?;
        let mut steps = reference.steps.iter();
        let Some(RefStep::Attr(name)) = steps.next() else { return None };
        let mut trigger =
            Self { block: BlockAddress::root(kind, name.as_str()), key: None, attribute: None };
        for step in steps {
            match step {
                RefStep::Attr(name) if trigger.attribute.is_none() => {
                    trigger.attribute = Some(name.clone());
                }
                RefStep::Index(index) if trigger.attribute.is_none() => {
                    trigger.key = key_of(index);
                }
                _ => {}
            }
        }
        Some(trigger)
    }
}

fn key_of(index: &Value) -> Option<InstanceKey> {
    match index {
        Value::String(text) => Some(InstanceKey::String(text.clone())),
        Value::Number(number) => number.to_u64().map(InstanceKey::Number),
        _ => None,
    }
}
