//! What `plan`, `apply`, `destroy` and `new` share: options, the prior, showing
//! a plan, asking, and applying it.

use std::str::FromStr;

use crate::cli::Exit;
use crate::cli::args::{OnFailure, PlanArgs};
use crate::cli::context::{Context, duration_of};
use crate::cli::signals;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::{ApplyOptions, Project, Session};
use crate::event::{Event, EventStream};
use crate::object::{Prior, State};
use crate::plan::{Action, Mode, Plan, PlanOptions, Selector};
use crate::render;
use crate::render::plan::TextOptions;

/// Derives what to plan from what was typed.
pub fn options(args: &PlanArgs, destroy: bool) -> Result<PlanOptions, Diagnostics> {
    let mode = match (destroy || args.destroy, args.refresh_only) {
        (true, true) => return Err(usage("-destroy and -refresh-only exclude each other.").into()),
        (true, false) => Mode::Destroy,
        (false, true) => Mode::RefreshOnly,
        (false, false) => Mode::Normal,
    };
    if args.refresh_only && !args.refresh {
        return Err(usage("-refresh-only and -refresh=false exclude each other.").into());
    }
    Ok(PlanOptions {
        mode,
        targets: selectors(&args.targets, "-target")?,
        excludes: selectors(&args.excludes, "-exclude")?,
        replace: selectors(&args.replace, "-replace")?,
        ..PlanOptions::default()
    })
}

fn selectors(texts: &[String], flag: &str) -> Result<Vec<Selector>, Diagnostics> {
    let read = |text: &String| {
        Selector::from_str(text)
            .map_err(|why| Diagnostics::from(usage(&format!("{flag}={text}: {why}."))))
    };
    texts.iter().map(read).collect()
}

fn usage(detail: &str) -> Diagnostic {
    Diagnostic::error("usage", "Invalid option").detail(detail).failure(Failure::Usage)
}

/// Makes the event stream of a command that plans; JSON lines begin with the version.
pub fn events(context: &Context, json: bool) -> EventStream {
    let mut events = context.events();
    if json {
        events.subscribe(context.json_lines());
    }
    events
}

/// Finds out what is alive, or takes the state's word for it.
pub async fn prior(
    project: &Project,
    state: State,
    args: &PlanArgs,
    events: &mut EventStream,
) -> Result<Prior, Diagnostics> {
    match args.refresh {
        true => project.refresh(state, false, events).await,
        false => Ok(Prior::unrefreshed(state)),
    }
}

/// Makes the plan and tells its warnings.
pub async fn make(
    context: &Context,
    project: &Project,
    prior: &Prior,
    options: &PlanOptions,
) -> Result<Plan, Diagnostics> {
    let plan = project.plan(prior, options).await?;
    context.report(&plan.warnings);
    let orphans = project.orphan_warnings(prior);
    context.report(&orphans);
    Ok(plan)
}

/// Makes the plan of what can be carried out: what a provider would have to do that
/// cannot be used is left alone, unless that is all there is.
pub async fn make_usable(
    context: &Context,
    project: &Project,
    prior: &Prior,
    options: &PlanOptions,
) -> Result<Usable, Diagnostics> {
    let plan = make(context, project, prior, options).await?;
    let found = project.unusable(&plan).await;
    if found.is_empty() {
        return Ok(Usable { plan, problems: Diagnostics::new() });
    }
    let problems: Diagnostics = found.values().cloned().collect();
    let rest = project.plan_without((prior, &plan), found, options);
    match rest {
        Ok(rest) if !rest.is_empty() => Ok(Usable { plan: rest, problems: Diagnostics::new() }),
        _ => Ok(Usable { plan, problems }),
    }
}

/// A plan, and why it cannot be carried out.
pub struct Usable {
    pub plan: Plan,
    pub problems: Diagnostics,
}

/// Shows a plan: as text on standard output, or as events.
pub fn show(context: &Context, plan: &Plan, json: bool, events: &mut EventStream) {
    if !json {
        context.terminal.out(&render::plan::text(plan, &text_options(context)));
        return;
    }
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp) {
        events.emit(Event::PlannedChange { change: Box::new(change.clone()) });
    }
    for left in &plan.left {
        events.emit(Event::Left { left: Box::new(left.clone()) });
    }
    events.emit(Event::ChangeSummary { summary: plan.summary(), mode: plan.mode });
    if !plan.outputs.is_empty() {
        events.emit(Event::PlannedOutputs { outputs: plan.outputs.clone() });
    }
}

/// Derives how texts are drawn.
pub fn text_options(context: &Context) -> TextOptions {
    TextOptions {
        color: context.terminal.color,
        width: context.terminal.width,
        now: jiff::Timestamp::now(),
        complete: false,
    }
}

/// Asks whether to go on; an error when the answer is not yes.
pub fn confirm(context: &Context, plan: &Plan, input: bool) -> Result<(), Diagnostics> {
    let (question, explanation) = match plan.mode {
        Mode::Destroy => (
            "Do you really want to destroy all resources?",
            "sandplan will destroy all your managed sandboxes, as shown above.\n  There is no undo.",
        ),
        Mode::RefreshOnly => (
            "Do you want to write these changes into the state?",
            "The objects themselves stay as they are.",
        ),
        Mode::Normal => (
            "Do you want to perform these actions?",
            "sandplan will perform the actions described above.",
        ),
    };
    if !input || !context.terminal.stdin {
        return Err(Diagnostic::error("approval", "The plan needs approval")
            .detail("Nobody can be asked here. Review the plan, then run again with `-auto-approve`, or apply a plan saved with `plan -out=FILE`.")
            .into());
    }
    let text = format!(
        "\n{question}\n  {explanation}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
    );
    match context.terminal.ask(&text).as_deref() {
        Some("yes") => {
            context.terminal.say("\n");
            Ok(())
        }
        _ => Err(Diagnostic::error("cancelled", "Apply cancelled").into()),
    }
}

/// Carries a plan out, with progress, and returns how it ended.
pub async fn carry_out(
    context: &Context,
    session: &mut Session<'_>,
    plan: &Plan,
    (args, on_failure): (&PlanArgs, OnFailure),
) -> Result<Exit, Diagnostics> {
    let mut events = context.events();
    context.subscribe_progress(&mut events, args.json);
    let options = ApplyOptions {
        parallelism: usize::from(args.parallelism),
        on_failure: match on_failure {
            OnFailure::Keep => crate::engine::OnFailure::Keep,
            OnFailure::DestroyNew => crate::engine::OnFailure::DestroyNew,
            OnFailure::Stop => crate::engine::OnFailure::Stop,
        },
        stop: signals::stop(),
    };
    let mut problems = session.apply(plan, options, &mut events).await;
    let undone = plan.undone();
    context.report(&undone);
    problems.extend(undone);
    // They were told as events.
    context.told();
    problems.into_result(Exit::Done)
}

/// Returns how long to wait for the lock.
pub fn lock_timeout(args: &crate::cli::args::LockArgs) -> Result<std::time::Duration, Diagnostics> {
    duration_of(&args.lock_timeout, "-lock-timeout")
}
