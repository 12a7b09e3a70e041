//! `sandplan show`.

use super::planning;
use crate::cli::Exit;
use crate::cli::args::Show;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::saved;
use crate::render;
use crate::render::paint::Paint;

/// Shows the state, or a saved plan.
pub fn run(context: &Context, args: &Show) -> Result<Exit, Diagnostics> {
    context.speak_json(args.json);
    let options = planning::text_options(context);
    let text = match &args.plan_file {
        Some(file) => {
            let plan = saved::read(&context.path(file))?;
            match args.json {
                true => format!("{}\n", render::plan_json::document(&plan)),
                false => render::plan::text(&plan, &options),
            }
        }
        None => {
            let (_, state) = context.load_state()?;
            match args.json {
                true => {
                    format!("{}\n", render::state_json::document(&state, env!("CARGO_PKG_VERSION")))
                }
                false => render::state_text::state(&state, Paint::new(options.color)),
            }
        }
    };
    context.terminal.out(&text);
    Ok(Exit::Done)
}
