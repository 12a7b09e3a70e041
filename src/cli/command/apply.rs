//! `sandplan apply` and `sandplan destroy`.

use super::planning;
use crate::cli::Exit;
use crate::cli::args::Apply;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::{Project, Session, Strictness, saved};
use crate::plan::{Action, Mode, Plan};

/// Plans, asks, and applies; or applies a saved plan.
pub async fn run(context: &Context, args: &Apply, destroy: bool) -> Result<Exit, Diagnostics> {
    context.begin_json_lines(args.plan.json);
    let options = planning::options(&args.plan, destroy)?;
    if args.plan.json && !args.auto_approve && args.plan_file.is_none() {
        return Err(usage(
            "With -json nobody can be asked: add -auto-approve, or name a saved plan.",
        )
        .into());
    }
    if let Some(file) = &args.plan_file {
        if destroy {
            return Err(
                usage("`destroy` makes its own plan; apply a saved one with `apply`.").into()
            );
        }
        let plan = saved::read(&context.path(file))?;
        return saved_plan(context, args, plan).await;
    }
    let project = context.load(&args.plan.config, Strictness::Complete)?;
    let timeout = planning::lock_timeout(&args.plan.lock)?;
    let mut session =
        open(context, &project, (if destroy { "destroy" } else { "apply" }, timeout), args).await?;
    let mut events = planning::events(context, args.plan.json);
    let prior = planning::prior(&project, session.state()?, &args.plan, &mut events).await?;
    let usable = planning::make_usable(context, &project, &prior, &options).await?;
    let planning::Usable { plan, problems } = usable;
    planning::show(context, &plan, args.plan.json, &mut events);
    drop(events);
    problems.into_result(())?;
    let needs_asking =
        !plan.is_empty() || (plan.mode == Mode::RefreshOnly && !plan.drift.is_empty());
    if needs_asking && !args.auto_approve {
        planning::confirm(context, &plan, args.plan.input)?;
    }
    planning::carry_out(context, &mut session, &plan, (&args.plan, args.on_failure)).await
}

async fn saved_plan(context: &Context, args: &Apply, mut plan: Plan) -> Result<Exit, Diagnostics> {
    let secrets = saved::needs_secrets(&plan);
    let strictness = if secrets { Strictness::Complete } else { Strictness::Optional };
    let project = context.load(&args.plan.config, strictness)?;
    let timeout = planning::lock_timeout(&args.plan.lock)?;
    let mut session = open(context, &project, ("apply", timeout), args).await?;
    session.accept(&plan)?;
    some_usable(context, &project, &plan).await?;
    if secrets {
        let prior = session.prior_of(&plan)?;
        let options = crate::plan::PlanOptions { mode: plan.mode, ..Default::default() };
        let fresh = project.plan(&prior, &options).await?;
        saved::complete(&mut plan, fresh)?;
    }
    planning::carry_out(context, &mut session, &plan, (&args.plan, args.on_failure)).await
}

/// Sees that some provider can be used. The steps of one that cannot be will fail by
/// themselves: the plan was approved as it is.
async fn some_usable(context: &Context, project: &Project, plan: &Plan) -> Result<(), Diagnostics> {
    let found = project.unusable(plan).await;
    let works = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    let all = works.map(|change| &change.provider).all(|name| found.contains_key(name));
    let problems = found.into_values();
    if all {
        return problems.collect::<Diagnostics>().into_result(());
    }
    context.report(&problems.map(Diagnostic::into_warning).collect());
    Ok(())
}

/// Takes the lock and reconciles what an earlier run left open.
async fn open<'a>(
    context: &Context,
    project: &'a Project,
    (command, timeout): (&str, std::time::Duration),
    args: &Apply,
) -> Result<Session<'a>, Diagnostics> {
    let mut events = context.events();
    context.subscribe_progress(&mut events, args.plan.json);
    let (session, warnings) = project.open(command, timeout, &mut events).await?;
    context.report(&warnings);
    Ok(session)
}

fn usage(detail: &str) -> Diagnostic {
    Diagnostic::error("usage", "Invalid option").detail(detail).failure(Failure::Usage)
}
