//! `sandplan drift`.

use crate::cli::Exit;
use crate::cli::args::Drift;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::Strictness;
use crate::render;

/// Looks for differences, orphans and expired sandboxes; writes nothing.
pub async fn run(context: &Context, args: &Drift) -> Result<Exit, Diagnostics> {
    context.speak_json(args.json);
    let project = context.load(&args.config, Strictness::Complete)?;
    context.report(&project.open_operations()?);
    let mut events = context.events();
    let prior = project.refresh(project.read_state()?, true, &mut events).await?;
    let findings = project.findings(&prior);
    let report = render::drift::DriftReport {
        project: &project.desired.project,
        drift: &findings.drift,
        orphans: &findings.orphans,
        expired: &findings.expired,
        outages: &prior.outages,
        at: project.now(),
        lineage: &prior.state.lineage,
    };
    let options = super::planning::text_options(context);
    context.terminal.out(&if args.json {
        format!("{:#}\n", render::drift::json(&report))
    } else if args.markdown {
        render::drift::markdown(&report)
    } else {
        render::drift::text(&report, &options)
    });
    // The document is whole; what follows is talk.
    context.speak_text();
    prior.outages.into_values().collect::<Diagnostics>().into_result(())?;
    Ok(if findings.is_clean() { Exit::Done } else { Exit::Changes })
}
