//! Networks are cloud firewalls: from a network's arguments to rules, and back.

use super::calls::hashed;
use super::client::Client;
use super::models::rule::{Direction, Protocol as Spoken};
use super::models::{CreateFirewallRequest, Rule as Sent};
use super::others::found;
use super::pages::Filter;
use super::wire::{Firewall, FirewallRule, PrimaryIp};
use super::{Hetzner, number, remote};
use crate::object::{RemoteId, RemoteObject};
use crate::provider::cloud::labels::WORDS;
use crate::provider::cloud::object::unique_name;
use crate::provider::cloud::once::once;
use crate::provider::cloud::rules::{self, RULES, port};
use crate::provider::network::{Network, Protocol, Rule};
use crate::provider::{CreateRequest, ProviderError, Report, UpdateRequest};

/// How long rules may take to be in force.
const IN_FORCE: std::time::Duration = std::time::Duration::from_secs(300);

/// Lists firewalls and, beside them, addresses that outlived their servers.
pub async fn list(client: &Client, ours: &Filter) -> Result<Vec<RemoteObject>, ProviderError> {
    let firewalls = client.list::<Firewall>(ours).await?;
    let addresses = client.list::<PrimaryIp>(ours).await?;
    let left = addresses.iter().filter(|ip| ip.assignee_id.is_none());
    Ok(firewalls.iter().map(object).chain(left.map(remote::primary_ip)).collect())
}

/// Describes a firewall.
pub fn object(firewall: &Firewall) -> RemoteObject {
    let lines = firewall.rules.iter().flat_map(in_force).collect();
    remote::firewall(firewall, vec![(RULES, rules::value(lines))])
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

/// Makes the rules as the API takes them. An `egress` that lets nothing out cannot
/// be said there, as no rule means no limit; so a rule that matches nothing real.
fn sent(network: &Network) -> Vec<Sent> {
    let rule = |direction: Direction, rule: &Rule| {
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
    let ingress = network.ingress.iter().map(|of| rule(Direction::In, of));
    let egress = network.egress.iter().flatten().map(|of| rule(Direction::Out, of));
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
            labels: Some(hashed(&WORDS.write(&request.ownership, &network.labels))),
            rules: Some(sent(&network)),
            ..CreateFirewallRequest::new(name)
        };
        let send = || client.create_firewall(&wanted);
        let made = once(send, || found::<Firewall>(&client, &request.operation)).await?.object;
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
        let labels = WORDS.write(&request.ownership, &network.labels);
        client.change::<Firewall>(id, network.name.as_deref(), &labels).await?;
        let actions = client.set_rules(id, sent(&network)).await?;
        client.wait(&actions, IN_FORCE, |_| ()).await?;
        let firewall = client.read::<Firewall>(id).await?;
        firewall.as_ref().map(object).ok_or_else(|| gone(id))
    }
}

fn gone(id: u64) -> ProviderError {
    let message = format!("The firewall {id} is gone. Run `sandplan plan` to see what is missing.");
    ProviderError::new(crate::provider::ProviderErrorKind::NotFound, message)
}
