//! `sandplan validate`.

use crate::cli::Exit;
use crate::cli::args::Validate;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::{Project, Strictness};
use crate::render;

/// Checks the configuration without asking any platform.
pub fn run(context: &Context, args: &Validate) -> Result<Exit, Diagnostics> {
    let problems = match context.load(&args.config, Strictness::Lenient) {
        Ok(project) => check(&project),
        Err(problems) => problems,
    };
    if args.json {
        let json = render::json::validate(&problems, &context.sources());
        context.terminal.out(&format!("{json:#}\n"));
        context.told();
    } else if !problems.has_errors() {
        context.report(&problems);
        context.terminal.out("Success! The configuration is valid.\n");
    }
    problems.into_result(Exit::Done)
}

fn check(project: &Project) -> Diagnostics {
    project.validate().unwrap_or_else(|problems| problems)
}
