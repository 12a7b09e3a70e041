//! Networks are security groups of a region's default VPC: from a network's
//! arguments to rules, and back. Sandboxes that name none share a group for SSH.
//!
//! Rules are compared as lines such as `in tcp 22 203.0.113.0/24`. A rule that EC2
//! writes in another way than sandplan would is still one line per peer.

use std::collections::BTreeMap;

use super::calls::Which;
use super::calls::groups::Way;
use super::client::Client;
use super::ids::{Place, id};
use super::remote::{NAME, SSH_GROUP, named};
use super::wire::group::Permission;
use super::wire::{Group, Tags};
use super::{Aws, remote};
use crate::object::RemoteObject;
use crate::provider::cloud::labels::ANY;
use crate::provider::cloud::object::unique_name;
use crate::provider::cloud::once::once;
use crate::provider::cloud::rules;
use crate::provider::network::{Network, Protocol, Rule};
use crate::provider::{
    Committed, CreateRequest, ProviderError, ProviderErrorKind, Report, UpdateRequest,
};

/// What lets everything out; EC2 gives it to new groups.
const EVERYTHING: [&str; 2] = ["0.0.0.0/0", "::/0"];
/// All protocols.
const ALL: &str = "-1";
/// All types and codes of ICMP.
const ANY_ICMP: i32 = -1;

/// Returns what a group lets through, one line for each pair of a port and a peer; a
/// group that lets everything out has no line for that.
pub fn in_force(group: &Group) -> Vec<String> {
    let ingress = group.ingress.iter().flat_map(|rule| lines("in", rule));
    let egress = group.egress.iter().filter(|rule| !is_everything(rule));
    ingress.chain(egress.flat_map(|rule| lines("out", rule))).collect()
}

fn is_everything(rule: &Permission) -> bool {
    rule.protocol == ALL && rule.peers.iter().all(|peer| EVERYTHING.contains(&peer.as_str()))
}

fn lines(way: &str, rule: &Permission) -> Vec<String> {
    let protocol = match rule.protocol.as_str() {
        ALL => "all",
        "icmpv6" => "icmp",
        other => other,
    };
    let ports = match (rule.first, rule.last) {
        _ if protocol == "icmp" || protocol == "all" => String::new(),
        (Some(first), Some(last)) if first == last => format!(" {first}"),
        (Some(first), Some(last)) => format!(" {first}-{last}"),
        _ => String::new(),
    };
    rule.peers.iter().map(|peer| format!("{way} {protocol}{ports} {peer}")).collect()
}

/// Returns rules as EC2 takes them, one for each pair of ports and a peer: so each can
/// be added and taken by itself.
fn permissions(rules: &[Rule]) -> Vec<Permission> {
    let one = |rule: &Rule, peer: &String| {
        let is_v6 = peer.contains(':');
        let (protocol, first, last) = match (rule.protocol, rule.ports) {
            (Protocol::Icmp, _) if is_v6 => ("icmpv6", ANY_ICMP, ANY_ICMP),
            (Protocol::Icmp, _) => ("icmp", ANY_ICMP, ANY_ICMP),
            (protocol, Some(ports)) => {
                (rules::word(protocol), ports.first.into(), ports.last.into())
            }
            (protocol, None) => (rules::word(protocol), 0, u16::MAX.into()),
        };
        let (first, last) = (Some(first), Some(last));
        Permission { protocol: protocol.to_owned(), first, last, peers: vec![peer.clone()] }
    };
    rules.iter().flat_map(|rule| rule.peers.iter().map(move |peer| one(rule, peer))).collect()
}

/// Returns what may go out: without an `egress` block, everything.
fn outward(network: &Network) -> Vec<Permission> {
    match &network.egress {
        Some(rules) => permissions(rules),
        None => vec![Permission {
            protocol: ALL.to_owned(),
            peers: vec![EVERYTHING[0].to_owned()],
            ..Permission::default()
        }],
    }
}

/// Splits rules, so that each has one peer.
fn single(rules: &[Permission]) -> Vec<Permission> {
    let one =
        |rule: &Permission, peer: &String| Permission { peers: vec![peer.clone()], ..rule.clone() };
    rules.iter().flat_map(|rule| rule.peers.iter().map(move |peer| one(rule, peer))).collect()
}

fn without(all: &[Permission], others: &[Permission]) -> Vec<Permission> {
    let all = single(all).into_iter();
    all.filter(|rule| !others.contains(rule) && rule.peers.iter().all(|p| p.contains(['.', ':'])))
        .collect()
}

/// Makes a group's rules as they are wanted: what is missing first, so that nothing
/// that stays is interrupted.
async fn set_rules(client: &Client, group: &Group, network: &Network) -> Result<(), ProviderError> {
    let place = (group.region.as_str(), group.id.as_str());
    let sides = [
        (Way::In, permissions(&network.ingress), &group.ingress),
        (Way::Out, outward(network), &group.egress),
    ];
    for (way, wanted, there) in sides {
        client.permit(place, way, &without(&wanted, &single(there))).await?;
        client.forbid(place, way, &without(there, &wanted)).await?;
    }
    Ok(())
}

/// Returns the group that lets SSH in, of a VPC; it is made where it is not there.
/// Its name is unique in the VPC, so two runs never make two.
async fn ssh_group(client: &Client, region: &str, vpc: &str) -> Result<String, ProviderError> {
    let find = || client.group_called(region, vpc, SSH_GROUP);
    let group = match find().await? {
        Some(group) => group,
        None => made(client, (region, vpc), find).await?,
    };
    let network = Network { ingress: vec![ssh()], ..Network::default() };
    client
        .permit(
            (region, &group.id),
            Way::In,
            &without(&permissions(&network.ingress), &single(&group.ingress)),
        )
        .await?;
    Ok(group.id)
}

async fn made<F: Future<Output = Result<Option<Group>, ProviderError>>>(
    client: &Client,
    (region, vpc): (&str, &str),
    find: impl Fn() -> F,
) -> Result<Group, ProviderError> {
    let tags = shared();
    let send = async || {
        let id = client.create_group((region, vpc), SSH_GROUP, &tags).await?;
        let (name, region) = (SSH_GROUP.to_owned(), region.to_owned());
        Ok(Group { id, region, name, ..Group::default() })
    };
    once(send, find).await
}

fn ssh() -> Rule {
    let port = crate::provider::network::Ports { first: 22, last: 22 };
    Rule { protocol: Protocol::Tcp, ports: Some(port), peers: EVERYTHING.map(str::to_owned).into() }
}

/// It belongs to no project, so that none takes it from another.
fn shared() -> Tags {
    let tags = [(NAME, SSH_GROUP), ("sandplan-shared", "ssh")];
    BTreeMap::from(tags.map(|(key, value)| (key.to_owned(), value.to_owned())))
}

impl Aws {
    /// Returns the group that lets SSH in, of a VPC; looked for once.
    pub(super) async fn ssh_group(
        &self,
        client: &Client,
        region: &str,
        vpc: &str,
    ) -> Result<String, ProviderError> {
        let mut known = self.ssh_groups.lock().await;
        if let Some(group) = known.get(vpc) {
            return Ok(group.clone());
        }
        let group = ssh_group(client, region, vpc).await?;
        known.insert(vpc.to_owned(), group.clone());
        Ok(group)
    }

    pub(super) async fn create_network(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let network = Network::from_value(&request.attributes);
        let region = client.first_region();
        let subnets = self.subnets(&client, region).await?;
        let vpc = subnets.iter().find(|subnet| subnet.is_default).map(|subnet| subnet.vpc.clone());
        let vpc = vpc.ok_or_else(|| no_default(region))?;
        let unique = unique_name(&request.ownership);
        let name = network.name.clone().unwrap_or_else(|| unique.clone());
        let tags = named(&ANY.write(&request.ownership, &network.labels), &name);
        let find = async || {
            let made = client.groups(region, &Which::Operation(request.operation.clone())).await?;
            Ok(made.into_iter().next().map(|group| group.id))
        };
        let made = once(|| client.create_group((region, &vpc), &unique, &tags), find).await?;
        let remote = id(region, &made);
        request.reporter.send(Report::RemoteId(remote.clone()));
        let partly = |error: ProviderError| error.committed(Committed::Partially(remote.clone()));
        let group = self.seen(&client, (region, &made)).await.map_err(partly)?;
        set_rules(&client, &group, &network).await.map_err(partly)?;
        let group = self.seen(&client, (region, &made)).await.map_err(partly)?;
        Ok(remote::network(&group))
    }

    pub(super) async fn update_network(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let network = Network::from_value(&request.attributes);
        let place = self.place(&client, &request.remote_id, &["sg-"])?;
        let group = client.group(&place.region, &place.id).await?.ok_or_else(|| gone(&place))?;
        let labels = ANY.write(&request.ownership, &network.labels);
        let name = network.name.as_deref().or(group.tags.get(NAME).map(String::as_str));
        let wanted = named(&labels, name.unwrap_or(&group.name));
        client.retag(place.parts(), &group.tags, &wanted).await?;
        set_rules(&client, &group, &network).await?;
        let group = client.group(&place.region, &place.id).await?.ok_or_else(|| gone(&place))?;
        Ok(remote::network(&group))
    }

    /// Waits until a group that was just made is seen by all of EC2.
    async fn seen(
        &self,
        client: &Client,
        (region, id): (&str, &str),
    ) -> Result<Group, ProviderError> {
        const LOOKS: usize = 30;
        let mut looks = client.looks();
        for _ in 0..LOOKS {
            if let Some(group) = client.group(region, id).await? {
                return Ok(group);
            }
            looks.pause().await;
        }
        Err(gone(&Place { region: region.to_owned(), id: id.to_owned() }))
    }
}

fn gone(place: &Place) -> ProviderError {
    let Place { region, id } = place;
    let message = format!(
        "The security group {region}/{id} is gone. Run `sandplan plan` to see what is missing."
    );
    ProviderError::new(ProviderErrorKind::NotFound, message)
}

/// Says that a region has no default VPC.
pub fn no_default(region: &str) -> ProviderError {
    let message = format!(
        "The region {region} of AWS has no default VPC. Name a subnet in the sandbox: \
         `aws {{ subnet_id = \"subnet-…\" }}`, or make a default VPC (`aws ec2 create-default-vpc`)."
    );
    ProviderError::new(ProviderErrorKind::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::network::Ports;

    fn rule(peers: &[&str]) -> Rule {
        let peers = peers.iter().map(|peer| (*peer).to_owned()).collect();
        Rule { protocol: Protocol::Tcp, ports: Some(Ports { first: 80, last: 81 }), peers }
    }

    #[test]
    fn rules_that_are_sent_have_the_lines_that_are_wanted() {
        let icmp = Rule { protocol: Protocol::Icmp, ports: None, peers: vec!["::/0".into()] };
        let network = Network {
            ingress: vec![rule(&["10.0.0.0/8", "::/0"]), ssh(), icmp],
            egress: Some(vec![rule(&["0.0.0.0/0"])]),
            ..Network::default()
        };
        let group = Group {
            ingress: permissions(&network.ingress),
            egress: outward(&network),
            ..Group::default()
        };
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        assert_eq!(sorted(in_force(&group)), sorted(rules::wanted(&network)));
    }

    #[test]
    fn letting_everything_out_is_no_rule_and_anything_else_is() {
        let egress = outward(&Network::default());
        let all = Group { egress: egress.clone(), ..Group::default() };
        assert_eq!(in_force(&all), [""; 0]);
        let some = Permission { peers: vec!["10.0.0.0/8".into()], ..egress[0].clone() };
        let group = Group { egress: vec![some], ..Group::default() };
        assert_eq!(in_force(&group), ["out all 10.0.0.0/8"]);
    }

    #[test]
    fn only_what_differs_is_added_and_taken() {
        let there = single(&[permissions(&[rule(&["10.0.0.0/8"])])[0].clone()]);
        let wanted = permissions(&[rule(&["10.0.0.0/8", "::/0"])]);
        let added = without(&wanted, &there);
        assert_eq!(added.len(), 1);
        assert_eq!(added[0].peers, ["::/0"]);
        assert_eq!(without(&there, &wanted), []);
    }
}
