//! What is still to be done in a sandbox, and the doing of it: files, syncs,
//! steps and probes, the same on every platform that can run commands; and on
//! machines of their own, packages, tools, environment and keys before those.
//!
//! [`pending`], [`setup`] and [`cloud_init`] are pure, [`Manifest`] only reads files
//! of this machine; the runner needs an [`Exec`] and nothing else. Everything that is written in a
//! sandbox is written by a program inside it.

mod access;
mod boot;
pub mod cloud_init;
pub mod expiry;
mod guest;
mod journal;
mod manifest;
mod pending;
mod poll;
mod runner;
mod secrets;
pub mod setup;
mod sync;

use jiff::Timestamp;

pub use manifest::{Changes, Entry, Manifest, ManifestError};
pub use pending::{Guest, PendingStep, Work, pending};
pub use runner::{Run, run};
pub use secrets::Secrets;

use crate::provider::sandbox::Sandbox;
use crate::provider::{Exec, Machine, ProviderError, ProvisionOutcome, ProvisionRequest};

/// Runs what is pending of a sandbox's provisioning; `guest` says what belongs to a
/// machine of its own.
pub async fn provision(
    exec: &dyn Exec,
    request: ProvisionRequest,
    guest: Option<&Guest>,
    clock: &(dyn Fn() -> Timestamp + Send + Sync),
) -> Result<ProvisionOutcome, ProviderError> {
    let sandbox = Sandbox::from_value(&request.attributes);
    let steps = pending(&sandbox, guest, &request.done);
    let machine = machine(&request);
    let place = place(exec, &request, (&machine, &sandbox), clock);
    if guest.is_some() && !steps.is_empty() {
        access::make_workspace(&place).await?;
    }
    run(&place, &steps).await
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
        done: &request.done,
        base_dir: &request.base_dir,
        reporter: &request.reporter,
        clock,
        secrets: Secrets::of(&request.attributes),
        ready_within: sandbox.ready.timeout,
    }
}
