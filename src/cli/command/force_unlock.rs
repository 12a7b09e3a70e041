//! `sandplan force-unlock`.

use crate::cli::Exit;
use crate::cli::args::{ConfigArgs, ForceUnlock};
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::Strictness;

/// Takes the lock away from its holder.
pub fn run(context: &Context, args: &ForceUnlock) -> Result<Exit, Diagnostics> {
    let project = context.load(&ConfigArgs::default(), Strictness::Optional)?;
    if !args.force {
        let question = "Do you really want to force-unlock?\n  Somebody may still be writing; two at once could lose what one of them made.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: ";
        if context.terminal.ask(question).as_deref() != Some("yes") {
            return Err(Diagnostic::error("cancelled", "Force-unlock cancelled").into());
        }
    }
    project.force_unlock(&args.id)?;
    context.terminal.say("The state has been unlocked.\n");
    Ok(Exit::Done)
}
