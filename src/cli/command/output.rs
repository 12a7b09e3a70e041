//! `sandplan output`.

use crate::cli::Exit;
use crate::cli::args::Output;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::render;

/// Shows the outputs as of the last apply.
pub fn run(context: &Context, args: &Output) -> Result<Exit, Diagnostics> {
    let (_, state) = context.load_state()?;
    let text = match &args.name {
        None if args.json => render::state_text::outputs_json(&state.outputs),
        None if state.outputs.is_empty() => {
            context.terminal.say("There are no outputs. Add `output` blocks, and apply.\n");
            String::new()
        }
        None => render::value::outputs(&state.outputs),
        Some(name) => {
            let output = state.outputs.get(name.as_str()).ok_or_else(|| {
                Diagnostic::error("no-such-output", "No such output")
                    .detail(format!("The state has no output called `{name}`. Outputs appear after an apply."))
                    .hint(did_you_mean(name, state.outputs.keys().map(|n| &**n)))
            })?;
            render::state_text::one_output(name, output, args.json, args.raw)?
        }
    };
    context.terminal.out(&text);
    Ok(Exit::Done)
}
