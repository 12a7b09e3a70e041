//! The command line: what was typed, what follows from it, and one file per command.

pub mod args;
mod command;
mod context;
mod progress;
mod signals;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::Registry;
use args::{Cli, Command};
use context::Context;

/// How a command ended, where it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// There are changes, or drift.
    Changes,
    /// `fmt -check` found files to format.
    Unformatted,
    /// A command in a sandbox ended with this code.
    Code(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Changes => 2,
            Exit::Unformatted => 3,
            Exit::Code(code) => code,
        })
    }
}

/// Returns the exit code of a failure.
pub fn code_of(problems: &Diagnostics) -> u8 {
    let mut failures = problems.iter().filter(|p| p.is_error()).map(|p| p.failure);
    let first = failures.next().unwrap_or_default();
    let one = failures.all(|failure| failure == first);
    match if one { first } else { Failure::Error } {
        Failure::Error => 1,
        Failure::Refused => 3,
        Failure::NoCapacity => 4,
        Failure::NotReady => 5,
        Failure::Locked => 6,
        Failure::Credentials => 7,
        Failure::Usage => 64,
    }
}

/// Parses the command line and runs the command, with these platforms.
pub fn run(args: impl IntoIterator<Item = String>, registry: Registry) -> ExitCode {
    let parsed =
        Cli::command().try_get_matches_from(args::double_dashes(args)).and_then(|matches| {
            let order = args::order_of_values(&matches);
            Cli::from_arg_matches(&matches).map(|cli| (cli, order))
        });
    let (cli, order) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let is_help = !error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if is_help { 0 } else { 64 });
        }
    };
    let context = Context::new(&cli, order, registry);
    let done = dispatch(&context, cli.command);
    if let (Ok(_), Some(why)) = (&done, context.terminal.lost()) {
        let problem = Diagnostic::error("output-lost", "Cannot write the output");
        context.speak_text();
        context.report(&problem.detail(format!("Standard output: {why}.")).into());
        return ExitCode::from(1);
    }
    match done {
        Ok(exit) => exit.into(),
        Err(problems) => {
            context.report(&problems);
            ExitCode::from(context.failure_code(&problems))
        }
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, Diagnostics> {
    match command {
        Command::Version(args) => command::version::run(context, &args),
        Command::Completions(args) => command::completions::run(context, &args),
        Command::Fmt(args) => command::fmt::run(context, &args),
        Command::Eval(args) => command::eval::run(context, args),
        Command::Validate(args) => command::validate::run(context, &args),
        Command::Graph(args) => command::graph::run(context, &args),
        Command::Output(args) => command::output::run(context, &args),
        Command::State(args) => context.block_on(command::state::run(context, args.command)),
        Command::ForceUnlock(args) => command::force_unlock::run(context, &args),
        Command::Show(args) => command::show::run(context, &args),
        Command::Init(args) => context.block_on(command::init::run(context, &args)),
        Command::Plan(args) => context.block_on(command::plan::run(context, &args)),
        Command::Apply(args) => context.block_on(command::apply::run(context, &args, false)),
        Command::Destroy(args) => context.block_on(command::apply::run(context, &args, true)),
        Command::Drift(args) => context.block_on(command::drift::run(context, &args)),
        Command::Expire(args) => context.block_on(command::expire::run(context, &args)),
        Command::List(args) => context.block_on(command::list::run(context, &args)),
        Command::New(args) => context.block_on(command::new::run(context, &args)),
        Command::Exec(args) => context.block_on(command::exec::run(context, args)),
        Command::Console(args) => context.block_on(command::console::run(context, &args)),
        Command::Sync(args) => context.block_on(command::sync::run(context, &args)),
        Command::Port(args) => context.block_on(command::port::run(context, &args)),
        Command::SshConfig(args) => command::ssh_config::run(context, &args),
        Command::Cp(args) => context.block_on(command::cp::run(context, &args)),
        Command::Logs(args) => context.block_on(command::logs::run(context, &args)),
        Command::Snapshot(args) => context.block_on(command::snapshot::save(context, &args)),
        Command::Restore(args) => context.block_on(command::snapshot::restore(context, &args)),
        Command::Import(args) => context.block_on(command::import::run(context, &args)),
    }
}
