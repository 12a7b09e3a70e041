//! `sandplan snapshot` and `sandplan restore`.

use crate::cli::Exit;
use crate::cli::args::{Restore, Snapshot};
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::SnapshotInfo;
use crate::engine::Target;

/// Saves a sandbox's files, or lists what is saved.
pub async fn save(context: &Context, args: &Snapshot) -> Result<Exit, Diagnostics> {
    context.speak_json(args.json);
    let (project, state) = context.load_state()?;
    let target = Target::find(&state, &args.name)?;
    let snapshots = project.snapshots(&target)?;
    let failed = |error| project.call_failed(&target, &error);
    if args.list {
        let list = snapshots.snapshots(&target.machine.remote_id).await.map_err(failed)?;
        context.terminal.out(&listing(&list, args.json));
        return Ok(Exit::Done);
    }
    let name = args
        .snapshot
        .clone()
        .unwrap_or_else(|| project.now().strftime("%Y%m%dT%H%M%SZ").to_string());
    let saved = snapshots.snapshot(&target.machine.remote_id, &name).await.map_err(failed)?;
    if args.json {
        context.terminal.out(&listing(std::slice::from_ref(&saved), true));
    } else {
        let name = target.object.text("name").unwrap_or(args.name.as_str());
        context.terminal.say(&told(name, &saved, snapshots.restores()));
    }
    Ok(Exit::Done)
}

/// Says what was saved, and what can be done with it.
fn told(name: &str, saved: &SnapshotInfo, restores: bool) -> String {
    let next = match restores {
        true => format!("Put it back with `sandplan restore {name} {}`.", saved.name),
        false => format!("Begin a sandbox with it: from = \"{}\".", saved.id),
    };
    // Some platforms say only later how much it is.
    let amount = match saved.bytes {
        0 => String::new(),
        some => format!("{} of ", bytes(some)),
    };
    format!("Saved {amount}{name} as `{}`. {next}\n", saved.name)
}

/// Puts a sandbox's files back.
pub async fn restore(context: &Context, args: &Restore) -> Result<Exit, Diagnostics> {
    let (project, state) = context.load_state()?;
    Target::find(&state, &args.name)?;
    let mut events = context.events();
    let timeout = std::time::Duration::ZERO;
    let (mut session, warnings) = project.open("restore", timeout, &mut events).await?;
    context.report(&warnings);
    let target = Target::find(&session.state()?, &args.name)?;
    session.restore(&target, &args.snapshot).await?;
    context.terminal.say(&format!("Restored `{}`.\n", args.snapshot));
    Ok(Exit::Done)
}

fn listing(list: &[SnapshotInfo], json: bool) -> String {
    if json {
        return format!("{:#}\n", serde_json::json!(list));
    }
    let line = |s: &SnapshotInfo| format!("{}  {}  {}\n", s.name, s.created_at, bytes(s.bytes));
    list.iter().map(line).collect()
}

fn bytes(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if amount < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{amount:.1} {unit}") };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1} GiB")
}
