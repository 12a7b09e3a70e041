//! `sandplan init`.

use std::io::Write;

use crate::cli::Exit;
use crate::cli::args::Init;
use crate::cli::context::Context;
use crate::config::load;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::Strictness;

/// What a new configuration starts with.
const SCAFFOLD: &str = include_str!("init/sandboxes.hcl");

/// Scaffolds a configuration where there is none, and checks each provider.
pub async fn run(context: &Context, args: &Init) -> Result<Exit, Diagnostics> {
    if load::files(context.directory())?.is_empty() {
        scaffold(context, args.config.provider.as_deref())?;
    }
    let project = context.load(&args.config, Strictness::Lenient)?;
    context.terminal.out(&format!("project: {}\n", project.label()));
    let mut problems = Diagnostics::new();
    for name in project.used_providers() {
        match project.whoami(&name).await {
            Ok(account) => {
                let mut text = format!("{name}: {}\n", account.summary);
                for (what, value) in &account.details {
                    text.push_str(&format!("  {what}: {value}\n"));
                }
                context.terminal.out(&text);
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    problems.into_result(())?;
    context.terminal.say("\nsandplan is ready. `sandplan plan` shows what would be made, `sandplan apply` makes it.\n");
    Ok(Exit::Done)
}

/// Writes a first configuration, for a provider other than the usual one where it is named.
fn scaffold(context: &Context, provider: Option<&str>) -> Result<(), Diagnostics> {
    let path = context.path(std::path::Path::new(load::MAIN_FILE));
    let project = std::path::absolute(context.directory())
        .map(|directory| crate::config::settings::project_of(&directory))
        .unwrap_or_else(|_| "my-project".to_owned());
    let mut text = SCAFFOLD.replace("my-project", &project);
    if let Some(provider) = provider {
        let line = format!("  default_provider = {provider:?}\n\n  # Nothing outside");
        text = text.replacen("\n  # Nothing outside", &line, 1);
    }
    // Never over a file that is there, also when it appeared just now.
    std::fs::File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(
        |error| {
            Diagnostic::error("unwritable-file", "Cannot write the configuration")
                .detail(format!("{}: {error}.", path.display()))
        },
    )?;
    context.terminal.say(&format!("Wrote {} with one sandbox to start from.\n\n", path.display()));
    Ok(())
}
