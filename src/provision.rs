//! What is still to be done in a sandbox, and the doing of it: files, syncs,
//! steps and probes, the same on every platform that can run commands.
//!
//! [`pending`] and [`Manifest`] are pure or only read files of this machine; the
//! runner needs an [`Exec`] and nothing else. Everything that is written in a
//! sandbox is written by a program inside it.

mod journal;
mod manifest;
mod pending;
mod runner;
mod secrets;
mod sync;

use jiff::Timestamp;

pub use manifest::{Changes, Entry, Manifest, ManifestError};
pub use pending::{PendingStep, Work, pending};
pub use runner::{Run, run};
pub use secrets::Secrets;

use crate::provider::sandbox::Sandbox;
use crate::provider::{Exec, Machine, ProviderError, ProvisionOutcome, ProvisionRequest};

/// Runs what is pending of a sandbox's provisioning.
pub async fn provision(
    exec: &dyn Exec,
    request: ProvisionRequest,
    clock: &(dyn Fn() -> Timestamp + Send + Sync),
) -> Result<ProvisionOutcome, ProviderError> {
    let sandbox = Sandbox::from_value(&request.attributes);
    let steps = pending(&sandbox, &request.done);
    let machine = machine(&request);
    run(&place(exec, &request, (&machine, &sandbox), clock), &steps).await
}

/// Runs only the syncs. What else is pending stays so, and the sandbox is as ready
/// as before.
pub async fn sync(
    exec: &dyn Exec,
    request: ProvisionRequest,
    clock: &(dyn Fn() -> Timestamp + Send + Sync),
) -> Result<ProvisionOutcome, ProviderError> {
    let sandbox = Sandbox::from_value(&request.attributes);
    let machine = machine(&request);
    let place = place(exec, &request, (&machine, &sandbox), clock);
    for step in pending::syncs(&sandbox) {
        if let Some(failure) = runner::run_one(&place, &step).await? {
            return Ok(ProvisionOutcome::Failed(failure));
        }
    }
    Ok(ProvisionOutcome::Ready)
}

fn machine(request: &ProvisionRequest) -> Machine {
    Machine {
        remote_id: request.remote_id.clone(),
        attributes: request.attributes.clone(),
        as_root: false,
    }
}

fn place<'a>(
    exec: &'a dyn Exec,
    request: &'a ProvisionRequest,
    (machine, sandbox): (&'a Machine, &Sandbox),
    clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
) -> Run<'a> {
    Run {
        exec,
        machine,
        base_dir: &request.base_dir,
        reporter: &request.reporter,
        clock,
        secrets: Secrets::of(&request.attributes),
        ready_within: sandbox.ready.timeout,
    }
}
