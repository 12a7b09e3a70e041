//! The outputs as they are after an apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::object::{Lineage, OutputValue};
use crate::plan::OutputChange;
use crate::redact::redact;
use crate::value::Value;

use super::run::Run;

type Outputs = BTreeMap<Arc<str>, OutputValue>;

/// Evaluates the outputs and, if `write`, stores them. One that cannot be evaluated
/// because something failed keeps the value that it had.
pub(super) fn settle_outputs(run: &mut Run<'_>, write: bool) -> Outputs {
    let Ok(state) = run.inputs.store.read() else { return Outputs::new() };
    let before = state.outputs;
    let mut after = before.clone();
    for change in &run.inputs.plan.outputs {
        match value(run, change) {
            Some(Some(value)) => {
                let value = stored(value, change.sensitive, &state.lineage);
                after.insert(change.name.clone(), value);
            }
            Some(None) => {
                after.remove(&change.name);
            }
            None => {}
        }
    }
    if write && after != before {
        let stored = run.inputs.store.transaction(|batch| batch.set_outputs(&after));
        if let Err(error) = stored {
            run.problem(error.diagnostic());
            return before;
        }
    }
    after
}

/// Returns the value of an output, or that it is gone, or that nothing is known of it.
fn value(run: &mut Run<'_>, change: &OutputChange) -> Option<Option<Value>> {
    let Some(deferred) = &change.deferred else {
        return match &change.after {
            None => Some(None),
            Some(value) => value.is_wholly_known().then(|| Some(value.clone())),
        };
    };
    let evaluated = (run.inputs.evaluate)(deferred, &|block| run.world.block(block));
    match evaluated {
        Ok(value) => value.is_wholly_known().then_some(Some(value)),
        // After a failure an expression may well lack what it refers to.
        Err(_) if !run.tally.failed.is_empty() => None,
        Err(problems) => {
            problems.into_iter().for_each(|problem| run.problem(problem));
            None
        }
    }
}

fn stored(value: Value, sensitive: bool, lineage: &Lineage) -> OutputValue {
    let value = if sensitive { value.sensitive() } else { value };
    OutputValue { value: redact(&value, lineage), sensitive }
}
