//! What happens to outputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Mode, OutputChange};
use crate::graph::DesiredOutput;
use crate::object::{Lineage, OutputValue, State};
use crate::redact::redact;

type Stored = BTreeMap<Arc<str>, OutputValue>;

/// Holds the outputs as they are to be against those that the state has.
pub fn changes(outputs: Vec<DesiredOutput>, state: &State, mode: Mode) -> Vec<OutputChange> {
    let mut gone = state.outputs.clone();
    outputs.iter().for_each(|output| drop(gone.remove(&output.name)));
    let mut changes = removals(&gone);
    changes.extend(outputs.into_iter().filter_map(|output| {
        let before = state.outputs.get(&output.name);
        match mode {
            // Nothing is made, so what is not known by now stays as it was.
            Mode::RefreshOnly if !output.value.is_wholly_known() => {
                before.map(|before| kept(output.name, before))
            }
            _ => Some(change(output, before, &state.lineage)),
        }
    }));
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

/// Removes outputs.
pub fn removals(outputs: &Stored) -> Vec<OutputChange> {
    let removal = |(name, output): (&Arc<str>, &OutputValue)| OutputChange {
        name: name.clone(),
        sensitive: output.sensitive,
        before: Some(output.value.clone()),
        after: None,
        deferred: None,
    };
    outputs.iter().map(removal).collect()
}

fn kept(name: Arc<str>, before: &OutputValue) -> OutputChange {
    OutputChange {
        name,
        sensitive: before.sensitive,
        before: Some(before.value.clone()),
        after: Some(before.value.clone()),
        deferred: None,
    }
}

fn change(output: DesiredOutput, before: Option<&OutputValue>, lineage: &Lineage) -> OutputChange {
    let before = before.map(|before| before.value.clone());
    let is_same = output.value.is_wholly_known()
        && before.as_ref().is_some_and(|before| *before == redact(&output.value, lineage));
    OutputChange {
        name: output.name,
        sensitive: output.sensitive,
        after: if is_same { before.clone() } else { Some(output.value) },
        before,
        deferred: output.deferred,
    }
}
