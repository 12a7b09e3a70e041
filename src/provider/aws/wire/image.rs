//! What a disk begins with: an image of a distribution, or a snapshot of ours.

use aws_sdk_ec2::types;
use jiff::Timestamp;

use super::{Tags, tags, text};

/// An Amazon machine image (AMI).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    pub id: String,
    pub region: String,
    pub name: String,
    pub owner: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `available`, `pending`, `failed`, …
    pub state: String,
    pub reason: String,
    pub created: Option<Timestamp>,
    pub tags: Tags,
    /// The device that the root volume has to be called.
    pub root_device: String,
    /// The smallest root volume, in GiB.
    pub disk: u64,
    /// Ids of the snapshots that it is made of.
    pub snapshots: Vec<String>,
}

impl Image {
    /// Reads an image of a region.
    pub fn of(region: &str, answered: &types::Image) -> Self {
        let disks = || answered.block_device_mappings().iter();
        let root = disks().find(|disk| disk.device_name() == answered.root_device_name());
        let size = root.and_then(|disk| disk.ebs()?.volume_size());
        let parts = disks().filter_map(|disk| disk.ebs()?.snapshot_id());
        let reason = answered.state_reason().and_then(|reason| reason.message());
        Self {
            id: text(answered.image_id()),
            region: region.to_owned(),
            name: text(answered.name()),
            owner: text(answered.owner_id()),
            architecture: text(answered.architecture().map(|kind| kind.as_str())),
            state: text(answered.state().map(|state| state.as_str())),
            reason: text(reason),
            created: answered.creation_date().and_then(|at| at.parse().ok()),
            tags: tags(answered.tags()),
            root_device: text(answered.root_device_name()),
            disk: size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            snapshots: parts.map(str::to_owned).collect(),
        }
    }
}
