//! A security group and its rules.

use aws_sdk_ec2::types;

use super::{Tags, tags, text};

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    pub id: String,
    pub region: String,
    pub name: String,
    pub vpc: String,
    pub tags: Tags,
    pub ingress: Vec<Permission>,
    pub egress: Vec<Permission>,
}

/// A rule: one protocol and range of ports, to or from many peers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permission {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub protocol: String,
    /// For ICMP the type; -1 means all.
    pub first: Option<i32>,
    /// For ICMP the code; -1 means all.
    pub last: Option<i32>,
    /// Networks, and ids of groups and prefix lists.
    pub peers: Vec<String>,
}

impl Group {
    /// Reads a security group of a region.
    pub fn of(region: &str, answered: &types::SecurityGroup) -> Self {
        Self {
            id: text(answered.group_id()),
            region: region.to_owned(),
            name: text(answered.group_name()),
            vpc: text(answered.vpc_id()),
            tags: tags(answered.tags()),
            ingress: answered.ip_permissions().iter().map(Permission::of).collect(),
            egress: answered.ip_permissions_egress().iter().map(Permission::of).collect(),
        }
    }
}

impl Permission {
    fn of(answered: &types::IpPermission) -> Self {
        let v4 = answered.ip_ranges().iter().filter_map(|range| range.cidr_ip());
        let v6 = answered.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
        let groups = answered.user_id_group_pairs().iter().filter_map(|pair| pair.group_id());
        let lists = answered.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id());
        Self {
            protocol: text(answered.ip_protocol()),
            first: answered.from_port(),
            last: answered.to_port(),
            peers: v4.chain(v6).chain(groups).chain(lists).map(str::to_owned).collect(),
        }
    }

    /// Returns the rule as the API takes it; the peers have to be networks.
    pub fn sent(&self) -> types::IpPermission {
        let mut sent = types::IpPermission::builder()
            .ip_protocol(&self.protocol)
            .set_from_port(self.first)
            .set_to_port(self.last);
        for peer in &self.peers {
            sent = match peer.contains(':') {
                true => sent.ipv6_ranges(types::Ipv6Range::builder().cidr_ipv6(peer).build()),
                false => sent.ip_ranges(types::IpRange::builder().cidr_ip(peer).build()),
            };
        }
        sent.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_sent_is_read_as_it_was() {
        let rule = Permission {
            protocol: "tcp".into(),
            first: Some(22),
            last: Some(22),
            peers: vec!["203.0.113.0/24".into(), "::/0".into()],
        };
        assert_eq!(Permission::of(&rule.sent()), rule);
    }
}
