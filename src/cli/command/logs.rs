//! `sandplan logs`.

use crate::cli::Exit;
use crate::cli::args::Logs;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::Target;
use crate::engine::{ExecIo, ExecRequest};

/// Where the step runner keeps its logs, in every sandbox.
const LOGS: &str = "/var/lib/sandplan/log";

/// Prints every log after a headline, or the one that `$1` names.
const SCRIPT: &str = r#"
cd "$0" 2>/dev/null || exit 0
if [ -n "$1" ]; then
  [ -f "$1" ] || exit 66
  exec cat -- "$1"
fi
for log in *; do
  [ -f "$log" ] || continue
  printf '==> %s <==\n' "$log"
  cat -- "$log"
done
"#;

/// Names the log of a step, which may be written as plans and problems write it:
/// `provision:install`, `probe:shell`, `setup:agent:codex`.
fn log_of(step: &str) -> String {
    match step.starts_with("setup:") {
        true => step.replace(':', "-"),
        false => step.strip_prefix("provision:").unwrap_or(step).replacen("probe:", "probe-", 1),
    }
}

/// Shows the logs of a sandbox's provisioning.
pub async fn run(context: &Context, args: &Logs) -> Result<Exit, Diagnostics> {
    let (project, state) = context.load_state()?;
    let target = Target::find(&state, &args.name)?;
    let step = args.step.clone().map(|step| log_of(&step)).unwrap_or_default();
    let argv = ["sh", "-c", SCRIPT, LOGS, &step].map(str::to_owned).to_vec();
    let request = ExecRequest {
        machine: target.machine.clone(),
        argv,
        env: Default::default(),
        workdir: None,
        timeout: None,
        io: ExecIo::Capture(None),
    };
    let outcome = project.exec(&target)?.exec(request).await;
    let outcome = outcome.map_err(|error| project.call_failed(&target, &error))?;
    if outcome.code == 66 {
        let known: Vec<&str> = target.object.steps.iter().map(|step| step.name.as_str()).collect();
        return Err(Diagnostic::error("no-such-log", "No such log")
            .detail(format!(
                "The sandbox has no log of a step `{}`. Its steps: {}.",
                args.step.as_deref().unwrap_or_default(),
                known.join(", ")
            ))
            .into());
    }
    context.terminal.out(&String::from_utf8_lossy(&outcome.stdout));
    Ok(Exit::Done)
}
