//! Says what a plan leaves alone because a provider cannot be worked with.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::object::ProviderRef;
use crate::plan::{Left, Plan, Through};
use crate::render::change::title;
use crate::render::paint::Paint;
use crate::render::words::{printable, wrap};

/// Draws the section of a plan, so many columns wide; nothing where nothing is left alone.
pub fn text(plan: &Plan, paint: Paint, width: usize) -> String {
    let mut by_outage: BTreeMap<&ProviderRef, Vec<&Left>> = BTreeMap::new();
    for left in &plan.left {
        by_outage.entry(&left.outage).or_default().push(left);
    }
    let section = |(outage, left): (&ProviderRef, Vec<&Left>)| {
        let lines: String = left.iter().map(|left| format!("    {}\n", line(left))).collect();
        let why = plan.outages.get(outage).map(|why| printable(&why.detail)).unwrap_or_default();
        let why = wrap(&format!("({why})"), width.saturating_sub(4));
        let why: String = why.iter().map(|line| format!("  # {line}\n")).collect();
        let head = paint.bold(&format!("# Not planned: provider {outage} cannot be worked with"));
        format!("\n  {head}\n{why}{lines}")
    };
    by_outage.into_iter().map(section).collect()
}

/// Says what is left alone, and why, on one line.
pub fn line(left: &Left) -> String {
    let fate = if left.exists { "left as it is" } else { "not made" };
    let why = match &left.through {
        None => String::new(),
        Some(Through::DependsOn(address)) => format!(", for it depends on {address}"),
        Some(Through::NeededBy(address)) => format!(", for {address} depends on it"),
        Some(Through::MovesFrom(provider)) => format!(", for it would leave {provider}"),
    };
    let name = title(&left.address, left.deposed.as_ref());
    format!("{name} on {}: {fate}{why}", left.provider)
}

/// Returns what is left alone as JSON.
pub fn json(left: &Left) -> Json {
    let (because, address) = match &left.through {
        None => ("unreachable", None),
        Some(Through::DependsOn(address)) => ("depends_on", Some(address)),
        Some(Through::NeededBy(address)) => ("needed_by", Some(address)),
        Some(Through::MovesFrom(_)) => ("moves_from", None),
    };
    json!({
        "address": left.address,
        "deposed": left.deposed,
        "provider": left.provider,
        "exists": left.exists,
        "unreachable": left.outage,
        "because": because,
        "other": address,
    })
}
