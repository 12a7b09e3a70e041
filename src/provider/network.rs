//! The portable shape of a network, the same on every platform, and its typed
//! view: which addresses may reach a sandbox, and which it may reach.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::portable::{Check, elements, members};
use super::sandbox::{text, text_map, texts};
use crate::schema::{Attribute, Block, BlockSchema, Nesting, ResourceSchema};
use crate::value::{Type, Value};

/// Returns the portable schema of a network.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
        version: 1,
        block: BlockSchema { attributes: attributes(), blocks: blocks() },
    });
    &SCHEMA
}

fn attributes() -> Vec<Attribute> {
    vec![
        Attribute::optional("name", Type::String, "Name on the platform.").or_computed(),
        Attribute::optional("labels", Type::map(Type::String), "Labels on the platform's object."),
        Attribute::computed("id", Type::String, "Id on the platform."),
    ]
}

fn blocks() -> Vec<Block> {
    let ranges = || Type::list(Type::String);
    let ports = || Type::map(ranges());
    let block = |name: &str, attributes, doc| Block {
        name: name.into(),
        nesting: Nesting::Single,
        schema: BlockSchema { attributes, blocks: Vec::new() },
        doc,
    };
    let ingress = vec![
        Attribute::optional("ssh", ranges(), "Who may reach TCP port 22."),
        Attribute::optional("http", ranges(), "Who may reach TCP ports 80 and 443."),
        Attribute::optional("icmp", ranges(), "Who may send ICMP, such as ping."),
        Attribute::optional("tcp", ports(), "By TCP port or range, who may reach it."),
        Attribute::optional("udp", ports(), "By UDP port or range, who may reach it."),
    ];
    let egress = vec![
        Attribute::optional("icmp", ranges(), "Whom ICMP, such as ping, may be sent to."),
        Attribute::optional("tcp", ports(), "By TCP port or range, what may be reached."),
        Attribute::optional("udp", ports(), "By UDP port or range, what may be reached."),
    ];
    vec![
        block("ingress", ingress, "What may come in; nothing else may."),
        block("egress", egress, "What may go out; without the block, everything may."),
    ]
}

/// A network's arguments, wholly known: what a provider works from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    pub name: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// What may come in; nothing else may.
    pub ingress: Vec<Rule>,
    /// What may go out; nothing said means everything.
    pub egress: Option<Vec<Rule>>,
}

/// One kind of traffic with the addresses at its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub protocol: Protocol,
    /// Of the end that is reached; nothing for ICMP.
    pub ports: Option<Ports>,
    /// CIDRs, as written; never empty.
    pub peers: Vec<String>,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

/// A port, or several in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub first: u16,
    pub last: u16,
}

impl Network {
    /// Reads the typed view of a network's attributes. Parts that are unknown or
    /// of a wrong type (which decoding has refused) count as absent.
    pub fn from_value(attributes: &Value) -> Self {
        let egress = attributes.get("egress").filter(|egress| !egress.is_null());
        Self {
            name: text(attributes, "name"),
            labels: text_map(attributes.get("labels")),
            ingress: attributes.get("ingress").map(rules).unwrap_or_default(),
            egress: egress.map(rules),
        }
    }
}

fn rules(block: &Value) -> Vec<Rule> {
    let named = |name, ports: &[Option<Ports>]| {
        let protocol = if name == "icmp" { Protocol::Icmp } else { Protocol::Tcp };
        let peers = texts(block, name);
        let rule = |ports: &Option<Ports>| Rule { protocol, ports: *ports, peers: peers.clone() };
        ports.iter().map(rule).collect::<Vec<_>>()
    };
    let by_port = |name, protocol| {
        members(block, name).filter_map(move |(ports, peers)| {
            let peers = peers.as_elements()?.iter().filter_map(|p| p.as_str().map(str::to_owned));
            Some(Rule { protocol, ports: Some(Ports::parse(ports)?), peers: peers.collect() })
        })
    };
    let rules = [
        named("ssh", &[Some(Ports::one(22))]),
        named("http", &[Some(Ports::one(80)), Some(Ports::one(443))]),
        named("icmp", &[None]),
        by_port("tcp", Protocol::Tcp).collect(),
        by_port("udp", Protocol::Udp).collect(),
    ];
    rules.into_iter().flatten().filter(|rule| !rule.peers.is_empty()).collect()
}

impl Ports {
    /// Takes one port.
    pub fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Reads `8080` or `3000-3010`; nothing for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let port = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| digits && *port > 0)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let ports = Self { first: port(first)?, last: port(last)? };
        (ports.first <= ports.last).then_some(ports)
    }
}

/// Checks that a text is a range of addresses (RFC 4632, RFC 4291): an address, the
/// length of the prefix, and no bits behind it. Says what is wrong, and what to write.
pub fn check_cidr(text: &str) -> Result<(), String> {
    let Some((address, length)) = text.split_once('/') else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => {
                let most = if address.is_ipv4() { 32 } else { 128 };
                format!(
                    "`{text}` has no prefix length: for this one address, write `{text}/{most}`"
                )
            }
            Err(_) => format!("`{text}` is not a range of addresses such as `203.0.113.0/24`"),
        });
    };
    let no_range = || format!("`{text}` is not a range of addresses such as `203.0.113.0/24`");
    let address: IpAddr = address.parse().map_err(|_| no_range())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_number = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse::<u32>().ok().filter(|length| is_number && *length <= most);
    let Some(length) = length else {
        return Err(format!("the prefix length of `{text}` is not between 0 and {most}"));
    };
    let start = start(address, length);
    match start == address {
        true => Ok(()),
        false => Err(format!(
            "`{text}` has address bits behind its prefix: for the whole range, write \
             `{start}/{length}`"
        )),
    }
}

fn start(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl Check<'_> {
    pub(super) fn network(&mut self) {
        for side in ["ingress", "egress"] {
            let Some(block) = self.config.attributes.get(side) else { continue };
            for name in ["ssh", "http", "icmp"] {
                self.ranges(&format!("{side}.{name}"), elements(block, name));
            }
            for name in ["tcp", "udp"] {
                for (ports, peers) in members(block, name) {
                    self.port_range(&format!("{side}.{name}"), ports);
                    let peers = peers.as_elements().unwrap_or_default();
                    self.ranges(&format!("{side}.{name}[{ports:?}]"), peers);
                }
            }
        }
    }

    fn port_range(&mut self, path: &str, ports: &str) {
        if Ports::parse(ports).is_none() {
            let detail = format!(
                "In `{path}`, \"{ports}\" is neither a port from 1 to 65535 nor a range of ports such as \"3000-3010\"."
            );
            self.problem("invalid-port", path, detail);
        }
    }

    fn ranges(&mut self, path: &str, ranges: &[Value]) {
        for range in ranges {
            if let Some(Err(error)) = range.as_str().map(check_cidr) {
                self.problem("invalid-cidr", path, format!("In `{path}`, {error}."));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_addresses_has_a_prefix_length_and_no_bits_behind_it() {
        for text in ["203.0.113.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32", "203.0.113.7/32"] {
            assert_eq!(check_cidr(text), Ok(()), "{text}");
        }
        for (text, advice) in [
            ("203.0.113.7", "write `203.0.113.7/32`"),
            ("2001:db8::1", "write `2001:db8::1/128`"),
            ("203.0.113.7/24", "write `203.0.113.0/24`"),
            ("2001:db8::1/64", "write `2001:db8::/64`"),
            ("203.0.113.0/33", "not between 0 and 32"),
            ("::/129", "not between 0 and 128"),
            ("203.0.113.0/+8", "not between 0 and 32"),
            ("203.0.113.0/", "not between 0 and 32"),
            ("office", "not a range of addresses"),
            ("office/8", "not a range of addresses"),
        ] {
            let error = check_cidr(text).expect_err(text);
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn ports_are_one_or_several_in_a_row() {
        assert_eq!(Ports::parse("8080"), Some(Ports::one(8080)));
        assert_eq!(Ports::parse("3000-3010"), Some(Ports { first: 3000, last: 3010 }));
        for text in ["", "0", "+1", "65536", "3010-3000", "1-", "a", "1-2-3"] {
            assert_eq!(Ports::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_typed_view_lists_rules() {
        let ranges = |texts: &[&str]| Value::tuple(texts.iter().map(|text| Value::from(*text)));
        let ingress = Value::object([
            ("ssh", ranges(&["203.0.113.0/24"])),
            ("http", ranges(&["0.0.0.0/0", "::/0"])),
            ("icmp", ranges(&[])),
            ("udp", Value::object([("3000-3010", ranges(&["10.0.0.0/8"]))])),
        ]);
        let network = Network::from_value(&Value::object([("ingress", ingress)]));
        let rules = network.ingress.iter().map(|r| (r.protocol, r.ports, r.peers.len()));
        assert_eq!(
            rules.collect::<Vec<_>>(),
            [
                (Protocol::Tcp, Some(Ports::one(22)), 1),
                (Protocol::Tcp, Some(Ports::one(80)), 2),
                (Protocol::Tcp, Some(Ports::one(443)), 2),
                (Protocol::Udp, Some(Ports { first: 3000, last: 3010 }), 1),
            ]
        );
        assert_eq!(network.egress, None);
        let closed = Value::object([("egress", Value::object::<&str>([]))]);
        assert_eq!(Network::from_value(&closed).egress, Some(vec![]));
    }
}
