//! `sandplan exec`.

use std::collections::BTreeMap;

use crate::cli::Exit;
use crate::cli::args::Exec;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::Target;
use crate::engine::{ExecIo, ExecRequest};

/// sandplan's own failures, as docker has it: 125.
const OWN_FAILURE: u8 = 125;

/// Runs a command in a sandbox, with this process's streams; returns its code.
pub async fn run(context: &Context, args: Exec) -> Result<Exit, Diagnostics> {
    context.fail_with(OWN_FAILURE);
    let env = environment(&args.env)?;
    let (project, state) = context.load_state()?;
    let target = Target::find(&state, &args.name)?;
    let exec = project.exec(&target)?;
    let outcome = exec
        .exec(ExecRequest {
            machine: target.machine.clone(),
            argv: args.command,
            env,
            workdir: args.workdir,
            timeout: None,
            io: ExecIo::Inherit,
        })
        .await
        .map_err(|error| project.call_failed(&target, &error))?;
    Ok(Exit::Code(code(outcome.code)))
}

/// Keeps a code in what a process can exit with.
pub fn code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(1)
}

fn environment(pairs: &[String]) -> Result<BTreeMap<String, String>, Diagnostics> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(Diagnostic::error("usage", "Invalid --env option")
                .detail(format!("`{pair}` must be NAME=VALUE."))
                .failure(Failure::Usage)
                .into()),
        })
        .collect()
}
