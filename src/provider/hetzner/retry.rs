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
    /// While somebody else changes the object.
    pub busy: ExponentialBuilder,
    /// The longest that one call waits for the rate limit, in all.
    pub rate: Duration,
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
            rate: Duration::from_secs(300),
        }
    }
}

/// The tries of one call.
pub struct Tries {
    safety: Safety,
    trouble: ExponentialBackoff,
    busy: ExponentialBackoff,
    rate: Duration,
    /// A sending may have had its effect.
    pub doubtful: bool,
}

impl Tries {
    /// Starts counting.
    pub fn of(call: &Call, patience: &Patience) -> Self {
        Self {
            safety: call.safety,
            trouble: patience.trouble.build(),
            busy: patience.busy.build(),
            rate: patience.rate,
            doubtful: false,
        }
    }

    /// Returns how long to wait before the next sending; nothing to give up.
    /// `refill` is how long the rate limit needs.
    pub fn after(&mut self, failure: &Failure, refill: Duration) -> Option<Duration> {
        match failure.nature() {
            Nature::Final => None,
            Nature::RateLimited => {
                let wait = failure.retry_after().unwrap_or(refill).max(LEAST_PAUSE);
                self.rate = self.rate.checked_sub(wait)?;
                Some(wait)
            }
            Nature::Busy => self.busy.next(),
            Nature::Unreached => self.trouble.next(),
            Nature::Doubtful => {
                self.doubtful = true;
                let again = self.safety != Safety::Once;
                let wait = again.then(|| self.trouble.next()).flatten()?;
                Some(wait.max(failure.retry_after().unwrap_or_default().min(MOST_ASKED)))
            }
        }
    }
}

/// The shortest wait for the rate limit, whatever the API asks for.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait that a server in trouble may ask for.
const MOST_ASKED: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        Failure::Refused(Refusal { status, code: code.to_owned(), ..Refusal::default() })
    }

    fn tries(call: Call) -> Tries {
        Tries::of(&call, &Patience::default())
    }

    fn goes_on(call: Call, failure: &Failure) -> bool {
        tries(call).after(failure, Duration::from_secs(1)).is_some()
    }

    fn doubtful() -> [Failure; 6] {
        [
            Failure::TimedOut(Duration::from_secs(30)),
            Failure::Cut("reset".into()),
            refused(500, "server_error"),
            refused(502, ""),
            refused(503, "unavailable"),
            refused(504, "timeout"),
        ]
    }

    #[test]
    fn what_may_have_happened_is_repeated_only_where_that_is_safe() {
        for failure in doubtful() {
            assert!(goes_on(Call::get("x", ""), &failure), "{failure:?}");
            assert!(goes_on(Call::put("x", ""), &failure), "{failure:?}");
            assert!(goes_on(Call::delete("x", ""), &failure), "{failure:?}");
            assert!(!goes_on(Call::post("x", ""), &failure), "{failure:?}");
            assert!(goes_on(Call::post("x", "").repeatable(), &failure), "{failure:?}");
        }
    }

    #[test]
    fn what_did_not_happen_is_repeated_always() {
        for failure in [
            Failure::NotSent("connection refused".into()),
            refused(429, "rate_limit_exceeded"),
            refused(429, ""),
            refused(423, "locked"),
            refused(409, "conflict"),
        ] {
            assert!(goes_on(Call::post("x", ""), &failure), "{failure:?}");
            assert!(goes_on(Call::get("x", ""), &failure), "{failure:?}");
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for (status, code) in [
            (401, "unauthorized"),
            (403, "resource_limit_exceeded"),
            (404, "not_found"),
            (409, "uniqueness_error"),
            (412, "resource_unavailable"),
            (422, "invalid_input"),
            (423, "protected"),
            (423, "resource_locked"),
            (501, ""),
        ] {
            assert!(!goes_on(Call::get("x", ""), &refused(status, code)), "{code}");
        }
    }

    #[test]
    fn trouble_is_borne_five_times_with_growing_waits() {
        let mut tries = tries(Call::get("x", ""));
        let waits = std::iter::from_fn(|| tries.after(&refused(503, ""), Duration::ZERO));
        let waits: Vec<Duration> = waits.collect();
        assert_eq!(waits.len(), 5);
        for (wait, least) in waits.iter().zip([500, 1000, 2000, 4000, 8000]) {
            let least = Duration::from_millis(least);
            assert!((least..=least * 2).contains(wait), "{wait:?}");
        }
    }

    #[test]
    fn the_rate_limit_is_waited_for_up_to_a_bound() {
        let mut tries = tries(Call::get("x", ""));
        let minute = Duration::from_secs(60);
        let waits = std::iter::from_fn(|| tries.after(&refused(429, ""), minute)).count();
        assert_eq!(waits, 5);
        let mut short = Refusal { status: 429, ..Refusal::default() };
        short.retry_after = Some(Duration::ZERO);
        let wait = self::tries(Call::get("x", "")).after(&Failure::Refused(short), minute);
        assert_eq!(wait, Some(Duration::from_secs(1)));
        let mut long = Refusal { status: 429, ..Refusal::default() };
        long.retry_after = Some(Duration::from_secs(3600));
        assert!(!goes_on(Call::get("x", ""), &Failure::Refused(long)));
    }

    #[test]
    fn a_doubtful_sending_is_remembered() {
        let mut tries = tries(Call::delete("x", ""));
        tries.after(&Failure::Cut(String::new()), Duration::ZERO);
        assert!(tries.doubtful);
    }
}
