//! The block `gcp` of a sandbox, besides its machine types, and what follows from it. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::terms::DEFAULT_VPC;
use crate::provider::size::Size;
use crate::value::Value;

/// What a sandbox asks of this platform alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    pub vpc: String,
    pub subnetwork: Option<String>,
    pub spot: bool,
    /// In GB, where the size of the disk is asked for.
    pub disk: Option<u64>,
}

impl Own {
    /// Reads the arguments.
    pub fn of(attributes: &Value) -> Self {
        let own = attributes.get("gcp");
        let text = |name: &str| own.and_then(|own| own.get(name)?.as_str().map(str::to_owned));
        let disk = Size::of(attributes.get("size")).and_then(|size| size.disk);
        Self {
            vpc: text("network").unwrap_or_else(|| DEFAULT_VPC.to_owned()),
            subnetwork: text("subnetwork"),
            spot: own.and_then(|own| own.get("spot")?.as_bool()).unwrap_or_default(),
            disk: disk.map(|bytes| bytes.div_ceil(1_000_000_000).max(10)),
        }
    }

    /// Tells whether only a new instance can be as another asks: it is in another network,
    /// or of another kind.
    pub fn is_apart(&self, other: &Self) -> bool {
        (&self.vpc, &self.subnetwork, self.spot) != (&other.vpc, &other.subnetwork, other.spot)
    }
}

/// The shortest and the longest run time that the platform enforces.
pub const LEAST_RUN: Duration = Duration::from_secs(30);
pub const MOST_RUN: Duration = Duration::from_secs(120 * 24 * 3600);

/// Returns how long an instance may run that is started now; nothing where it stays.
pub fn run_time(expires_at: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let left = expires_at?.duration_since(now);
    let left = if left.is_negative() { Duration::ZERO } else { left.unsigned_abs() };
    Some(Duration::from_secs(left.as_secs()).clamp(LEAST_RUN, MOST_RUN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_holds_all_that_was_asked_for() {
        let asked = |disk: &str| Value::object([("size", Value::object([("disk", disk.into())]))]);
        for (disk, expected) in [("100GB", 100), ("50GiB", 54), ("1GB", 10)] {
            assert_eq!(Own::of(&asked(disk)).disk, Some(expected), "{disk}");
        }
        let nothing = Own::of(&Value::object::<&str>([]));
        assert_eq!((nothing.disk, nothing.vpc.as_str()), (None, "default"));
        assert!(!nothing.is_apart(&Own { disk: Some(70), ..nothing.clone() }));
        assert!(nothing.is_apart(&Own { spot: true, ..nothing.clone() }));
    }

    #[test]
    fn what_is_started_runs_till_its_expiry() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |seconds| Timestamp::from_second(seconds).ok();
        assert_eq!(run_time(None, now), None);
        assert_eq!(run_time(at(3600), now), Some(Duration::from_secs(3600)));
        assert_eq!(run_time(at(-5), now), Some(LEAST_RUN));
        assert_eq!(run_time(at(1 << 32), now), Some(MOST_RUN));
    }
}
