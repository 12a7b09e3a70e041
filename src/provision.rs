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
pub mod setup;
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
    let machine = Machine {
        remote_id: request.remote_id,
        attributes: request.attributes.clone(),
        as_root: false,
    };
    let run_of = Run {
        exec,
        machine: &machine,
        base_dir: &request.base_dir,
        reporter: &request.reporter,
        clock,
        secrets: Secrets::of(&request.attributes),
        ready_within: sandbox.ready.timeout,
    };
    run(&run_of, &steps).await
}
