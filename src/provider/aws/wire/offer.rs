//! What EC2 has to offer: instance types, and what they cost on the spot market.

use aws_sdk_ec2::types;
use bigdecimal::BigDecimal;

use super::text;

/// An instance type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceType {
    pub name: String,
    pub cores: u64,
    /// MiB.
    pub memory: u64,
    /// `x86_64` and `arm64`, as far as it has them.
    pub architectures: Vec<String>,
    /// It has a share of its CPUs, and may use more for a while.
    pub is_burstable: bool,
    /// It can be had on the spot market.
    pub has_spot: bool,
}

impl InstanceType {
    /// Reads an instance type; nothing where no name, CPU or memory is told.
    pub fn of(answered: &types::InstanceTypeInfo) -> Option<Self> {
        let architectures = answered.processor_info()?.supported_architectures();
        let spot = |usage: &types::UsageClassType| usage.as_str() == "spot";
        Some(Self {
            name: text(answered.instance_type().map(|kind| kind.as_str())),
            cores: u64::try_from(answered.v_cpu_info()?.default_v_cpus()?).ok()?,
            memory: u64::try_from(answered.memory_info()?.size_in_mib()?).ok()?,
            architectures: architectures.iter().map(|kind| kind.as_str().to_owned()).collect(),
            is_burstable: answered.burstable_performance_supported().unwrap_or(false),
            has_spot: answered.supported_usage_classes().iter().any(spot),
        })
    }
}

/// What an instance type costs on the spot market of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotPrice {
    pub instance_type: String,
    pub zone: String,
    /// USD per hour.
    pub hourly: BigDecimal,
    /// When it became so, in seconds since 1970.
    pub since: i64,
}

impl SpotPrice {
    /// Reads a price; nothing where a part is missing.
    pub fn of(answered: &types::SpotPrice) -> Option<Self> {
        Some(Self {
            instance_type: answered.instance_type()?.as_str().to_owned(),
            zone: answered.availability_zone()?.to_owned(),
            hourly: answered.spot_price()?.parse().ok()?,
            since: answered.timestamp().map_or(0, |at| at.secs()),
        })
    }
}
