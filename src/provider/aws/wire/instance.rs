//! A machine.

use std::net::IpAddr;

use aws_sdk_ec2::types;
use jiff::Timestamp;

use super::{Tags, tags, text, time};

/// A machine of EC2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instance {
    pub id: String,
    pub region: String,
    pub zone: String,
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping`, `stopped`.
    pub state: String,
    /// Why it is in this state: `Server.InsufficientInstanceCapacity: …`.
    pub reason: String,
    pub instance_type: String,
    pub image: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    pub address: Option<IpAddr>,
    pub tags: Tags,
    pub launched: Option<Timestamp>,
    /// Ids and names of security groups.
    pub groups: Vec<(String, String)>,
    pub vpc: String,
    pub subnet: String,
    /// Ids of its volumes, the root volume first.
    pub volumes: Vec<String>,
    pub is_spot: bool,
}

impl Instance {
    /// Reads an instance of a region.
    pub fn of(region: &str, answered: &types::Instance) -> Self {
        let state = answered.state().and_then(|state| state.name()).map(|name| name.as_str());
        let why = answered.state_reason();
        let code = why.and_then(|reason| reason.code()).unwrap_or_default();
        let message = why.and_then(|reason| reason.message()).unwrap_or_default();
        let groups = answered.security_groups().iter();
        let groups = groups.map(|group| (text(group.group_id()), text(group.group_name())));
        Self {
            id: text(answered.instance_id()),
            region: region.to_owned(),
            zone: text(answered.placement().and_then(|place| place.availability_zone())),
            state: text(state),
            reason: if message.starts_with(code) {
                message.to_owned()
            } else {
                format!("{code}: {message}")
            },
            instance_type: text(answered.instance_type().map(|kind| kind.as_str())),
            image: text(answered.image_id()),
            architecture: text(answered.architecture().map(|kind| kind.as_str())),
            address: answered.public_ip_address().and_then(|ip| ip.parse().ok()),
            tags: tags(answered.tags()),
            launched: answered.launch_time().and_then(time),
            groups: groups.collect(),
            vpc: text(answered.vpc_id()),
            subnet: text(answered.subnet_id()),
            volumes: volumes(answered),
            is_spot: answered.instance_lifecycle().is_some_and(|cycle| cycle.as_str() == "spot"),
        }
    }

    /// Tells whether it runs.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Tells whether it is off; it keeps its disk.
    pub fn is_off(&self) -> bool {
        self.state == "stopped"
    }

    /// Tells whether it is off or goes there.
    pub fn goes_off(&self) -> bool {
        ["stopped", "stopping"].contains(&&*self.state)
    }

    /// Tells whether it is on its way up.
    pub fn comes_up(&self) -> bool {
        self.state == "pending"
    }

    /// Tells whether it is gone: EC2 goes on listing it for about an hour.
    pub fn is_gone(&self) -> bool {
        self.state == "terminated"
    }

    /// Tells whether it is gone or will be soon; nothing can be done with it any more.
    pub fn is_going(&self) -> bool {
        self.is_gone() || self.state == "shutting-down"
    }
}

fn volumes(answered: &types::Instance) -> Vec<String> {
    let root = answered.root_device_name();
    let mut all: Vec<_> = answered.block_device_mappings().iter().collect();
    all.sort_by_key(|device| device.device_name() != root);
    let ids = all.into_iter().filter_map(|device| device.ebs()?.volume_id());
    ids.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{
        EbsInstanceBlockDevice, InstanceBlockDeviceMapping, InstanceState, InstanceStateName,
    };

    use super::*;

    fn device(name: &str, volume: &str) -> InstanceBlockDeviceMapping {
        let ebs = EbsInstanceBlockDevice::builder().volume_id(volume).build();
        InstanceBlockDeviceMapping::builder().device_name(name).ebs(ebs).build()
    }

    #[test]
    fn the_root_volume_comes_first_and_what_is_missing_is_empty() {
        let state = InstanceState::builder().name(InstanceStateName::from("resting")).build();
        let answered = types::Instance::builder()
            .instance_id("i-1")
            .state(state)
            .root_device_name("/dev/sda1")
            .block_device_mappings(device("/dev/sdb", "vol-2"))
            .block_device_mappings(device("/dev/sda1", "vol-1"))
            .build();
        let read = Instance::of("us-east-1", &answered);
        assert_eq!(read.volumes, ["vol-1", "vol-2"]);
        assert_eq!((read.state.as_str(), read.zone.as_str(), read.address), ("resting", "", None));
        assert!(!read.is_running() && !read.is_gone());
    }
}
