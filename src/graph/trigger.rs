//! What an element of `replace_triggered_by` names.

use hcl::edit::expr::{Expression, TraversalOperator};

use crate::address::{BlockAddress, InstanceKey, ResourceType};
use crate::config::Expr;
use crate::diagnostic::Diagnostic;
use crate::evaluate::{ConstantScope, evaluate};
use crate::value::Value;

/// Which instances of a block are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instances {
    All,
    One(InstanceKey),
    /// `each.key` or `count.index`: the one with the key of whoever refers to it.
    Same,
}

/// A block, perhaps one instance of it, perhaps one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    pub block: BlockAddress,
    pub instances: Instances,
    pub attribute: Option<String>,
}

impl Trigger {
    /// Reads `sandbox.a`, `sandbox.a["k"]`, `sandbox.a[each.key].image`.
    pub fn of(expr: &Expr) -> Result<Self, Diagnostic> {
        read(expr).ok_or_else(|| {
            Diagnostic::error("invalid-trigger", "Invalid replace_triggered_by expression")
                .detail("Each element names a resource of this configuration, one instance of it, or an attribute: `sandbox.a`, `sandbox.a[each.key]`, `sandbox.a.image`.")
                .at(expr.range())
        })
    }
}

fn read(expr: &Expr) -> Option<Trigger> {
    let Expression::Traversal(traversal) = expr.tree() else { return None };
    let Expression::Variable(root) = &traversal.expr else { return None };
    let kind = ResourceType::from_word(root.as_str())?;
    let mut steps = traversal.operators.iter().map(|operator| operator.value());
    let Some(TraversalOperator::GetAttr(name)) = steps.next() else { return None };
    let block = BlockAddress::root(kind, name.as_str());
    let mut trigger = Trigger { block, instances: Instances::All, attribute: None };
    for step in steps {
        match step {
            _ if trigger.attribute.is_some() => break,
            TraversalOperator::GetAttr(name) => trigger.attribute = Some(name.to_string()),
            TraversalOperator::Index(key) => trigger.instances = instances(key, expr)?,
            _ => return None,
        }
    }
    Some(trigger)
}

fn instances(key: &Expression, expr: &Expr) -> Option<Instances> {
    let words = Expr::new(key.clone(), expr.source().clone());
    if let Some(["each", "key"] | ["count", "index"]) = words.as_words().as_deref() {
        return Some(Instances::Same);
    }
    match evaluate(key, expr.source(), &ConstantScope).ok()? {
        Value::String(text) => Some(Instances::One(InstanceKey::String(text))),
        Value::Number(number) => number.to_u64().map(InstanceKey::Number).map(Instances::One),
        _ => None,
    }
}
