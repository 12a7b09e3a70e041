//! `sandplan version`.

use crate::cli::Exit;
use crate::cli::args::Version;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;

/// Prints the version.
pub fn run(context: &Context, args: &Version) -> Result<Exit, Diagnostics> {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    context.terminal.out(&match args.json {
        true => format!(
            "{:#}\n",
            serde_json::json!({ "sandplan_version": version, "platform": platform })
        ),
        false => format!("sandplan v{version}\non {platform}\n"),
    });
    Ok(Exit::Done)
}
