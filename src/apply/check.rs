//! Whether a plan still fits the state, and the first thing that apply writes:
//! what refresh had found.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::object::ObjectKey;
use crate::plan::{Drift, Operation, Plan};
use crate::state::{Batch, Locked, StateError};

/// Refuses a plan that the state has moved away from; else writes down its drift,
/// in one transaction. A state that was never written takes the plan's lineage.
pub(super) fn accept(plan: &Plan, store: &mut Locked) -> Result<(), Diagnostics> {
    take_lineage(plan, store).map_err(|error| error.diagnostic())?;
    let (lineage, _) = store.lineage_and_serial().map_err(|error| error.diagnostic())?;
    if lineage != plan.lineage {
        return Err(other_lineage().into());
    }
    let moved = moved_rows(plan, store).map_err(|error| error.diagnostic())?;
    if !moved.is_empty() {
        return Err(moved.iter().map(stale).collect());
    }
    if plan.drift.is_empty() {
        return Ok(());
    }
    let written = store
        .transaction(|batch| plan.drift.iter().try_for_each(|drift| write_drift(batch, drift)));
    written.map_err(|error| error.diagnostic().into())
}

fn take_lineage(plan: &Plan, store: &mut Locked) -> Result<(), StateError> {
    if store.lineage_and_serial()?.0 == plan.lineage {
        return Ok(());
    }
    store.transaction(|batch| match batch.is_pristine()? {
        true => batch.take_lineage(&plan.lineage),
        false => Ok(()),
    })
}

/// Lists the rows that are not as the plan read them. Version 0 is a row that
/// was not there, as is the row of whatever the plan creates in an empty place;
/// a place whose object refresh found gone still has the row that it read.
fn moved_rows(plan: &Plan, store: &Locked) -> Result<Vec<ObjectKey>, StateError> {
    let read: BTreeSet<&ObjectKey> = plan.based_on.iter().map(|(key, _)| key).collect();
    let created = places_to_fill(plan).filter(|key| !read.contains(key)).map(|key| (key, 0));
    let mut moved = Vec::new();
    for (key, version) in plan.based_on.iter().cloned().chain(created) {
        if store.version(&key)?.unwrap_or(0) != version {
            moved.push(key);
        }
    }
    Ok(moved)
}

fn places_to_fill(plan: &Plan) -> impl Iterator<Item = ObjectKey> {
    let creates = plan.steps.iter().filter(|s| s.operation == Operation::Create { deposes: None });
    let changes = creates.filter_map(|step| plan.changes.get(step.change? as usize));
    let empty = changes.filter(|change| change.before.is_none());
    empty.map(|change| ObjectKey { address: change.address.clone(), deposed: None })
}

fn write_drift(batch: &mut Batch<'_>, drift: &Drift) -> Result<(), StateError> {
    match &drift.after {
        Some(object) => batch.put(object),
        None => batch.remove(&drift.key),
    }
}

fn other_lineage() -> Diagnostic {
    Diagnostic::error("stale-plan", "Plan of another state").detail(
        "The plan was made against the state of another project, or of this one before it was \
         made anew. Run `sandplan plan` again.",
    )
}

fn stale(key: &ObjectKey) -> Diagnostic {
    let what = match &key.deposed {
        Some(deposed) => format!("`{}` (deposed object {deposed})", key.address),
        None => format!("`{}`", key.address),
    };
    Diagnostic::error("stale-plan", "Saved plan is stale")
        .detail(format!(
            "{what} was changed by another command after the plan was made. Nothing was applied; \
             run `sandplan plan` again."
        ))
        .address(&key.address)
}
