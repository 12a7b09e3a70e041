//! Networks are sets of firewall rules of a VPC network, for the instances with a tag.
//!
//! The tag of the network `NAME` is `sandplan-NAME`, and its rules are called
//! `sandplan-NAME-in-1` and so on. What is let through has priority 1000; a rule of
//! priority 60000 lets nothing else through, so that the rules which a VPC network has of
//! its own (priority 65534) do not count. Rules have no labels: whose they are is written
//! into their descriptions.

use std::collections::BTreeMap;

use google_cloud_compute_v1::model::Firewall;
use google_cloud_compute_v1::model::firewall::{Allowed, Denied, Direction};

use super::change::unknown;
use super::client::Client;
use super::terms::DEFAULT_VPC;
use super::wire::{LONGEST_NAME, global};
use super::{Gcp, named};
use crate::address::ResourceType;
use crate::object::{OperationId, Ownership, RemoteId, RemoteObject};
use crate::provider::cloud::labels::{self, ANY, Labels};
use crate::provider::cloud::object::{Whose, described};
use crate::provider::cloud::rules::{self, RULES, port, word};
use crate::provider::network::{Network, Protocol, Rule};
use crate::provider::{
    CreateRequest, DeleteRequest, ProviderError, ProviderErrorKind, Report, UpdateRequest,
};
use crate::value::Value;

/// The tag of instances that name no network; a rule of the same name lets SSH through.
pub const SSH_TAG: &str = "allow-sandplan-ssh";
const PREFIX: &str = "sandplan-";
/// What the names of rules have besides the tag.
const LONGEST_SUFFIX: usize = "-out-999".len();
/// The longest name of a network.
pub const LONGEST_NETWORK: usize = LONGEST_NAME - PREFIX.len() - LONGEST_SUFFIX;
const LETS_THROUGH: i32 = 1000;
const STOPS: i32 = 60000;
const EVERYBODY: &str = "0.0.0.0/0";
/// The number of ICMP for IPv6 (RFC 8200); Compute Engine has no name for it.
const ICMP_V6: &str = "58";

/// Returns the tag of a network's instances.
pub fn tag_of(network: &str) -> String {
    format!("{PREFIX}{network}")
}

/// Returns the network that a tag belongs to, if it is one of ours.
pub fn network_of(tag: &str) -> Option<&str> {
    tag.strip_prefix(PREFIX)
}

/// A network as its rules say.
#[derive(Debug, Clone, Default)]
struct Found {
    rules: Vec<Firewall>,
    labels: Labels,
}

/// Reads whose a rule is, as labels.
fn labels_of(rule: &Firewall) -> Option<Labels> {
    let labels: Labels = serde_json::from_str(rule.description.as_deref()?).ok()?;
    labels.contains_key(labels::PROJECT).then_some(labels)
}

/// Groups those rules that are ours by network.
fn grouped(rules: Vec<Firewall>) -> BTreeMap<String, Found> {
    let mut networks: BTreeMap<String, Found> = BTreeMap::new();
    for rule in rules {
        let Some(labels) = labels_of(&rule) else { continue };
        let [tag] = rule.target_tags.as_slice() else { continue };
        let Some(name) = network_of(tag).map(str::to_owned) else { continue };
        let found = networks.entry(name).or_default();
        found.labels = labels;
        found.rules.push(rule);
    }
    networks
}

/// Describes a network.
fn object(name: &str, found: &Found) -> RemoteObject {
    let attributes = vec![
        ("id", Value::from(name)),
        ("name", Value::from(name)),
        ("labels", Value::string_map(labels::users(&found.labels))),
        (RULES, rules::value(in_force(&found.rules))),
    ];
    let owner = ANY.ownership(&found.labels);
    let whose = Whose { id: RemoteId::from(name), name, owner };
    described(ResourceType::Network, whose, attributes)
}

/// Lists what is let through, one line for each pair of a port and a peer. Where nothing
/// stops the rest, a line says so.
fn in_force(found: &[Firewall]) -> Vec<String> {
    let active: Vec<&Firewall> = found.iter().filter(|rule| rule.disabled != Some(true)).collect();
    let mut lines: Vec<String> = active.iter().flat_map(|rule| lines(rule)).collect();
    let stops = |rule: &&&Firewall| !rule.denied.is_empty() && side(rule) == "in";
    if !active.iter().any(|rule| stops(&rule)) {
        lines.push("in whatever the VPC network lets through".to_owned());
    }
    let goes_out = active.iter().any(|rule| side(rule) == "out" && !rule.allowed.is_empty());
    let is_stopped = active.iter().any(|rule| side(rule) == "out" && !rule.denied.is_empty());
    if goes_out && !is_stopped {
        lines.push("out everything".to_owned());
    }
    lines
}

fn side(rule: &Firewall) -> &'static str {
    if rule.direction == Some(Direction::Egress) { "out" } else { "in" }
}

fn lines(rule: &Firewall) -> Vec<String> {
    let side = side(rule);
    let peers = match side {
        "out" => &rule.destination_ranges,
        _ => &rule.source_ranges,
    };
    let kinds = rule.allowed.iter().flat_map(|allowed| {
        let protocol = match allowed.ip_protocol.as_deref().unwrap_or_default() {
            ICMP_V6 => "icmp",
            protocol => protocol,
        };
        let ports = allowed.ports.iter().map(move |ports| format!("{protocol} {ports}"));
        let all = allowed.ports.is_empty().then(|| protocol.to_owned());
        ports.chain(all)
    });
    kinds.flat_map(|kind| peers.iter().map(move |peer| format!("{side} {kind} {peer}"))).collect()
}

/// Makes the rules of a network: one for each side and set of peers, and one for each side
/// that lets nothing else through.
fn wanted(name: &str, network: &Network, labels: &Labels) -> Vec<Firewall> {
    let description = serde_json::to_string(labels).unwrap_or_default();
    let sides = [("in", Some(&network.ingress)), ("out", network.egress.as_ref())];
    let mut wanted = Vec::new();
    for (side, rules) in sides.into_iter().filter_map(|(side, rules)| Some((side, rules?))) {
        let of = |number: usize| base(name, (side, number)).set_description(&description);
        let groups = groups(rules).into_iter().enumerate();
        wanted.extend(groups.map(|(number, (peers, allowed))| {
            towards(of(number + 1).set_priority(LETS_THROUGH), side, &peers).set_allowed(allowed)
        }));
        let all = Denied::new().set_ip_protocol("all");
        let stop = of(0).set_priority(STOPS).set_denied([all]);
        wanted.push(towards(stop, side, &[EVERYBODY.to_owned()]));
    }
    wanted
}

fn base(network: &str, (side, number): (&str, usize)) -> Firewall {
    let tag = tag_of(network);
    let direction = if side == "out" { Direction::Egress } else { Direction::Ingress };
    Firewall::new()
        .set_name(format!("{tag}-{side}-{number}"))
        .set_network(format!("global/networks/{DEFAULT_VPC}"))
        .set_direction(direction)
        .set_target_tags([tag])
}

fn towards(rule: Firewall, side: &str, peers: &[String]) -> Firewall {
    match side {
        "out" => rule.set_destination_ranges(peers.iter().cloned()),
        _ => rule.set_source_ranges(peers.iter().cloned()),
    }
}

/// Groups rules by their peers; one rule has peers of IPv4 or of IPv6, not both.
fn groups(rules: &[Rule]) -> BTreeMap<Vec<String>, Vec<Allowed>> {
    let mut groups: BTreeMap<Vec<String>, Vec<Allowed>> = BTreeMap::new();
    for rule in rules {
        let (v6, v4): (Vec<String>, Vec<String>) =
            rule.peers.iter().cloned().partition(|peer| peer.contains(':'));
        for (peers, is_v6) in [(v4, false), (v6, true)] {
            if !peers.is_empty() {
                groups.entry(peers).or_default().push(allowed(rule, is_v6));
            }
        }
    }
    groups
}

fn allowed(rule: &Rule, is_v6: bool) -> Allowed {
    let protocol = match (rule.protocol, is_v6) {
        (Protocol::Icmp, true) => ICMP_V6,
        (protocol, _) => word(protocol),
    };
    Allowed::new().set_ip_protocol(protocol).set_ports(port(rule))
}

/// Tells whether a rule that is there does what is wanted.
fn is_same(there: &Firewall, wanted: &Firewall) -> bool {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    let kinds = |rule: &Firewall| {
        let mut kinds: Vec<_> = rule
            .allowed
            .iter()
            .map(|a| (a.ip_protocol.clone(), sorted(&a.ports)))
            .chain(rule.denied.iter().map(|d| (d.ip_protocol.clone(), sorted(&d.ports))))
            .collect();
        kinds.sort();
        (kinds, rule.allowed.is_empty())
    };
    there.disabled != Some(true)
        && there.description == wanted.description
        && there.direction == wanted.direction
        && there.priority == wanted.priority
        && sorted(&there.source_ranges) == sorted(&wanted.source_ranges)
        && sorted(&there.destination_ranges) == sorted(&wanted.destination_ranges)
        && kinds(there) == kinds(wanted)
}

impl Client {
    /// Lists the networks that are ours; of one project, or of all.
    pub(super) async fn networks(
        &self,
        project: Option<&str>,
    ) -> Result<Vec<RemoteObject>, ProviderError> {
        let networks = grouped(self.firewalls().await?);
        let objects = networks.iter().map(|(name, found)| object(name, found));
        Ok(objects.filter(|object| super::is_of(object, project)).collect())
    }

    async fn network(&self, name: &str) -> Result<Option<Found>, ProviderError> {
        Ok(grouped(self.firewalls().await?).remove(name))
    }

    pub(super) async fn network_object(
        &self,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let name = global(id)?;
        Ok(self.network(name).await?.map(|found| object(name, &found)))
    }

    /// Makes the rules of a network those that are wanted: what lets through first, what
    /// stops the rest then, and what is not wanted goes last.
    async fn enforce(
        &self,
        operation: &OperationId,
        (there, wanted): (&[Firewall], Vec<Firewall>),
    ) -> Result<(), ProviderError> {
        let names: Vec<_> = wanted.iter().map(|rule| rule.name.clone()).collect();
        for rule in wanted {
            match there.iter().find(|known| known.name == rule.name) {
                Some(known) if is_same(known, &rule) => {}
                Some(_) => self.replace_firewall(operation, rule).await?,
                None => exists(self.create_firewall(operation, rule).await)?,
            }
        }
        for rule in there.iter().filter(|rule| !names.contains(&rule.name)) {
            let name = rule.name.as_deref().unwrap_or_default();
            self.delete_firewall(operation, name).await?;
        }
        Ok(())
    }

    /// Labels a network as ours, and keeps its user's labels; nothing when it is gone.
    pub(super) async fn adopted_network(
        &self,
        id: &RemoteId,
        ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let name = global(id)?;
        let Some(found) = self.network(name).await? else { return Ok(None) };
        let labels = ANY.write(ownership, &labels::users(&found.labels));
        let description = serde_json::to_string(&labels).unwrap_or_default();
        for rule in &found.rules {
            let rule = rule.clone().set_description(&description);
            self.replace_firewall(&ownership.operation, rule).await?;
        }
        self.network_object(id).await
    }
}

/// Takes a rule that is there already for made: rules have names of their own.
fn exists(made: Result<(), ProviderError>) -> Result<(), ProviderError> {
    match made {
        Err(error) if error.kind == ProviderErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

impl Gcp {
    pub(super) async fn create_network(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let network = Network::from_value(&request.attributes);
        let name = named(network.name.as_deref(), &request.ownership, LONGEST_NETWORK);
        let id = RemoteId::from(name.as_str());
        let there = client.network(&name).await?.unwrap_or_default();
        let owner = ANY.ownership(&there.labels);
        if !there.rules.is_empty() && owner.is_none_or(|o| o.operation != request.operation) {
            return Err(taken(&name));
        }
        request.reporter.send(Report::RemoteId(id.clone()));
        let labels = ANY.write(&request.ownership, &network.labels);
        let wanted = wanted(&name, &network, &labels);
        // Some of the rules may be there: recovery finds them, and the next plan adds the rest.
        client.enforce(&request.operation, (&there.rules, wanted)).await.map_err(unknown)?;
        client.network_object(&id).await.map_err(unknown)?.ok_or_else(|| gone(&id))
    }

    pub(super) async fn update_network(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let network = Network::from_value(&request.attributes);
        let name = global(&request.remote_id)?;
        let there = client.network(name).await?.ok_or_else(|| gone(&request.remote_id))?;
        let labels = ANY.write(&request.ownership, &network.labels);
        let wanted = wanted(name, &network, &labels);
        client.enforce(&request.operation, (&there.rules, wanted)).await?;
        let object = client.network_object(&request.remote_id).await?;
        object.ok_or_else(|| gone(&request.remote_id))
    }

    pub(super) async fn delete_network(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let there = client.network(global(&request.remote_id)?).await?.unwrap_or_default();
        client.enforce(&request.operation, (&there.rules, vec![])).await
    }

    /// Sees that SSH gets through to instances of a VPC network that name no network. The
    /// rule stays: it is the project's, and lets nothing through where nothing has its tag.
    pub(super) async fn let_ssh_through(
        &self,
        operation: &OperationId,
        vpc: &str,
    ) -> Result<(), ProviderError> {
        let mut known = self.open_vpcs.lock().await;
        if known.contains(vpc) {
            return Ok(());
        }
        let client = self.client()?;
        let rule = ssh_rule(vpc);
        let name = rule.name.clone().unwrap_or_default();
        if client.firewall(&name).await?.is_none() {
            exists(client.create_firewall(operation, rule).await)?;
        }
        known.insert(vpc.to_owned());
        Ok(())
    }
}

fn ssh_rule(vpc: &str) -> Firewall {
    let mut name = match vpc {
        DEFAULT_VPC => SSH_TAG.to_owned(),
        vpc => format!("{SSH_TAG}-{vpc}"),
    };
    name.truncate(LONGEST_NAME);
    Firewall::new()
        .set_name(name.trim_end_matches('-'))
        .set_description("Lets SSH through to sandboxes that name no network; kept by sandplan.")
        .set_network(format!("global/networks/{vpc}"))
        .set_direction(Direction::Ingress)
        .set_priority(LETS_THROUGH)
        .set_target_tags([SSH_TAG])
        .set_source_ranges([EVERYBODY])
        .set_allowed([Allowed::new().set_ip_protocol("tcp").set_ports(["22"])])
}

fn taken(name: &str) -> ProviderError {
    let message = format!(
        "The project has firewall rules of a network `{name}` already, which this one is not. \
         Choose another `name`, or leave it out."
    );
    ProviderError::new(ProviderErrorKind::AlreadyExists, message)
}

fn gone(id: &RemoteId) -> ProviderError {
    let message = format!(
        "The firewall rules of `{id}` are gone. Run `sandplan plan` to see what is missing."
    );
    ProviderError::new(ProviderErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::network::Ports;

    fn rule(protocol: Protocol, port: Option<u16>, peers: &[&str]) -> Rule {
        let peers = peers.iter().map(|peer| (*peer).to_owned()).collect();
        Rule { protocol, ports: port.map(Ports::one), peers }
    }

    fn network() -> Network {
        Network {
            ingress: vec![
                rule(Protocol::Tcp, Some(22), &["203.0.113.0/24"]),
                rule(Protocol::Tcp, Some(443), &["0.0.0.0/0", "::/0"]),
                rule(Protocol::Icmp, None, &["0.0.0.0/0", "::/0"]),
            ],
            egress: Some(vec![rule(Protocol::Udp, Some(53), &["0.0.0.0/0"])]),
            ..Network::default()
        }
    }

    #[test]
    fn rules_say_what_the_network_asks_for_and_nothing_else() {
        let made = wanted("inner", &network(), &Labels::new());
        let names: Vec<_> = made.iter().filter_map(|rule| rule.name.as_deref()).collect();
        let expected = ["in-1", "in-2", "in-3", "in-0", "out-1", "out-0"];
        assert_eq!(names, expected.map(|end| format!("sandplan-inner-{end}")));
        let asked = rules::value(rules::wanted(&network()));
        assert_eq!(rules::value(in_force(&made)), asked);
        assert!(made.iter().all(|rule| is_same(rule, rule)));
    }

    #[test]
    fn what_is_missing_or_switched_off_is_seen() {
        let made = wanted("inner", &network(), &Labels::new());
        let asked = rules::value(rules::wanted(&network()));
        for number in 0..made.len() {
            let mut fewer = made.clone();
            fewer.remove(number);
            assert_ne!(rules::value(in_force(&fewer)), asked, "{number}");
            let mut off = made.clone();
            off[number].disabled = Some(true);
            assert_ne!(rules::value(in_force(&off)), asked, "{number}");
            assert!(!is_same(&off[number], &made[number]));
        }
    }

    #[test]
    fn whose_a_rule_is_stands_in_its_description() {
        let labels: Labels = [(labels::PROJECT.to_owned(), "p".to_owned())].into();
        let made = wanted("inner", &network(), &labels);
        let found = grouped(made.into_iter().chain([ssh_rule(DEFAULT_VPC)]).collect());
        assert_eq!(found.len(), 1);
        assert_eq!(found["inner"].labels, labels);
        assert_eq!(found["inner"].rules.len(), 6);
    }
}
