//! IP prefixes: `cidrhost`, `cidrnetmask`, `cidrsubnet`, `cidrsubnets`.

use std::net::{Ipv4Addr, Ipv6Addr};

use num_bigint::BigInt;

use super::string::strings;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Number, Value};

const PREFIX: Parameter = Parameter::new("prefix", Kind::String);
const NEW_BITS: Parameter = Parameter::new("newbits", Kind::Number);
const IS_STRING: Returns = Returns::Is(Kind::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("cidrhost", &[PREFIX, Parameter::new("hostnum", Kind::Number)], IS_STRING, host),
    Function::new("cidrnetmask", &[PREFIX], IS_STRING, netmask),
    Function::new(
        "cidrsubnet",
        &[PREFIX, NEW_BITS, Parameter::new("netnum", Kind::Number)],
        IS_STRING,
        subnet,
    ),
    Function::new("cidrsubnets", &[PREFIX], Returns::Is(Kind::List(&Kind::String)), subnets)
        .variadic(NEW_BITS),
];

/// An address with the length of its prefix; host bits are zero.
#[derive(Debug, Clone, Copy)]
struct Network {
    address: u128,
    length: u32,
    /// 32 or 128.
    bits: u32,
}

impl Network {
    /// Reads a prefix; zeros before decimal numbers do not make them octal.
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid CIDR expression: invalid CIDR address: {text}");
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        let (address, bits) = match parse_v4(address) {
            Some(address) => (u128::from(u32::from(address)), 32),
            None => (u128::from(address.parse::<Ipv6Addr>().map_err(|_| invalid())?), 128),
        };
        let is_number = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        let length = length.parse().ok().filter(|length| is_number && *length <= bits);
        let length: u32 = length.ok_or_else(invalid)?;
        let network = Self { address, length, bits };
        Ok(Self { address: address & !network.host_mask(), ..network })
    }

    fn host_mask(&self) -> u128 {
        ones(self.bits - self.length)
    }

    fn write_address(&self, address: u128) -> String {
        if self.bits == 32 {
            return Ipv4Addr::from(address as u32).to_string();
        }
        let address = Ipv6Addr::from(address);
        match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => address.to_string(),
        }
    }

    fn write(&self) -> String {
        format!("{}/{}", self.write_address(self.address), self.length)
    }
}

fn ones(count: u32) -> u128 {
    if count >= 128 { u128::MAX } else { (1 << count) - 1 }
}

fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then_some(Ipv4Addr::from(octets))
}

fn whole(call: &Call<'_>, at: usize) -> Result<BigInt, Failure> {
    let number = call.arguments.get(at).and_then(Value::as_number);
    number.and_then(Number::to_bigint).ok_or_else(|| "a whole number is required".into())
}

fn host(call: &Call<'_>) -> Result<Value, Failure> {
    let number = whole(call, 1)?;
    let network = Network::parse(call.text(0))?;
    let most = network.host_mask();
    let wanted =
        if number < BigInt::ZERO { BigInt::from(most) + 1 + &number } else { number.clone() };
    match u128::try_from(&wanted).ok().filter(|host| *host <= most) {
        Some(host) => Ok(Value::from(network.write_address(network.address | host))),
        None => {
            let length = network.length;
            Err(format!("host {number} does not fit behind a prefix of {length} bits").into())
        }
    }
}

fn netmask(call: &Call<'_>) -> Result<Value, Failure> {
    let network = Network::parse(call.text(0))?;
    if network.bits != 32 {
        return Err(format!("only IPv4 addresses have a netmask, not {}", call.text(0)).into());
    }
    Ok(Value::from(network.write_address(!network.host_mask() & ones(32))))
}

fn subnet(call: &Call<'_>) -> Result<Value, Failure> {
    let new_bits = call.whole(1)?;
    let number = whole(call, 2)?;
    let network = Network::parse(call.text(0))?;
    let length = i64::from(network.length) + new_bits;
    if new_bits < 0 || length > i64::from(network.bits) {
        return Err(format!(
            "a prefix of {} bits cannot be extended by {new_bits}",
            network.length
        )
        .into());
    }
    let length = length as u32;
    let fits = u128::try_from(&number).ok().filter(|number| *number <= ones(new_bits as u32));
    let Some(number) = fits else {
        return Err(format!("subnet {number} cannot be numbered with {new_bits} bits").into());
    };
    let shift = network.bits - length;
    let address = network.address | number.checked_shl(shift).unwrap_or(0);
    Ok(Value::from(Network { address, length, ..network }.write()))
}

fn subnets(call: &Call<'_>) -> Result<Value, Failure> {
    let network = Network::parse(call.text(0)).map_err(|why| Failure::argument(0, why))?;
    let last_of_all = network.address | network.host_mask();
    let mut made: Vec<Network> = Vec::new();
    for at in 1..call.arguments.len() {
        let failure = |why: String| Failure::argument(at, why);
        let new_bits = call.whole(at).map_err(|error| failure(error.message))?;
        let length = extended(&network, new_bits).map_err(failure)?;
        let next = match made.last() {
            None => Some(network.address),
            Some(last) => after(last, length),
        };
        let Some(address) = next.filter(|address| *address <= last_of_all) else {
            let last = made.last().unwrap_or(&network).write();
            return Err(failure(format!(
                "no room is left after {last} for a prefix of {length} bits"
            )));
        };
        made.push(Network { address, length, ..network });
    }
    Ok(strings(made.iter().map(Network::write)))
}

fn extended(network: &Network, new_bits: i64) -> Result<u32, String> {
    if new_bits < 1 {
        return Err("must extend prefix by at least one bit".into());
    }
    let length = i64::from(network.length).saturating_add(new_bits);
    match u32::try_from(length).ok().filter(|length| *length <= network.bits) {
        Some(length) => Ok(length),
        None => {
            let protocol = if network.bits == 32 { "IPv4" } else { "IPv6" };
            Err(format!(
                "would extend prefix to {length} bits, which is too long for an {protocol} address"
            ))
        }
    }
}

/// Returns where the first subnet of a length after another one begins.
fn after(last: &Network, length: u32) -> Option<u128> {
    let size = ones(last.bits - length);
    let end = last.address | last.host_mask();
    let next = (end & !size).checked_add(size)?.checked_add(1)?;
    (next <= ones(last.bits)).then_some(next)
}
