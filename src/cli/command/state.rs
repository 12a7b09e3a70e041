//! `sandplan state …`.

use super::planning;
use crate::address::Address;
use crate::cli::Exit;
use crate::cli::args::{ConfigArgs, LockArgs, StateCommand};
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::{Project, Session, Strictness};
use crate::object::{Object, State};
use crate::plan::Selector;
use crate::render;
use crate::render::paint::Paint;

/// Inspects and mends the state.
pub async fn run(context: &Context, command: StateCommand) -> Result<Exit, Diagnostics> {
    match command {
        StateCommand::List { addresses } => list(context, &addresses),
        StateCommand::Show { address, json } => show(context, &address, json),
        StateCommand::Pull => pull(context),
        StateCommand::Mv { lock, from, to } => mv(context, &lock, (&from, &to)).await,
        StateCommand::Rm { lock, addresses } => rm(context, &lock, &addresses).await,
        StateCommand::Push { lock, force, file } => push(context, &lock, (&file, force)).await,
        StateCommand::Recover { config, lock } => recover(context, &config, &lock).await,
    }
}

fn list(context: &Context, addresses: &[String]) -> Result<Exit, Diagnostics> {
    let (_, state) = context.load_state()?;
    let selectors = selectors(addresses)?;
    for object in &state.objects {
        if selectors.is_empty() || is_selected(&selectors, object) {
            let deposed = object.deposed.as_ref().map(|key| format!(" (deposed {key})"));
            let line = format!("{}{}\n", object.address, deposed.unwrap_or_default());
            context.terminal.out(&line);
        }
    }
    Ok(Exit::Done)
}

fn show(context: &Context, address: &str, json: bool) -> Result<Exit, Diagnostics> {
    context.speak_json(json);
    let (_, state) = context.load_state()?;
    let address = parse(address)?;
    let object = state.current(&address).ok_or_else(|| missing(&address))?;
    context.terminal.out(&match json {
        true => format!("{:#}\n", render::state_json::values([object], &Default::default())),
        false => render::state_text::object(object, Paint::new(context.terminal.color)),
    });
    Ok(Exit::Done)
}

fn pull(context: &Context) -> Result<Exit, Diagnostics> {
    let (_, state) = context.load_state()?;
    let json = serde_json::to_string_pretty(&state).map_err(unwritable)?;
    context.terminal.out(&format!("{json}\n"));
    Ok(Exit::Done)
}

async fn mv(
    context: &Context,
    lock: &LockArgs,
    (from, to): (&str, &str),
) -> Result<Exit, Diagnostics> {
    let (from, to) = (parse(from)?, parse(to)?);
    let project = context.load(&ConfigArgs::default(), Strictness::Optional)?;
    open(context, &project, ("state mv", lock)).await?.rename(&from, &to)?;
    context.terminal.say(&format!("Moved {from} to {to}.\n"));
    Ok(Exit::Done)
}

async fn rm(context: &Context, lock: &LockArgs, addresses: &[String]) -> Result<Exit, Diagnostics> {
    let selectors = selectors(addresses)?;
    let project = context.load(&ConfigArgs::default(), Strictness::Optional)?;
    let mut session = open(context, &project, ("state rm", lock)).await?;
    let state = session.state()?;
    let keys: Vec<_> =
        state.objects.iter().filter(|o| is_selected(&selectors, o)).map(Object::key).collect();
    if keys.is_empty() {
        return Err(Diagnostic::error("no-such-resource", "No matching resources")
            .detail(format!("The state has nothing that matches {}.", addresses.join(", ")))
            .into());
    }
    for key in &keys {
        session.remove(key)?;
        context.terminal.say(&format!(
            "Removed {}. Its object lives on, and `drift` shows it as an orphan.\n",
            key.address
        ));
    }
    Ok(Exit::Done)
}

async fn push(
    context: &Context,
    lock: &LockArgs,
    (file, force): (&std::path::Path, bool),
) -> Result<Exit, Diagnostics> {
    let unreadable = |error: std::io::Error| {
        Diagnostic::error("unreadable-file", "Cannot read the file")
            .detail(format!("{}: {error}.", file.display()))
    };
    let text = match file == std::path::Path::new("-") {
        true => context.terminal.read_input().map_err(unreadable)?,
        false => std::fs::read_to_string(context.path(file)).map_err(unreadable)?,
    };
    let state: State = serde_json::from_str(&text).map_err(|error| {
        Diagnostic::error("invalid-state", "Not a state").detail(format!(
            "{}: {error}. `state pull` writes what `state push` reads.",
            file.display()
        ))
    })?;
    let project = context.load(&ConfigArgs::default(), Strictness::Optional)?;
    open(context, &project, ("state push", lock)).await?.push(&state, force)?;
    let count = state.objects.len();
    let objects = if count == 1 { "object" } else { "objects" };
    context.terminal.say(&format!("Pushed {count} {objects}.\n"));
    Ok(Exit::Done)
}

async fn recover(
    context: &Context,
    config: &ConfigArgs,
    lock: &LockArgs,
) -> Result<Exit, Diagnostics> {
    let project = context.load(config, Strictness::Lenient)?;
    let mut events = context.events();
    let mut session = open(context, &project, ("state recover", lock)).await?;
    let (found, problems) = session.rebuild(&mut events).await?;
    for address in &found {
        context.terminal.say(&format!("Recovered {address}.\n"));
    }
    context.terminal.say(&match found.len() {
        0 => "Nothing to recover: every object with this project's labels is in the state.\n"
            .to_owned(),
        1 => "One object is in the state again. `sandplan plan` shows what differs.\n".to_owned(),
        count => {
            format!("{count} objects are in the state again. `sandplan plan` shows what differs.\n")
        }
    });
    let warnings = problems.into_errors_or_warnings()?;
    context.report(&warnings);
    Ok(Exit::Done)
}

async fn open<'a>(
    context: &Context,
    project: &'a Project,
    (command, lock): (&str, &LockArgs),
) -> Result<Session<'a>, Diagnostics> {
    let mut events = context.events();
    context.subscribe_progress(&mut events, false);
    let timeout = planning::lock_timeout(lock)?;
    let (session, warnings) = project.open(command, timeout, &mut events).await?;
    context.report(&warnings);
    Ok(session)
}

fn selectors(texts: &[String]) -> Result<Vec<Selector>, Diagnostics> {
    texts
        .iter()
        .map(|text| text.parse().map_err(|why: String| Diagnostics::from(invalid(&why))))
        .collect()
}

fn is_selected(selectors: &[Selector], object: &Object) -> bool {
    selectors.iter().any(|s| s.matches(&object.address, Some(&object.attributes)))
}

fn parse(text: &str) -> Result<Address, Diagnostics> {
    text.parse().map_err(|error: crate::address::AddressError| invalid(&error.to_string()).into())
}

fn invalid(why: &str) -> Diagnostic {
    Diagnostic::error("usage", "Invalid address").detail(format!("{why}.")).failure(Failure::Usage)
}

fn missing(address: &Address) -> Diagnostic {
    Diagnostic::error("no-such-resource", "No such resource in the state")
        .detail(format!("The state has no {address}. `sandplan state list` shows what it has."))
}

fn unwritable(error: serde_json::Error) -> Diagnostic {
    Diagnostic::error("invalid-state", "Cannot write the state").detail(error.to_string())
}
