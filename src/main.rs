//! The `sandplan` program: parse, run, exit code.

use std::process::ExitCode;

use sandplan::engine::Registry;

fn main() -> ExitCode {
    let args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    sandplan::cli::run(args, Registry::built_in())
}
