//! `sandplan completions`.

use clap::CommandFactory;

use crate::cli::Exit;
use crate::cli::args::{Cli, Completions};
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;

/// Prints a completion script.
pub fn run(context: &Context, args: &Completions) -> Result<Exit, Diagnostics> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sandplan", &mut script);
    context.terminal.out(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
