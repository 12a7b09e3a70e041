//! `sandplan new`.

use std::path::PathBuf;

use super::planning;
use crate::address::{BlockAddress, ResourceType, is_identifier};
use crate::cli::Exit;
use crate::cli::args::{ConfigArgs, New, OnFailure};
use crate::cli::context::{Context, duration_of};
use crate::config::format::format_fragment;
use crate::config::load::MAIN_FILE;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::Strictness;
use crate::plan::Selector;

/// A file before it was changed, to put back.
struct Before {
    path: PathBuf,
    text: Option<String>,
}

/// Appends a sandbox to `sandboxes.hcl`, plans it, asks, and applies.
pub async fn run(context: &Context, args: &New) -> Result<Exit, Diagnostics> {
    context.begin_json_lines(args.plan.json);
    if args.plan.json && !args.auto_approve {
        return Err(usage("With -json nobody can be asked: add -auto-approve.").into());
    }
    let name = name(context, args)?;
    if let Some(ttl) = &args.ttl {
        duration_of(ttl, "-ttl")?;
    }
    let before = append(context, &block(args, &name))?;
    let added = add(context, args, &name).await;
    if let Err(Stopped::Unapplied(_)) = &added {
        before.restore()?;
    }
    match added {
        Ok(exit) => Ok(exit),
        Err(Stopped::Unapplied(problems) | Stopped::Applied(problems)) => Err(problems),
    }
}

/// How far it came: an unapplied block is taken out of the file again.
enum Stopped {
    Unapplied(Diagnostics),
    Applied(Diagnostics),
}

impl From<Diagnostics> for Stopped {
    fn from(problems: Diagnostics) -> Self {
        Self::Unapplied(problems)
    }
}

async fn add(context: &Context, args: &New, name: &str) -> Result<Exit, Stopped> {
    // The provider and the region stand in the new block; they are no default for the others.
    let config = &args.plan.config;
    let config = ConfigArgs {
        vars: config.vars.clone(),
        var_files: config.var_files.clone(),
        ..ConfigArgs::default()
    };
    let project = context.load(&config, Strictness::Complete)?;
    let timeout = planning::lock_timeout(&args.plan.lock)?;
    let mut events = context.events();
    context.subscribe_progress(&mut events, args.plan.json);
    let (mut session, warnings) = project.open("new", timeout, &mut events).await?;
    context.report(&warnings);
    let mut options = planning::options(&args.plan, false)?;
    options.targets = vec![Selector::Address(format!("sandbox.{name}"))];
    let mut events = planning::events(context, args.plan.json);
    let prior = planning::prior(&project, session.state()?, &args.plan, &mut events).await?;
    let plan = project.plan(&prior, &options).await?;
    plan.undone().into_result(())?;
    planning::show(context, &plan, args.plan.json, &mut events);
    let unusable = project.unusable(&plan).await.into_values();
    unusable.collect::<Diagnostics>().into_result(())?;
    if !args.auto_approve {
        planning::confirm(context, &plan, args.plan.input)?;
    }
    let how = (&args.plan, OnFailure::Keep);
    planning::carry_out(context, &mut session, &plan, how).await.map_err(Stopped::Applied)
}

/// Writes the block as a person would.
fn block(args: &New, name: &str) -> String {
    let mut lines = Vec::new();
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    if let Some(profile) = &args.profile {
        lines.push(format!("profile = profile.{profile}"));
    }
    if let Some(provider) = &args.plan.config.provider {
        lines.push(format!("provider = {}", quoted(provider)));
    }
    if let Some(region) = &args.plan.config.region {
        lines.push(format!("region = {}", quoted(region)));
    }
    if let Some(ttl) = &args.ttl {
        lines.push(format!("ttl = {}", quoted(ttl)));
    }
    if lines.is_empty() {
        return format!("sandbox \"{name}\" {{}}\n");
    }
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format_fragment(&format!("sandbox \"{name}\" {{\n{body}}}\n"))
}

fn append(context: &Context, block: &str) -> Result<Before, Diagnostics> {
    let path = context.path(std::path::Path::new(MAIN_FILE));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(unwritable(&path, &error).into()),
    };
    let mut new = text.clone().unwrap_or_default();
    if !new.is_empty() {
        new.push_str(if new.ends_with('\n') { "\n" } else { "\n\n" });
    }
    new.push_str(block);
    std::fs::write(&path, new).map_err(|error| unwritable(&path, &error))?;
    Ok(Before { path, text })
}

impl Before {
    fn restore(&self) -> Result<(), Diagnostics> {
        let restored = match &self.text {
            Some(text) => std::fs::write(&self.path, text),
            None => std::fs::remove_file(&self.path),
        };
        restored.map_err(|error| unwritable(&self.path, &error).into())
    }
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("unwritable-file", "Cannot write the configuration")
        .detail(format!("{}: {error}.", path.display()))
}

/// Takes the name that was given, or finds a friendly one that is free.
fn name(context: &Context, args: &New) -> Result<String, Diagnostics> {
    if let Some(name) = &args.name {
        return match is_identifier(name) {
            true => Ok(name.clone()),
            false => Err(usage(&format!(
                "`{name}` cannot name a sandbox: letters, digits, dashes and underscores, beginning with a letter."
            ))
            .into()),
        };
    }
    let taken = taken(context, args);
    let free = (0..1000).map(|_| friendly()).find(|name| !taken.contains(name));
    Ok(free.unwrap_or_else(|| format!("{}-{}", friendly(), rand::random::<u16>())))
}

fn taken(context: &Context, args: &New) -> Vec<String> {
    let project = context.load(&args.plan.config, Strictness::Optional);
    let blocks = project.map(|project| {
        let blocks = project.desired.blocks().cloned();
        blocks.filter(|b: &BlockAddress| b.kind == ResourceType::Sandbox).collect::<Vec<_>>()
    });
    blocks.unwrap_or_default().into_iter().map(|block| block.name.to_string()).collect()
}

/// Makes a name of two words: `bright-panda`.
fn friendly() -> String {
    const FIRST: [&str; 24] = [
        "amber", "bold", "brave", "bright", "calm", "clever", "cosy", "crisp", "eager", "fair",
        "gentle", "golden", "happy", "jolly", "keen", "lively", "lucky", "mellow", "nimble",
        "quiet", "rapid", "sunny", "swift", "witty",
    ];
    const SECOND: [&str; 24] = [
        "badger", "beaver", "crane", "dolphin", "falcon", "finch", "fox", "gecko", "heron", "ibis",
        "koala", "lemur", "lynx", "marten", "otter", "owl", "panda", "puffin", "raven", "robin",
        "seal", "swan", "tiger", "wombat",
    ];
    let pick = |words: &[&'static str]| words[rand::random_range(0..words.len())];
    format!("{}-{}", pick(&FIRST), pick(&SECOND))
}

fn usage(detail: &str) -> Diagnostic {
    Diagnostic::error("usage", "Invalid option").detail(detail).failure(Failure::Usage)
}
