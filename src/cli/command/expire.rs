//! `sandplan expire`.

use crate::cli::Exit;
use crate::cli::args::Expire;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Expired, Project, Strictness, is_locked};

/// Lists what is past its TTL, and with `-apply` destroys it, by label alone.
pub async fn run(context: &Context, args: &Expire) -> Result<Exit, Diagnostics> {
    context.speak_json(args.json);
    let project = context.load(&args.config, Strictness::Optional)?;
    let (expired, problems) = project.expired().await?;
    if expired.is_empty() {
        if problems.is_empty() {
            context.terminal.say("Nothing has expired.\n");
        }
        return problems.into_result(Exit::Done);
    }
    if !args.apply {
        for object in &expired {
            tell(context, args.json, object, "expired");
        }
        if !args.json {
            context.terminal.say("\nRun `sandplan expire -apply` to destroy them.\n");
        }
        return problems.into_result(Exit::Done);
    }
    destroy(context, args, (&project, expired), problems).await
}

async fn destroy(
    context: &Context,
    args: &Expire,
    (project, expired): (&Project, Vec<Expired>),
    mut problems: Diagnostics,
) -> Result<Exit, Diagnostics> {
    let mut destroyed = Vec::new();
    for object in expired {
        match project.destroy_expired(&object).await {
            Ok(()) => {
                tell(context, args.json, &object, "destroyed");
                destroyed.push(object);
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    if project.state_path().exists() {
        problems.extend(forget(context, args, (project, &destroyed)).await);
    }
    let warnings = problems.into_errors_or_warnings()?;
    context.report(&warnings);
    Ok(Exit::Done)
}

/// Drops their rows; when somebody else holds the lock, the next refresh does.
async fn forget(
    context: &Context,
    args: &Expire,
    (project, destroyed): (&Project, &[Expired]),
) -> Diagnostics {
    let timeout = match super::planning::lock_timeout(&args.lock) {
        Ok(timeout) => timeout,
        Err(problems) => return problems,
    };
    let mut events = context.events();
    match project.open("expire", timeout, &mut events).await {
        Ok((mut session, mut warnings)) => {
            warnings.extend(session.forget_destroyed(destroyed).err().into_iter().flatten());
            warnings
        }
        Err(problems) if is_locked(&problems) => {
            Diagnostic::warning("state-locked", "The state was not updated")
                .detail(
                    "Somebody else holds its lock; the next plan finds out by itself what is gone.",
                )
                .into()
        }
        Err(problems) => problems,
    }
}

fn tell(context: &Context, json: bool, expired: &Expired, what: &str) {
    let object = &expired.object;
    let address = object.ownership.as_ref().map(|owner| owner.address.to_string());
    context.terminal.out(&match json {
        true => format!(
            "{}\n",
            serde_json::json!({
                "type": what, "provider": expired.provider, "kind": expired.kind, "id": object.remote_id,
                "name": object.name, "address": address, "expires_at": expired.expires_at,
            })
        ),
        false => format!(
            "{what}: {} ({} on {}, expired at {})\n",
            address.unwrap_or_else(|| object.name.clone()),
            object.remote_id,
            expired.provider,
            expired.expires_at
        ),
    });
}
