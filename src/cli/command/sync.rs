//! `sandplan sync`.

use super::planning;
use crate::cli::Exit;
use crate::cli::args::Sync;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::{Strictness, Target};

/// Brings a sandbox's `sync` directories up to date with what is here now.
pub async fn run(context: &Context, args: &Sync) -> Result<Exit, Diagnostics> {
    let project = context.load(&args.config, Strictness::Complete)?;
    let timeout = planning::lock_timeout(&args.lock)?;
    let mut events = context.events();
    context.subscribe_progress(&mut events, false);
    let (mut session, warnings) = project.open("sync", timeout, &mut events).await?;
    context.report(&warnings);
    let target = Target::find(&session.state()?, &args.name)?;
    let synced = session.sync(&target).await?;
    context.terminal.say(&match synced.as_slice() {
        [] => format!("{} has no `sync` blocks.\n", target.object.address),
        some => format!("Synced {}.\n", some.join(", ")),
    });
    Ok(Exit::Done)
}
