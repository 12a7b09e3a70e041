//! `sandplan list`.

use crate::address::ResourceType;
use crate::cli::Exit;
use crate::cli::args::List;
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::object::Prior;
use crate::render;
use crate::render::table::{Row, TableOptions};

/// Lists the sandboxes of the state, and orphans, with what the platforms say now.
pub async fn run(context: &Context, args: &List) -> Result<Exit, Diagnostics> {
    context.speak_json(args.json);
    let (project, state) = context.load_state()?;
    let prior = match args.refresh {
        true => project.refresh(state, true, &mut context.events()).await?,
        false => Prior::unrefreshed(state),
    };
    let rows = rows(&prior);
    context.terminal.out(&if args.json {
        format!("{:#}\n", render::table::json(&rows))
    } else if rows.is_empty() {
        context.terminal.say("There are no sandboxes.\n");
        String::new()
    } else {
        let options = TableOptions {
            color: context.terminal.color,
            width: context.terminal.stdout.then_some(context.terminal.width),
            now: project.now(),
        };
        render::table::text(&rows, &options)
    });
    // The document is whole; what follows is talk.
    context.speak_text();
    prior.outages.into_values().collect::<Diagnostics>().into_result(Exit::Done)
}

fn rows(prior: &Prior) -> Vec<Row> {
    let gone = prior.drift.iter().filter(|drift| drift.after.is_none());
    // What is gone costs nothing any more.
    let of = |row| Row { status: "gone".to_owned(), hourly_cost: None, ..row };
    let gone = gone.map(|drift| of(Row::of(&drift.before)));
    let alive = prior.objects.iter().filter(|object| object.deposed.is_none());
    let alive = alive.map(|object| match prior.outages.contains_key(&object.provider) {
        true => Row { status: "unreachable".to_owned(), ..Row::of(object) },
        false => Row::of(object),
    });
    let known = alive.chain(gone);
    let mut rows: Vec<Row> = known.filter(|row| row.kind == ResourceType::Sandbox).collect();
    rows.sort_by(|a, b| a.address.cmp(&b.address));
    rows.extend(prior.orphans.iter().map(|(provider, object)| Row::orphan(provider, object)));
    rows
}
