//! What a network lets through, as lines that can be compared: `in tcp 22
//! 203.0.113.0/24`. Several ways of writing a network mean the same.

use std::sync::LazyLock;

use super::objects;
use crate::provider::network::{self, Network, Protocol, Rule};
use crate::provider::{PlannedChange, ProposedChange};
use crate::schema::{Attribute, ResourceSchema};
use crate::value::{AttributePath, Type, Value};

/// The attribute that has the lines of what is in force.
pub const RULES: &str = "rules";

/// Returns the schema of a network on this platform.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| {
        let mut schema = network::schema().clone();
        let doc = "What is let through, one rule a line.";
        schema.block.attributes.push(Attribute::computed(RULES, Type::list(Type::String), doc));
        schema
    });
    &SCHEMA
}

/// Says how a change of a network would be carried out; rules that somebody changed
/// by hand are put right.
pub fn plan(change: &ProposedChange<'_>) -> PlannedChange {
    let mut planned = objects::plan(change);
    if !["ingress", "egress"].iter().all(|side| is_known(change.after, side)) {
        planned.unknown.push(RULES.into());
        return planned;
    }
    let wanted = value(wanted(&Network::from_value(change.after)));
    let is_asked = change.changed.iter().any(|p| ["ingress", "egress"].contains(&p.root()));
    if let Some(before) = change.before
        && before.get(RULES).is_none_or(|rules| !crate::object::same(rules, &wanted))
        && !is_asked
    {
        planned.drifted.push(AttributePath::attribute(RULES));
        planned.update = true;
    }
    if change.before.is_none() {
        planned.unknown.extend(["id".into(), "name".into()]);
    }
    planned.known.push((RULES.into(), wanted));
    planned
}

fn is_known(attributes: &Value, name: &str) -> bool {
    attributes.get(name).is_none_or(Value::is_wholly_known)
}

/// Returns lines as the attribute has them: in order, each once.
pub fn value(mut lines: Vec<String>) -> Value {
    lines.sort();
    lines.dedup();
    let lines: Vec<Value> = lines.into_iter().map(Value::from).collect();
    Value::List(Type::String, lines.into())
}

/// Returns what a network asks for, one line for each pair of a port and a peer.
pub fn wanted(network: &Network) -> Vec<String> {
    let sides = [("in", Some(&network.ingress)), ("out", network.egress.as_ref())];
    let rules = sides
        .into_iter()
        .flat_map(|(side, rules)| rules.into_iter().flatten().map(move |rule| (side, rule)));
    rules.flat_map(|(side, rule)| lines(side, rule)).collect()
}

fn lines(side: &str, rule: &Rule) -> Vec<String> {
    let (protocol, port) = (word(rule.protocol), port(rule));
    let port = port.map(|port| format!(" {port}")).unwrap_or_default();
    rule.peers.iter().map(|peer| format!("{side} {protocol}{port} {peer}")).collect()
}

/// Returns the name of a protocol: `tcp`.
pub fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    }
}

/// Writes the ports of a rule: `22`, `8000-8010`; nothing where it has none.
pub fn port(rule: &Rule) -> Option<String> {
    let ports = rule.ports?;
    Some(match ports.first == ports.last {
        true => ports.first.to_string(),
        false => format!("{}-{}", ports.first, ports.last),
    })
}
