//! `sandplan output`.

use crate::cli::Exit;
use crate::cli::args::Output;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::render;

/// Shows the outputs as of the last apply.
pub fn run(context: &Context, args: &Output) -> Result<Exit, Diagnostics> {
    context.speak_json(args.json);
    let (_, state) = context.load_state()?;
    let text = match &args.name {
        None if args.json => {
            format!("{:#}\n", render::state_text::outputs_json(&state.outputs))
        }
        None if state.outputs.is_empty() => {
            context.terminal.say("There are no outputs. Add `output` blocks, and apply.\n");
            String::new()
        }
        None => render::value::outputs(&state.outputs),
        Some(name) => {
            let output = render::state_text::find_output(&state.outputs, name)?;
            match (args.raw, args.json) {
                (true, _) => render::state_text::raw_output(name, output)?,
                (_, true) => format!("{}\n", render::state_text::output_json(name, output)?),
                _ => format!("{}\n", render::value::output(output)),
            }
        }
    };
    context.terminal.out(&text);
    Ok(Exit::Done)
}
