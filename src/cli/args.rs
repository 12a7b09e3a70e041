//! The command line as typed. Long flags work with one dash or two.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Plan, apply and destroy sandboxes from a reviewed file.
#[derive(Debug, Parser)]
#[command(
    name = "sandplan",
    version,
    disable_help_subcommand = false,
    arg_required_else_help = true,
    max_term_width = 80,
    after_help = "Long flags work with one dash or two: -auto-approve, --auto-approve.\n\
                  Exit codes: 0 done, 1 error, 2 changes or drift, 3 refused, 4 no capacity,\n\
                  5 not ready, 6 state locked, 7 credentials, 64 wrong usage."
)]
pub struct Cli {
    /// Switch to this directory before anything else
    #[arg(long, value_name = "DIR", global = true)]
    pub chdir: Option<PathBuf>,

    /// Write without colour
    #[arg(long, global = true)]
    pub no_color: bool,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a configuration, and check each provider's credentials
    Init(Init),
    /// Rewrite files in the canonical format
    Fmt(Fmt),
    /// Check the configuration
    Validate(Validate),
    /// Show what apply would do
    Plan(Plan),
    /// Make the sandboxes what the configuration says
    Apply(Apply),
    /// Destroy all that the state holds
    Destroy(Apply),
    /// Look for differences, orphans and expired sandboxes; exits 2 when there are any
    Drift(Drift),
    /// List what is past its TTL, and with -apply destroy it, by label alone
    Expire(Expire),
    /// Show the state or a saved plan
    Show(Show),
    /// Show the outputs
    Output(Output),
    /// Evaluate expressions
    Eval(Eval),
    /// Draw the dependency graph
    Graph(Graph),
    /// List the sandboxes
    List(List),
    /// Add a sandbox to sandboxes.hcl, plan, ask, and apply
    New(New),
    /// Run a command in a sandbox
    Exec(Exec),
    /// Open a shell in a sandbox
    Console(Console),
    /// Copy files into or out of a sandbox
    Cp(Cp),
    /// Bring a sandbox's `sync` directories up to date
    Sync(Sync),
    /// Bring ports of a sandbox to this machine, until Ctrl-C
    Port(Port),
    /// Print an OpenSSH configuration with pinned host keys
    SshConfig(SshConfig),
    /// Show the logs of a sandbox's provisioning
    Logs(Logs),
    /// Save a sandbox's files
    Snapshot(Snapshot),
    /// Put a sandbox's files back to a snapshot
    Restore(Restore),
    /// Inspect and mend the state
    State(State),
    /// Take an existing object into the state
    Import(Import),
    /// Take the state's lock away from a holder that is gone
    ForceUnlock(ForceUnlock),
    /// Print the version
    Version(Version),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// By which flag a value was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBy {
    /// `-var`
    Flag,
    /// `-var-file`
    File,
}

/// Returns the order in which `-var` and `-var-file` stood, which derived
/// arguments do not keep: the later one wins.
pub fn order_of_values(matches: &clap::ArgMatches) -> Vec<GivenBy> {
    let mut places = Vec::new();
    let mut next = Some(matches);
    while let Some(matches) = next {
        for (id, by) in [("vars", GivenBy::Flag), ("var_files", GivenBy::File)] {
            if let Ok(Some(_)) = matches.try_contains_id(id).map(|known| known.then_some(())) {
                places.extend(matches.indices_of(id).into_iter().flatten().map(|at| (at, by)));
            }
        }
        next = matches.subcommand().map(|(_, inner)| inner);
    }
    places.sort_by_key(|(at, _)| *at);
    places.into_iter().map(|(_, by)| by).collect()
}

/// How the configuration is read.
#[derive(Debug, Default, Args)]
pub struct ConfigArgs {
    /// Give a variable a value: NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub vars: Vec<String>,
    /// Read values from a file
    #[arg(long = "var-file", value_name = "FILE", action = ArgAction::Append)]
    pub var_files: Vec<PathBuf>,
    /// Run on this provider where a sandbox names none
    #[arg(long, env = "SANDPLAN_PROVIDER", hide_env_values = true, value_name = "NAME")]
    pub provider: Option<String>,
    /// Run in this region where a sandbox names none
    #[arg(long, env = "SANDPLAN_REGION", hide_env_values = true, value_name = "NAME")]
    pub region: Option<String>,
}

/// How the state is reached.
#[derive(Debug, Default, Args)]
pub struct LockArgs {
    /// Wait this long for the state's lock: 30s, 5m
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub lock_timeout: String,
}

/// What is planned.
#[derive(Debug, Default, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Plan to destroy everything
    #[arg(long, conflicts_with = "refresh_only")]
    pub destroy: bool,
    /// Only write down what is found on the platforms
    #[arg(long)]
    pub refresh_only: bool,
    /// Ask the platforms what is there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub refresh: bool,
    /// Only this resource and what it depends on: an address, a glob, or label:KEY=VALUE
    #[arg(long = "target", value_name = "RESOURCE", action = ArgAction::Append)]
    pub targets: Vec<String>,
    /// All but this resource and what depends on it
    #[arg(long = "exclude", value_name = "RESOURCE", action = ArgAction::Append)]
    pub excludes: Vec<String>,
    /// Replace this resource
    #[arg(long = "replace", value_name = "RESOURCE", action = ArgAction::Append)]
    pub replace: Vec<String>,
    /// How many calls may be in flight at once
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub parallelism: u16,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Ask where an answer is needed; -input=false never asks
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub input: bool,
}

#[derive(Debug, Args)]
pub struct Init {
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Debug, Args)]
pub struct Fmt {
    /// Exit 3 when a file is not formatted, and change nothing
    #[arg(long)]
    pub check: bool,
    /// Show the differences
    #[arg(long)]
    pub diff: bool,
    /// Also format the files in subdirectories
    #[arg(long)]
    pub recursive: bool,
    /// List the files that are not formatted
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub list: bool,
    /// Write the files
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub write: bool,
    /// Files or directories; `-` for standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Write the result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Save the plan, to apply exactly it later
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit 2 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = false, default_missing_value = "true", action = ArgAction::Set,
          hide_default_value = true)]
    pub auto_approve: bool,
    /// What to do when a step fails
    #[arg(long, value_enum, default_value_t = OnFailure::Keep)]
    pub on_failure: OnFailure,
    /// A plan saved with -out
    #[arg(value_name = "PLANFILE")]
    pub plan_file: Option<PathBuf>,
}

/// What to do when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Keep what was made, and go on with what does not depend on it
    Keep,
    /// Destroy what this apply made and could not finish
    DestroyNew,
    /// Start nothing more
    Stop,
}

#[derive(Debug, Args)]
pub struct Drift {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Write one JSON document
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Write Markdown, for a pull request or an issue
    #[arg(long)]
    pub markdown: bool,
}

#[derive(Debug, Args)]
pub struct Expire {
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Destroy them
    #[arg(long)]
    pub apply: bool,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// A plan saved with -out; the state when left out
    #[arg(value_name = "PLANFILE")]
    pub plan_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Output {
    /// Write JSON
    #[arg(long, conflicts_with = "raw")]
    pub json: bool,
    /// Write the text of one output as it is
    #[arg(long, requires = "name")]
    pub raw: bool,
    /// Only this output
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Eval {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Write `{"type": …, "value": …}`, or a diagnostic
    #[arg(long)]
    pub json: bool,
    /// An expression; `-` evaluates each line of standard input
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub expression: Option<String>,
}

#[derive(Debug, Args)]
pub struct Graph {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The notation
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,
}

/// A notation of graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Svg,
}

#[derive(Debug, Args)]
pub struct List {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// Ask the platforms what is there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub refresh: bool,
}

#[derive(Debug, Args)]
pub struct New {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Take this profile
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// How long it may live
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = false, default_missing_value = "true", action = ArgAction::Set,
          hide_default_value = true)]
    pub auto_approve: bool,
    /// Its name; a friendly one when left out
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Exec {
    /// Set a variable of the command's environment
    #[arg(long, short, value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub env: Vec<String>,
    /// Start in this directory
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// A sandbox: its name, address or id
    pub name: String,
    /// The command
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "CMD"
    )]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Console {
    /// A sandbox: its name, address or id
    pub name: String,
}

#[derive(Debug, Args)]
pub struct Cp {
    /// A path here, or NAME:PATH in a sandbox
    pub from: String,
    /// A path here, or NAME:PATH in a sandbox
    pub to: String,
}

#[derive(Debug, Args)]
pub struct Sync {
    /// A sandbox: its name, address or id
    pub name: String,
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Args)]
pub struct Port {
    /// A sandbox: its name, address or id
    pub name: String,
    /// A `port` block's label, a port of the sandbox, or HERE:THERE; all blocks when left out
    #[arg(value_name = "PORT")]
    pub ports: Vec<String>,
}

#[derive(Debug, Args)]
pub struct SshConfig {
    /// Sandboxes: names, addresses or ids; all of them when left out
    pub names: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// A sandbox: its name, address or id
    pub name: String,
    /// A step; all of them when left out
    pub step: Option<String>,
}

#[derive(Debug, Args)]
pub struct Snapshot {
    /// A sandbox: its name, address or id
    pub name: String,
    /// The snapshot's name; the present time when left out
    pub snapshot: Option<String>,
    /// List the snapshots there are
    #[arg(long)]
    pub list: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// A sandbox: its name, address or id
    pub name: String,
    /// The snapshot's name or id
    pub snapshot: String,
}

#[derive(Debug, Args)]
pub struct State {
    #[command(subcommand)]
    pub command: StateCommand,
}

#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses in the state
    List {
        /// Only these: addresses, globs or label:KEY=VALUE
        addresses: Vec<String>,
    },
    /// Show one resource
    Show {
        address: String,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a resource another address
    Mv {
        #[command(flatten)]
        lock: LockArgs,
        from: String,
        to: String,
    },
    /// Drop resources from the state; the objects live on
    Rm {
        #[command(flatten)]
        lock: LockArgs,
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Write the state as JSON
    Pull,
    /// Replace the state by JSON from a file or, with `-`, standard input
    Push {
        #[command(flatten)]
        lock: LockArgs,
        /// Also when it is of another lineage or older
        #[arg(long)]
        force: bool,
        file: PathBuf,
    },
    /// Rebuild lost rows from the labels of what is alive
    Recover {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        lock: LockArgs,
    },
}

#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// The address that the object is to have
    pub address: String,
    /// The object's id on its platform
    pub id: String,
}

#[derive(Debug, Args)]
pub struct ForceUnlock {
    /// Do not ask
    #[arg(long)]
    pub force: bool,
    /// The id that the error message of the lock names
    pub id: String,
}

#[derive(Debug, Args)]
pub struct Version {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}

/// The flags before `exec NAME` whose value is a word of its own.
const TAKES_VALUE: [&str; 4] = ["-e", "--env", "--workdir", "--chdir"];

/// Gives long flags with one dash their second one. What follows `--`, and the
/// command that `exec` runs, stays as it is.
pub fn double_dashes(args: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut done = false;
    let mut words = 0;
    let mut is_exec = false;
    let mut doubled = Vec::new();
    for (index, arg) in args.into_iter().enumerate() {
        if index == 0 || done {
            doubled.push(arg);
            continue;
        }
        let is_long = arg.strip_prefix('-').is_some_and(|rest| {
            rest.len() > 1 && rest.starts_with(|c: char| c.is_ascii_alphabetic())
        });
        if is_long {
            doubled.push(format!("-{arg}"));
            continue;
        }
        let is_value = doubled.last().is_some_and(|flag| TAKES_VALUE.contains(&flag.as_str()));
        if !arg.starts_with('-') && !is_value {
            words += 1;
            is_exec |= words == 1 && arg == "exec";
            // `exec NAME`: what follows is the command's.
            done = is_exec && words == 2;
        }
        done |= arg == "--";
        doubled.push(arg);
    }
    doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(line: &str) -> String {
        double_dashes(line.split(' ').map(str::to_owned)).join(" ")
    }

    #[test]
    fn long_flags_work_with_one_dash() {
        assert_eq!(doubled("s apply -auto-approve -var a=-b"), "s apply --auto-approve --var a=-b");
        assert_eq!(doubled("s -chdir=x plan --json -h -"), "s --chdir=x plan --json -h -");
    }

    #[test]
    fn a_command_in_a_sandbox_keeps_its_dashes() {
        assert_eq!(doubled("s exec a -- ls -la -color"), "s exec a -- ls -la -color");
        assert_eq!(doubled("s exec a ls -la"), "s exec a ls -la");
        assert_eq!(doubled("s exec -e A=B -workdir /x a -la"), "s exec -e A=B --workdir /x a -la");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
