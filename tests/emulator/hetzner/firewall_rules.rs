//! The rules of a firewall: what the API takes, and how it draws them.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::request::Fields;

const MOST_RULES: usize = 50;

/// Reads the field `rules`, with what is wrong as problems of the fields.
pub fn read(fields: &mut Fields<'_>) -> Vec<Value> {
    let items = fields.list("rules");
    if items.len() > MOST_RULES {
        fields.problem("rules", "Longer than maximum length 50.");
    }
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match read_rule(item) {
            Ok(rule) => rules.push(rule),
            Err((name, message)) => fields.problem(&format!("rules.{index}.{name}"), message),
        }
    }
    rules
}

type Problem = (&'static str, String);

fn read_rule(item: &Value) -> Result<Value, Problem> {
    let direction = one_of(item, "direction", &["in", "out"])?;
    let protocol = one_of(item, "protocol", &["tcp", "udp", "icmp", "esp", "gre"])?;
    let port = read_port(item, protocol)?;
    let (sources, destinations) =
        (networks(item, "source_ips")?, networks(item, "destination_ips")?);
    if direction == "in" && sources.is_empty() {
        return Err(("source_ips", "Missing data for required field.".to_owned()));
    }
    if direction == "out" && destinations.is_empty() {
        return Err(("destination_ips", "Missing data for required field.".to_owned()));
    }
    Ok(json!({
        "direction": direction,
        "protocol": protocol,
        "port": port,
        "source_ips": sources,
        "destination_ips": destinations,
        "description": item.get("description"),
    }))
}

fn one_of<'a>(item: &'a Value, name: &'static str, allowed: &[&str]) -> Result<&'a str, Problem> {
    let value = item[name].as_str().filter(|value| allowed.contains(value));
    value.ok_or_else(|| (name, format!("Must be one of: {}.", allowed.join(", "))))
}

fn read_port(item: &Value, protocol: &str) -> Result<Option<String>, Problem> {
    let port = item["port"].as_str();
    match (protocol, port) {
        ("tcp" | "udp", Some(text)) if is_port(text) => Ok(Some(text.to_owned())),
        ("tcp" | "udp", Some(_)) => Err(("port", "Not a valid port or range.".to_owned())),
        ("tcp" | "udp", None) => Err(("port", "Required for TCP and UDP.".to_owned())),
        (_, Some(_)) => Err(("port", "Not allowed for this protocol.".to_owned())),
        (_, None) => Ok(None),
    }
}

fn is_port(text: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        Some((low, high)) => number(low).zip(number(high)).is_some_and(|(l, h)| l <= h),
        None => text == "any" || number(text).is_some(),
    }
}

fn networks(item: &Value, name: &'static str) -> Result<Vec<String>, Problem> {
    let items = item[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = items.iter().filter_map(Value::as_str).map(str::to_owned);
    let texts: Vec<String> = texts.collect();
    match texts.len() == items.len() && texts.len() <= 100 && texts.iter().all(|t| is_network(t)) {
        true => Ok(texts),
        false => Err((name, "Not a list of networks in CIDR notation.".to_owned())),
    }
}

/// `10.0.0.0/8`, with empty host bits.
fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let length = length.parse::<u32>().ok();
    match (address.parse(), length) {
        (Ok(IpAddr::V4(ip)), Some(length)) if length <= 32 => {
            u64::from(ip.to_bits()) << length & 0xFFFF_FFFF == 0
        }
        (Ok(IpAddr::V6(ip)), Some(length)) if length <= 128 => {
            ip.to_bits().checked_shl(length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_empty_host_bits() {
        assert!(
            ["0.0.0.0/0", "10.0.1.0/24", "1.2.3.4/32", "::/0", "2001:db8::1/128"]
                .map(is_network)
                .iter()
                .all(|ok| *ok)
        );
        assert!(!is_network("10.0.1.1/24") && !is_network("10.0.0.1") && !is_network("::1/64"));
    }

    #[test]
    fn a_rule_needs_a_port_only_where_the_protocol_has_one() {
        let rule = |protocol: &str, port: Value| {
            read_rule(
                &json!({"direction": "in", "protocol": protocol, "port": port, "source_ips": ["::/0"]}),
            )
        };
        assert!(rule("tcp", json!("80-85")).is_ok() && rule("icmp", Value::Null).is_ok());
        assert!(rule("tcp", Value::Null).is_err() && rule("icmp", json!("80")).is_err());
        assert!(rule("tcp", json!("85-80")).is_err());
    }
}
