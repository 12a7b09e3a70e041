//! Whether a call that failed is sent again, and when.
//!
//! Every change carries a request id or a fingerprint, so all calls may be sent again
//! after any failure that time may heal.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::error::{Failure, Nature};

/// How often and how long to try.
#[derive(Debug, Clone)]
pub struct Patience {
    /// After trouble: up to five times, each wait twice the last, with jitter.
    pub trouble: ExponentialBuilder,
    /// While something else is being done to the object.
    pub busy: ExponentialBuilder,
    /// Between tries at the rate limit, which is per minute.
    pub limited: ExponentialBuilder,
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
            limited: builder.with_min_delay(base * 2).with_max_delay(base * 40).with_max_times(12),
        }
    }
}

/// The tries of one call.
pub struct Tries {
    trouble: ExponentialBackoff,
    busy: ExponentialBackoff,
    limited: ExponentialBackoff,
    /// A sending may have had its effect.
    pub doubtful: bool,
}

/// The longest wait that an answer may ask for.
const MOST_ASKED: Duration = Duration::from_secs(60);

impl Tries {
    /// Starts counting.
    pub fn of(patience: &Patience) -> Self {
        Self {
            trouble: patience.trouble.build(),
            busy: patience.busy.build(),
            limited: patience.limited.build(),
            doubtful: false,
        }
    }

    /// Returns how long to wait before the next sending; nothing to give up.
    pub fn after(&mut self, failure: &Failure) -> Option<Duration> {
        let wait = match failure.nature() {
            Nature::Final => None,
            Nature::RateLimited => self.limited.next(),
            Nature::Busy => self.busy.next(),
            Nature::Unreached => self.trouble.next(),
            Nature::Doubtful => {
                self.doubtful = true;
                self.trouble.next()
            }
        }?;
        Some(wait.max(failure.retry_after().unwrap_or_default().min(MOST_ASKED)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    fn refused(status: u16) -> Failure {
        Failure::Refused(Refusal { status, ..Refusal::default() })
    }

    #[test]
    fn trouble_is_borne_five_times_with_growing_waits() {
        let mut tries = Tries::of(&Patience::default());
        let waits: Vec<Duration> = std::iter::from_fn(|| tries.after(&refused(503))).collect();
        assert_eq!(waits.len(), 5);
        assert!(tries.doubtful);
        for (wait, least) in waits.iter().zip([500, 1000, 2000, 4000, 8000]) {
            let least = Duration::from_millis(least);
            assert!((least..=least * 2).contains(wait), "{wait:?}");
        }
    }

    #[test]
    fn a_refusal_is_final_and_an_answer_may_ask_for_time() {
        assert_eq!(Tries::of(&Patience::default()).after(&refused(404)), None);
        let retry_after = Some(Duration::from_secs(20));
        let asked = Failure::Refused(Refusal { status: 429, retry_after, ..Refusal::default() });
        let mut tries = Tries::of(&Patience::default());
        assert!(tries.after(&asked) >= retry_after);
        assert!(!tries.doubtful);
    }
}
