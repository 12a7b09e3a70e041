//! `sandplan plan`.

use super::planning;
use crate::cli::Exit;
use crate::cli::args::Plan;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Strictness, saved};
use crate::render;

/// Shows what apply would do, and saves it where asked to. Takes no lock and
/// writes nothing else.
pub async fn run(context: &Context, args: &Plan) -> Result<Exit, Diagnostics> {
    let json = args.plan.json;
    context.begin_json_lines(json);
    let options = planning::options(&args.plan, false)?;
    let project = context.load(&args.plan.config, Strictness::Complete)?;
    context.report(&project.open_operations()?);
    let mut events = planning::events(context, json);
    let state = project.read_state()?;
    let prior = planning::prior(&project, state, &args.plan, &mut events).await?;
    let plan = planning::make(context, &project, &prior, &options).await?;
    let unusable = project.unusable(&plan).await.into_values();
    context.report(&unusable.map(Diagnostic::into_warning).collect());
    planning::show(context, &plan, json, &mut events);
    if let Some(file) = &args.out {
        saved::write(&plan, &context.path(file))?;
    }
    if !json && (!plan.is_empty() || !plan.drift.is_empty()) {
        let options = planning::text_options(context);
        let note = match &args.out {
            Some(file) => render::plan::saved(&file.display().to_string(), &options),
            None => render::plan::not_saved(&options),
        };
        context.terminal.say(&format!("\n{note}"));
    }
    plan.undone().into_result(())?;
    let changes = args.detailed_exitcode && !plan.is_empty();
    Ok(if changes { Exit::Changes } else { Exit::Done })
}
