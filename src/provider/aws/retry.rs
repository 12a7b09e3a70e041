//! Whether a call that failed is sent again, and when.
//!
//! Reads and repeatable calls are sent again after any failure that time may
//! heal. Others only where nothing can have been done.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::call::{Call, Safety};
use super::error::{Failure, Nature};

/// How often and how long to try.
#[derive(Debug, Clone)]
pub struct Patience {
    /// After trouble: up to five times, each wait twice the last, with jitter.
    pub trouble: ExponentialBuilder,
    /// While the object is between two states.
    pub busy: ExponentialBuilder,
    /// While calls come too fast: AWS does not say for how long.
    pub rate: ExponentialBuilder,
}

impl Default for Patience {
    fn default() -> Self {
        Self::from_base(Duration::from_millis(500))
    }
}

impl Patience {
    /// Waits this long, and up to as long again, before the second try.
    pub fn from_base(base: Duration) -> Self {
        let builder = ExponentialBuilder::new().with_jitter().with_min_delay(base);
        Self {
            trouble: builder.with_max_delay(base * 60).with_max_times(5),
            busy: builder.with_factor(1.5).with_max_delay(base * 8).with_max_times(16),
            rate: builder.with_min_delay(base * 2).with_max_delay(base * 40).with_max_times(10),
        }
    }
}

/// The tries of one call.
pub struct Tries {
    safety: Safety,
    trouble: ExponentialBackoff,
    busy: ExponentialBackoff,
    rate: ExponentialBackoff,
    /// A sending may have had its effect.
    pub doubtful: bool,
}

/// The longest wait that AWS may ask for.
const MOST_ASKED: Duration = Duration::from_secs(60);

impl Tries {
    /// Starts counting.
    pub fn of(call: &Call, patience: &Patience) -> Self {
        Self {
            safety: call.safety,
            trouble: patience.trouble.build(),
            busy: patience.busy.build(),
            rate: patience.rate.build(),
            doubtful: false,
        }
    }

    /// Returns how long to wait before the next sending; nothing to give up.
    pub fn after(&mut self, failure: &Failure) -> Option<Duration> {
        let wait = match failure.nature() {
            Nature::Final => None,
            Nature::RateLimited => self.rate.next(),
            Nature::Busy => self.busy.next(),
            Nature::Unreached => self.trouble.next(),
            Nature::Doubtful => {
                self.doubtful = true;
                let again = self.safety != Safety::Once;
                again.then(|| self.trouble.next()).flatten()
            }
        }?;
        Some(wait.max(failure.retry_after().unwrap_or_default().min(MOST_ASKED)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        Failure::Refused(Refusal { status, code: code.to_owned(), ..Refusal::default() })
    }

    fn goes_on(call: &Call, failure: &Failure) -> bool {
        Tries::of(call, &Patience::default()).after(failure).is_some()
    }

    #[test]
    fn what_may_have_happened_is_repeated_only_where_that_is_safe() {
        for failure in [
            Failure::TimedOut,
            Failure::Cut("reset".into()),
            refused(500, "InternalError"),
            refused(503, "Unavailable"),
            refused(502, ""),
        ] {
            assert!(goes_on(&Call::read("r", "x"), &failure), "{failure:?}");
            assert!(goes_on(&Call::repeatable("r", "x"), &failure), "{failure:?}");
            assert!(!goes_on(&Call::once("r", "x"), &failure), "{failure:?}");
        }
    }

    #[test]
    fn what_did_not_happen_is_repeated_always() {
        for failure in [
            Failure::NotSent("connection refused".into()),
            refused(503, "RequestLimitExceeded"),
            refused(400, "Throttling"),
            refused(400, "IncorrectInstanceState"),
        ] {
            assert!(goes_on(&Call::once("r", "x"), &failure), "{failure:?}");
        }
    }

    #[test]
    fn a_refusal_is_final_also_where_its_status_is_that_of_trouble() {
        for (status, code) in [
            (500, "InsufficientInstanceCapacity"),
            (503, "VcpuLimitExceeded"),
            (403, "UnauthorizedOperation"),
            (400, "InvalidInstanceID.NotFound"),
            (400, "InvalidParameterValue"),
        ] {
            assert!(!goes_on(&Call::read("r", "x"), &refused(status, code)), "{code}");
        }
    }

    #[test]
    fn trouble_is_borne_five_times_and_throttling_ten() {
        let count = |failure: Failure| {
            let mut tries = Tries::of(&Call::read("r", "x"), &Patience::default());
            std::iter::from_fn(|| tries.after(&failure)).count()
        };
        assert_eq!(count(refused(500, "InternalError")), 5);
        assert_eq!(count(refused(503, "RequestLimitExceeded")), 10);
    }

    #[test]
    fn a_doubtful_sending_is_remembered() {
        let mut tries = Tries::of(&Call::repeatable("r", "x"), &Patience::default());
        tries.after(&Failure::Cut(String::new()));
        assert!(tries.doubtful);
    }
}
