//! Networks are cloud firewalls: from a network's arguments to rules, and back.
//!
//! What is in force is compared rule by rule, as lines such as
//! `in tcp 22 203.0.113.0/24`: several ways of writing a network mean the same.

use std::sync::LazyLock;

use super::calls::hashed;
use super::client::Client;
use super::labels;
use super::models::rule::{Direction, Protocol as Spoken};
use super::models::{CreateFirewallRequest, Rule as Sent};
use super::others::once;
use super::pages::Filter;
use super::wire::{Firewall, FirewallRule, PrimaryIp};
use super::{Hetzner, number, objects, remote, unique_name};
use crate::object::{RemoteId, RemoteObject};
use crate::provider::network::{self, Network, Protocol, Rule};
use crate::provider::{
    CreateRequest, PlannedChange, ProposedChange, ProviderError, Report, UpdateRequest,
};
use crate::schema::{Attribute, ResourceSchema};
use crate::value::{AttributePath, Type, Value};

/// How long rules may take to be in force.
const IN_FORCE: std::time::Duration = std::time::Duration::from_secs(300);
const RULES: &str = "rules";

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

/// Lists firewalls and, beside them, addresses that outlived their servers.
pub async fn list(client: &Client, ours: &Filter) -> Result<Vec<RemoteObject>, ProviderError> {
    let firewalls = client.list::<Firewall>(ours).await?;
    let addresses = client.list::<PrimaryIp>(ours).await?;
    let left = addresses.iter().filter(|ip| ip.assignee_id.is_none());
    Ok(firewalls.iter().map(object).chain(left.map(remote::primary_ip)).collect())
}

/// Describes a firewall.
pub fn object(firewall: &Firewall) -> RemoteObject {
    let mut lines: Vec<String> = firewall.rules.iter().flat_map(in_force).collect();
    lines.sort();
    lines.dedup();
    remote::firewall(firewall, vec![(RULES, value(lines))])
}

fn value(lines: Vec<String>) -> Value {
    let lines: Vec<Value> = lines.into_iter().map(Value::from).collect();
    Value::List(Type::String, lines.into())
}

fn in_force(rule: &FirewallRule) -> Vec<String> {
    let FirewallRule { direction, protocol, port, .. } = rule;
    let peers = match direction.as_str() {
        "out" => &rule.destination_ips,
        _ => &rule.source_ips,
    };
    let port = port.as_deref().map(|port| format!(" {}", ports(port))).unwrap_or_default();
    peers.iter().map(|peer| format!("{direction} {protocol}{port} {peer}")).collect()
}

/// A range of one port and that port are the same.
fn ports(text: &str) -> String {
    match text.split_once('-') {
        Some((first, last)) if first == last => first.to_owned(),
        _ => text.to_owned(),
    }
}

/// Returns what a network asks for, one line for each pair of a port and a peer.
fn wanted(network: &Network) -> Vec<String> {
    let sides = [("in", Some(&network.ingress)), ("out", network.egress.as_ref())];
    let rules = sides
        .into_iter()
        .flat_map(|(side, rules)| rules.into_iter().flatten().map(move |rule| (side, rule)));
    let mut lines: Vec<String> = rules.flat_map(|(side, rule)| lines(side, rule)).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn lines(side: &str, rule: &Rule) -> Vec<String> {
    let (protocol, port) = (word(rule.protocol), port(rule));
    let port = port.map(|port| format!(" {port}")).unwrap_or_default();
    rule.peers.iter().map(|peer| format!("{side} {protocol}{port} {peer}")).collect()
}

fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    }
}

fn port(rule: &Rule) -> Option<String> {
    let ports = rule.ports?;
    Some(match ports.first == ports.last {
        true => ports.first.to_string(),
        false => format!("{}-{}", ports.first, ports.last),
    })
}

/// Makes the rules as the API takes them. An `egress` that lets nothing out cannot
/// be said there, as no rule means no limit; so a rule that matches nothing real.
fn rules(network: &Network) -> Vec<Sent> {
    let sent = |direction: Direction, rule: &Rule| {
        let spoken = match rule.protocol {
            Protocol::Tcp => Spoken::Tcp,
            Protocol::Udp => Spoken::Udp,
            Protocol::Icmp => Spoken::Icmp,
        };
        let peers = Some(rule.peers.clone());
        let (source_ips, destination_ips) = match direction {
            Direction::In => (peers, None),
            Direction::Out => (None, peers),
        };
        let port = port(rule).map(Some);
        Sent { source_ips, destination_ips, port, ..Sent::new(direction, spoken) }
    };
    let ingress = network.ingress.iter().map(|rule| sent(Direction::In, rule));
    let egress = network.egress.iter().flatten().map(|rule| sent(Direction::Out, rule));
    ingress.chain(egress).collect()
}

impl Hetzner {
    pub(super) async fn create_firewall(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let network = Network::from_value(&request.attributes);
        let name = network.name.clone().unwrap_or_else(|| unique_name(&request.ownership));
        let wanted = CreateFirewallRequest {
            labels: Some(hashed(&labels::write(&request.ownership, &network.labels))),
            rules: Some(rules(&network)),
            ..CreateFirewallRequest::new(name)
        };
        let send = || async { Ok(client.create_firewall(&wanted).await?.object) };
        let made: Firewall = once(&client, &request.operation, send).await?;
        request.reporter.send(Report::RemoteId(RemoteId::from(made.id.to_string())));
        Ok(object(&made))
    }

    pub(super) async fn update_firewall(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let network = Network::from_value(&request.attributes);
        let id = number(&request.remote_id)?;
        let labels = labels::write(&request.ownership, &network.labels);
        client.change::<Firewall>(id, network.name.as_deref(), &labels).await?;
        let actions = client.set_rules(id, rules(&network)).await?;
        client.wait(&actions, IN_FORCE, |_| ()).await?;
        let firewall = client.read::<Firewall>(id).await?;
        firewall.as_ref().map(object).ok_or_else(|| gone(id))
    }
}

fn gone(id: u64) -> ProviderError {
    let message = format!("The firewall {id} is gone. Run `sandplan plan` to see what is missing.");
    ProviderError::new(crate::provider::ProviderErrorKind::NotFound, message)
}
