//! A guest's own end: at the expiry it switches itself off, and EC2 terminates it.

use std::time::Duration;

use jiff::Timestamp;

use crate::provider::guest::Guest;
use crate::provider::{
    Exec, ExecIo, ExecRequest, Machine, ProviderError, ProviderErrorKind, ResourceConfig,
};
use crate::provision::expiry::{at_boot, script};

/// Returns by how many bytes the guest's own end makes user-data longer, at most.
pub fn user_data_size(config: &ResourceConfig<'_>) -> usize {
    match config.attributes.get("ttl").is_some_and(|ttl| !ttl.is_null()) {
        true => at_boot(Timestamp::MAX).len(),
        false => 0,
    }
}

/// How long setting the new time may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Tells a guest when it ends; nothing lets it live on.
pub async fn rearm(
    guest: &Guest,
    machine: &Machine,
    at: Option<Timestamp>,
) -> Result<(), ProviderError> {
    let request = ExecRequest {
        machine: machine.clone(),
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script(at)],
        env: Default::default(),
        workdir: Some("/".to_owned()),
        timeout: Some(LIMIT),
        io: ExecIo::Capture(None),
    };
    let outcome = guest.exec(request).await?;
    if outcome.code == 0 {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&outcome.stderr);
    let message = format!(
        "The sandbox could not be told its new time of expiry, at which it would switch itself \
         off: {} (exit code {}).",
        said.trim(),
        outcome.code
    );
    Err(ProviderError::new(ProviderErrorKind::Rejected, message))
}
