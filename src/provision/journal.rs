//! What is left in the sandbox of its own provisioning, for who looks there:
//! `/var/lib/sandplan/steps.jsonl`, a log of each step, `result.json`.
//!
//! Nothing is decided by these: the state is what counts.

use serde_json::json;

use super::runner::{Run, command_at};
use crate::object::{StepFailure, StepRecord};
use crate::provider::{ExecIo, ProviderError};

/// Where it is.
pub const DIRECTORY: &str = "/var/lib/sandplan";

const APPEND: &str = r#"mkdir -p "$1/log" && cat >>"$1/steps.jsonl"
if [ -n "$2" ]; then printf '%s\n' "$2" >"$1/.result.json" && mv "$1/.result.json" "$1/result.json"; fi"#;

/// Lines that are not written yet.
#[derive(Default)]
pub struct Journal(String);

impl Journal {
    /// Notes a step that has ended.
    pub fn note(&mut self, record: &StepRecord) {
        let seconds = (record.seconds * 1000.0).round() / 1000.0;
        let line = json!({"step": record.name, "rc": record.rc, "seconds": seconds});
        self.0.push_str(&format!("{line}\n"));
    }

    /// Writes the lines. That it fails is no failure of the provisioning.
    pub async fn write(&mut self, run: &Run<'_>) -> Result<(), ProviderError> {
        self.finish(run, "").await
    }

    /// Writes the lines and how it all ended.
    pub async fn conclude(
        &mut self,
        run: &Run<'_>,
        failure: Option<&StepFailure>,
    ) -> Result<(), ProviderError> {
        let result = match failure {
            Some(failure) => json!({"result": "failed", "step": failure.step, "rc": failure.rc}),
            None => json!({"result": "ready"}),
        };
        self.finish(run, &result.to_string()).await
    }

    async fn finish(&mut self, run: &Run<'_>, result: &str) -> Result<(), ProviderError> {
        let lines = std::mem::take(&mut self.0);
        let argv = ["/bin/sh", "-c", APPEND, "sh", DIRECTORY, result];
        let request = command_at(run, DIRECTORY, &argv, ExecIo::Feed(lines.into()));
        run.exec.exec(request).await.map(|_| ())
    }
}

/// Returns where the log of a step is.
pub fn log_path(step: &str) -> String {
    let name = step.strip_prefix("provision:").unwrap_or(step);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(200).collect();
    format!("{DIRECTORY}/log/{name}")
}
