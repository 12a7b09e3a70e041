//! `sandplan console`.

use crate::cli::Exit;
use crate::cli::args::Console;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::ConsoleRequest;
use crate::engine::Target;

/// Opens a shell in a sandbox.
pub async fn run(context: &Context, args: &Console) -> Result<Exit, Diagnostics> {
    context.fail_with(125);
    let (project, state) = context.load_state()?;
    let target = Target::find(&state, &args.name)?;
    let request = ConsoleRequest {
        machine: target.machine.clone(),
        term: std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned()),
    };
    let code = project.exec(&target)?.console(request).await;
    let code = code.map_err(|error| project.call_failed(&target, &error))?;
    Ok(Exit::Code(super::exec::code(code)))
}
