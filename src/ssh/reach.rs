//! Waits for a machine that boots.

use std::time::Duration;

use tokio::time::Instant;

use super::Endpoint;
use super::dial::{Failure, Stage};
use super::pool::Connections;
use crate::provider::ProviderError;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Tries to connect until it works, the deadline has passed, or the server shows
/// another host key. A login that is refused is tried again: the keys may not
/// have been written yet.
pub async fn wait(
    connections: &Connections,
    endpoint: &Endpoint,
    deadline: Instant,
    on_phase: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), ProviderError> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut told = None;
    let mut last = None;
    loop {
        let stage = last.as_ref().map_or(Stage::Tcp, |failure: &Failure| failure.stage);
        if told.replace(stage) != Some(stage) {
            on_phase(phase(stage));
        }
        match tokio::time::timeout_at(deadline, connections.try_connect(endpoint)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) if failure.stage == Stage::HostKey => return Err(failure.error),
            Ok(Err(failure)) => last = Some(failure),
            Err(_) => return Err(too_late(endpoint, began, last)),
        }
        if Instant::now() + pause >= deadline {
            return Err(too_late(endpoint, began, last));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// What is waited for after a try that came as far as this.
fn phase(stage: Stage) -> &'static str {
    match stage {
        Stage::Tcp => "waiting for the machine to answer",
        Stage::Greeting | Stage::HostKey => "waiting for ssh",
        Stage::Login => "waiting for the login to be allowed",
    }
}

fn too_late(endpoint: &Endpoint, began: Instant, last: Option<Failure>) -> ProviderError {
    let waited = began.elapsed().as_secs();
    match last {
        Some(failure) => ProviderError {
            message: format!("After {waited} s of waiting: {}", failure.error.message),
            ..failure.error
        },
        None => ProviderError::new(
            crate::provider::ProviderErrorKind::Unavailable,
            format!("{endpoint} did not answer within {waited} s."),
        ),
    }
}
