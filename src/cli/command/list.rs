//! `sandplan list`.

use crate::cli::Exit;
use crate::cli::args::List;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::object::Prior;
use crate::render;

/// Lists the sandboxes of the state, and orphans, with what the platforms say now.
pub async fn run(context: &Context, args: &List) -> Result<Exit, Diagnostics> {
    let (project, state) = context.load_state()?;
    let prior = match args.refresh {
        true => project.refresh(state, true, &mut context.events()).await?,
        false => Prior::unrefreshed(state),
    };
    let rows = render::table::rows(&prior, project.now());
    context.terminal.out(&if args.json {
        format!("{:#}\n", render::table::json(&rows))
    } else if rows.is_empty() {
        context.terminal.say("There are no sandboxes.\n");
        String::new()
    } else {
        let width = context.terminal.stdout.then_some(context.terminal.width);
        render::table::text(&rows, width, context.terminal.color)
    });
    Ok(Exit::Done)
}
