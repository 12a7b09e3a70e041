//! How a platform speaks and bills: what plans of its servers have to know of it
//! besides what it sells.

use std::time::Duration;

use bigdecimal::BigDecimal;

/// What is fixed of a platform.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Its name in sentences: `Hetzner`.
    pub platform: &'static str,
    /// Its word in the language, and the block of a sandbox that only it has: `hetzner`.
    pub block: &'static str,
    /// What names server types in that block: `server_type`.
    pub type_argument: &'static str,
    /// What it calls a server type, in sentences.
    pub server_type: &'static str,
    /// What it calls a place where servers run, in sentences: `location`, `zone`.
    pub location: &'static str,
    /// Examples of a type and of two regions, for messages.
    pub examples: Examples,
    /// Where sandboxes run when neither they nor their provider name a region.
    pub default_region: &'static str,
    /// What the disk of a sandbox begins with that names nothing.
    pub default_image: &'static str,
    /// Tells names of images from ids, of which the catalogue need not know.
    pub is_image_id: fn(&str) -> bool,
    pub billing: Billing,
    /// The most bytes of user-data that it takes, and whether that is compressed.
    pub user_data: UserDataLimit,
    /// A name of an image means another one in each region, or as time goes by: the plan
    /// chooses, and the state remembers which.
    pub pins_images: bool,
    /// A server can begin anew with another image.
    pub rebuilds: bool,
    /// A server has the same address after it was switched off and on.
    pub keeps_address: bool,
    /// The catalogue holds only the regions that the provider's block names.
    pub only_own_regions: bool,
}

/// A platform is who it is.
impl PartialEq for Terms {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

/// What messages name to show how something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examples {
    pub types: [&'static str; 2],
    pub regions: [&'static str; 2],
}

/// How much user-data a platform takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserDataLimit {
    /// Bytes, before base64.
    pub bytes: usize,
    /// It is sent with gzip, and counts so.
    pub gzip: bool,
}

/// What a platform counts of a server's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// Whole hours, the last one from its start.
    StartedHours,
    /// Seconds, and so many at least.
    Seconds { least: u64 },
}

impl Billing {
    /// Returns what is billed for a server that is deleted after this time.
    pub fn billed(self, hourly: &BigDecimal, lifetime: Duration) -> BigDecimal {
        const HOUR: u64 = 3600;
        let seconds = lifetime.as_secs() + u64::from(lifetime.subsec_nanos() > 0);
        match self {
            Self::StartedHours => hourly * BigDecimal::from(seconds.div_ceil(HOUR).max(1)),
            Self::Seconds { least } => {
                // In millionths of an hourly price's own last decimal, which no sum shows.
                let digits = hourly.fractional_digit_count() + 6;
                let exact = hourly * BigDecimal::from(seconds.max(least)) / BigDecimal::from(HOUR);
                exact.with_scale_round(digits, bigdecimal::RoundingMode::Up).normalized()
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A platform for tests of what all share.
    pub const EXAMPLE: Terms = Terms {
        platform: "Example",
        block: "example",
        type_argument: "machine",
        server_type: "machine type",
        location: "zone",
        examples: Examples { types: ["small", "large"], regions: ["east-1", "west-1"] },
        default_region: "east-1",
        default_image: "ubuntu-24.04",
        is_image_id: |name| name.starts_with("img-"),
        billing: Billing::Seconds { least: 60 },
        user_data: UserDataLimit { bytes: 16 * 1024, gzip: true },
        pins_images: true,
        rebuilds: false,
        keeps_address: false,
        only_own_regions: true,
    };

    fn decimal(text: &str) -> BigDecimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn started_hours_are_billed_whole() {
        let hourly = decimal("0.0219");
        let billed = |lifetime| Billing::StartedHours.billed(&hourly, lifetime);
        for (seconds, total) in
            [(1, "0.0219"), (3600, "0.0219"), (3601, "0.0438"), (8 * 3600, "0.1752")]
        {
            assert_eq!(billed(Duration::from_secs(seconds)), decimal(total));
        }
        let a_bit = Duration::from_secs(3600) + Duration::from_nanos(1);
        assert_eq!(billed(a_bit), decimal("0.0438"));
    }

    #[test]
    fn seconds_are_billed_as_they_pass_after_the_first_minute() {
        let billing = Billing::Seconds { least: 60 };
        for (seconds, total) in [(1, "0.0006"), (60, "0.0006"), (90, "0.0009"), (7200, "0.072")] {
            let billed = billing.billed(&decimal("0.036"), Duration::from_secs(seconds));
            assert_eq!(billed, decimal(total), "{seconds} s");
        }
    }

    proptest! {
        #[test]
        fn a_ttl_never_costs_less_than_its_hours(tenthousandths in 0u64..1_000_000, seconds in 1u64..100_000_000) {
            let hourly = BigDecimal::new(tenthousandths.into(), 4);
            for billing in [Billing::StartedHours, Billing::Seconds { least: 60 }] {
                let total = billing.billed(&hourly, Duration::from_secs(seconds));
                prop_assert!(&total * 3600 >= &hourly * seconds);
                prop_assert!(&total * 3600 < &hourly * (seconds + 3600) + 1);
            }
        }
    }
}
