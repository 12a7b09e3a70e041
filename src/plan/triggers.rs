//! Which `replace_triggered_by` fire: a plan to change what they name, or to
//! change the value of the attribute that they name. A plan to create it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diff::differs;
use super::{Action, Change, Reason};
use crate::address::{BlockAddress, InstanceKey};
use crate::graph::{Expr, Instances, Trigger};
use crate::object::Lineage;

/// What changes of the blocks planned so far.
#[derive(Default)]
pub struct Triggers {
    blocks: BTreeMap<BlockAddress, Fired>,
    /// The triggers of the block that is planned now.
    current: Vec<Option<Trigger>>,
}

/// What changes of one block.
#[derive(Default)]
struct Fired {
    /// The attributes that change in any instance.
    attributes: BTreeSet<Arc<str>>,
    instances: BTreeMap<Option<InstanceKey>, BTreeSet<Arc<str>>>,
}

impl Triggers {
    /// Begins with the next block.
    pub fn start(&mut self, block: &BlockAddress, triggers: &[Expr]) {
        self.blocks.entry(block.clone()).or_default();
        self.current = triggers.iter().map(|expr| Trigger::of(expr).ok()).collect();
    }

    /// Takes note of what is planned.
    pub fn note(&mut self, change: &Change, lineage: &Lineage) {
        if !(matches!(change.action, Action::Update | Action::Rebuild)
            || change.action.is_replace())
        {
            return;
        }
        let names = |value: Option<&crate::value::Value>| -> Vec<Arc<str>> {
            let all = value.and_then(|value| value.as_attributes());
            all.into_iter().flat_map(|all| all.keys().cloned()).collect()
        };
        let (before, after) = (change.before_attributes(), change.after_attributes());
        let mut changed: BTreeSet<Arc<str>> =
            names(before).into_iter().chain(names(after)).collect();
        changed.retain(|name| {
            let of =
                |value: Option<&'_ crate::value::Value>| value.and_then(|v| v.get(name)).cloned();
            differs(of(before).as_ref(), of(after).as_ref(), lineage)
        });
        let fired = self.blocks.entry(change.address.block.clone()).or_default();
        fired.attributes.extend(changed.iter().cloned());
        fired.instances.insert(change.address.key.clone(), changed);
    }

    /// Finds the first trigger of the current block that fires for an instance.
    pub fn fired(&self, triggers: &[Expr], key: Option<&InstanceKey>) -> Option<Reason> {
        let fires = |trigger: &Option<Trigger>| {
            trigger.as_ref().is_some_and(|trigger| self.fires(trigger, key))
        };
        let at = self.current.iter().position(fires)?;
        Some(Reason::TriggeredBy(triggers.get(at)?.text().to_owned()))
    }

    fn fires(&self, trigger: &Trigger, key: Option<&InstanceKey>) -> bool {
        let Some(fired) = self.blocks.get(&trigger.block) else { return false };
        let changed = match &trigger.instances {
            Instances::All if fired.instances.is_empty() => None,
            Instances::All => Some(&fired.attributes),
            Instances::One(key) => fired.instances.get(&Some(key.clone())),
            Instances::Same => fired.instances.get(&key.cloned()),
        };
        changed.is_some_and(|changed| match &trigger.attribute {
            Some(attribute) => changed.contains(attribute.as_str()),
            None => true,
        })
    }
}
