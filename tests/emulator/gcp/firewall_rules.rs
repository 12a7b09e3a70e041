//! What a firewall's rules have to be.

use std::net::IpAddr;

use serde_json::Value;

use super::names;
use super::refusal::Refusal;

const PROTOCOLS: [&str; 8] = ["ah", "all", "esp", "icmp", "ipip", "sctp", "tcp", "udp"];
const WITH_PORTS: [&str; 5] = ["sctp", "tcp", "udp", "6", "17"];

/// Checks a whole firewall.
pub fn check(firewall: &Value) -> Result<(), Refusal> {
    let direction = firewall["direction"].as_str().unwrap_or_default();
    if !["INGRESS", "EGRESS"].contains(&direction) {
        let why = "Must be one of [EGRESS, INGRESS].";
        return Err(Refusal::invalid("resource.direction", direction, why));
    }
    let priority = &firewall["priority"];
    if priority.as_u64().is_none_or(|priority| priority > 65_535) {
        let why = "Must be between 0 and 65535, inclusive.";
        return Err(Refusal::invalid("resource.priority", &priority.to_string(), why));
    }
    check_actions(firewall)?;
    check_ends(firewall, direction == "INGRESS")
}

/// Either `allowed` or `denied`, with protocols and ports.
fn check_actions(firewall: &Value) -> Result<(), Refusal> {
    let list = |field: &str| firewall[field].as_array().cloned().unwrap_or_default();
    let (allowed, denied) = (list("allowed"), list("denied"));
    if allowed.is_empty() == denied.is_empty() {
        let why = "Exactly one of allowed and denied must be specified.";
        return Err(Refusal::invalid("resource.allowed", "", why));
    }
    allowed.iter().chain(&denied).try_for_each(check_protocol)
}

fn check_protocol(entry: &Value) -> Result<(), Refusal> {
    let protocol = entry["IPProtocol"].as_str().unwrap_or_default();
    let is_number = protocol.parse::<u8>().is_ok();
    if !PROTOCOLS.contains(&protocol) && !is_number {
        let why = "Must be a well-known protocol or a number from 0 to 255.";
        return Err(Refusal::invalid("resource.allowed[].IPProtocol", protocol, why));
    }
    for port in entry["ports"].as_array().into_iter().flatten() {
        let port = port.as_str().unwrap_or_default();
        if !WITH_PORTS.contains(&protocol) {
            let why = format!("Protocol {protocol} has no ports.");
            return Err(Refusal::invalid("resource.allowed[].ports[]", port, why));
        }
        if !is_port(port) {
            let why = "Must be a port or a range of ports, such as 20-25.";
            return Err(Refusal::invalid("resource.allowed[].ports[]", port, why));
        }
    }
    Ok(())
}

fn is_port(text: &str) -> bool {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) => low <= high,
        _ => false,
    }
}

/// Where traffic comes from and goes to.
fn check_ends(firewall: &Value, is_ingress: bool) -> Result<(), Refusal> {
    let texts = |field: &str| {
        let values = firewall[field].as_array().cloned().unwrap_or_default();
        values.iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect::<Vec<String>>()
    };
    if !is_ingress && !texts("sourceTags").is_empty() {
        let why = "Source tags cannot be specified with direction EGRESS.";
        return Err(Refusal::invalid("resource.sourceTags", "", why));
    }
    for field in ["sourceTags", "targetTags"] {
        for tag in texts(field) {
            names::check(&format!("resource.{field}[]"), &tag)?;
        }
    }
    for field in ["sourceRanges", "destinationRanges"] {
        let (ranges, field) = (texts(field), format!("resource.{field}[]"));
        for range in &ranges {
            if !is_range(range) {
                return Err(Refusal::invalid(&field, range, "Must be a valid CIDR address range."));
            }
        }
        let are_v6 = ranges.iter().filter(|range| range.contains(':')).count();
        if are_v6 != 0 && are_v6 != ranges.len() {
            let why = "IPv4 and IPv6 ranges cannot be mixed in one firewall.";
            return Err(Refusal::invalid(&field, &ranges.join(", "), why));
        }
    }
    Ok(())
}

/// An address, or a network without bits of a host.
fn is_range(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let (value, width) = match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let Some(bits) = bits else { return true };
    match bits.parse::<u32>() {
        Ok(0) => value == 0,
        Ok(bits) => bits <= width && value << (bits - 1) << 1 == 0,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_networks() {
        for range in ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "10.1.2.3", "::/0", "2001:db8::/32"]
        {
            assert!(is_range(range), "{range}");
        }
        for range in ["10.0.0.1/8", "10.0.0.0/33", "x", "10.0.0.0/", "2001:db8::1/32", "1.2.3.4/0"]
        {
            assert!(!is_range(range), "{range}");
        }
    }

    #[test]
    fn ports_are_numbers_and_ranges() {
        assert!(is_port("22") && is_port("20-30"));
        assert!(!is_port("30-20") && !is_port("70000") && !is_port("ssh"));
    }
}
