//! `sandplan show`.

use super::planning;
use crate::cli::Exit;
use crate::cli::args::Show;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::saved;
use crate::render;

/// Shows the state, or a saved plan.
pub fn run(context: &Context, args: &Show) -> Result<Exit, Diagnostics> {
    let options = planning::text_options(context);
    let text = match &args.plan_file {
        Some(file) => {
            let plan = saved::read(&context.path(file))?;
            match args.json {
                true => format!("{}\n", render::plan_json::plan(&plan)),
                false => render::plan::text(&plan, &options),
            }
        }
        None => {
            let (_, state) = context.load_state()?;
            match args.json {
                true => format!("{}\n", render::state_json::state(&state)),
                false => render::state_text::state(&state, &options),
            }
        }
    };
    context.terminal.out(&text);
    Ok(Exit::Done)
}
