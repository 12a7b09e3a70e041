//! The rate limit, as the last answers told it, and the pace that it allows.
//!
//! Requests come back one by one (3,600 an hour: one a second), so it is enough
//! to wait for a few of them; `RateLimit-Reset` is when all are back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

/// What the API says of the project's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests an hour.
    pub limit: u64,
    pub remaining: u64,
    /// When all of them are back.
    pub reset: Option<Timestamp>,
}

/// From this share of the limit on, calls slow down.
const LOW_SHARE: u64 = 20;

impl RateLimit {
    /// Reads the headers of an answer; nothing where they say of no limit.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let limit = number(headers, "ratelimit-limit").filter(|limit| *limit > 0)?;
        let remaining = number(headers, "ratelimit-remaining")?;
        let reset = number(headers, "ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        let reset = reset.and_then(|at| Timestamp::from_second(at).ok());
        Some(Self { limit, remaining, reset })
    }

    /// Returns how long one request takes to come back.
    fn interval(&self) -> Duration {
        Duration::from_secs_f64(3600.0 / self.limit.max(1) as f64)
    }

    /// Returns the time between two calls: none while plenty remain, then more
    /// and more, and at the end as much as comes back.
    fn spacing(&self) -> Duration {
        let low = (self.limit / LOW_SHARE).max(1);
        let missing = low.saturating_sub(self.remaining);
        self.interval().mul_f64(missing as f64 / low as f64)
    }

    /// Returns how long to wait when no request is left.
    fn refill(&self, now: Timestamp) -> Duration {
        let some = (self.interval() * 8).clamp(SHORTEST, LONGEST);
        match self.reset.map(|reset| reset.duration_since(now)) {
            Some(left) if left.is_positive() => some.min(left.unsigned_abs().max(SHORTEST)),
            _ => some,
        }
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// How long to wait where the API gives no hint at all.
const UNTOLD: Duration = Duration::from_secs(5);

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Reads `Retry-After`: seconds, or a date.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if let Some(seconds) = number(headers, "retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    let text = headers.get("retry-after")?.to_str().ok()?;
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// Lets calls through at the pace that the rate limit allows.
#[derive(Debug, Default)]
pub struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    seen: Option<RateLimit>,
    closed_until: Option<Instant>,
    next: Option<Instant>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what an answer says.
    pub fn observe(&self, headers: &HeaderMap) {
        if let Some(limit) = RateLimit::read(headers) {
            self.state().seen = Some(limit);
        }
    }

    /// Returns what was last said of the limit.
    pub fn seen(&self) -> Option<RateLimit> {
        self.state().seen
    }

    /// Returns how long to wait after the limit was reached.
    pub fn refill(&self, now: Timestamp) -> Duration {
        self.seen().map_or(UNTOLD, |limit| limit.refill(now))
    }

    /// Lets nobody through for a while.
    pub fn close(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.state();
        state.closed_until = state.closed_until.max(Some(until));
    }

    /// Takes the next turn, and returns how long it is until then.
    pub fn turn(&self) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let spacing = state.seen.map(|limit| limit.spacing()).unwrap_or_default();
        let next = state.next.filter(|_| !spacing.is_zero());
        let start = next.max(state.closed_until).unwrap_or(now).max(now);
        state.next = Some(start + spacing);
        start - now
    }

    /// Returns how long the gate stays closed.
    pub fn closed(&self) -> Duration {
        let until = self.state().closed_until;
        until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn limit(remaining: u64) -> RateLimit {
        RateLimit { limit: 3600, remaining, reset: None }
    }

    fn told(gate: &Gate, remaining: &str) {
        gate.observe(&headers(&[("RateLimit-Limit", "3600"), ("RateLimit-Remaining", remaining)]));
    }

    #[test]
    fn the_headers_are_read_and_no_limit_is_none() {
        let read = RateLimit::read(&headers(&[
            ("RateLimit-Limit", "3600"),
            ("RateLimit-Remaining", "3599"),
            ("RateLimit-Reset", "1800000000"),
        ]));
        let reset = Timestamp::from_second(1_800_000_000).ok();
        assert_eq!(read, Some(RateLimit { limit: 3600, remaining: 3599, reset }));
        for bad in [&[("RateLimit-Limit", "0"), ("RateLimit-Remaining", "0")][..], &[]] {
            assert_eq!(RateLimit::read(&headers(bad)), None);
        }
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let read = |text| retry_after(&headers(&[("Retry-After", text)]), now);
        assert_eq!(read("12"), Some(Duration::from_secs(12)));
        assert_eq!(read("Fri, 20 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Fri, 20 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn calls_slow_down_as_few_remain() {
        assert_eq!(limit(3000).spacing(), Duration::ZERO);
        assert_eq!(limit(180).spacing(), Duration::ZERO);
        assert_eq!(limit(90).spacing(), Duration::from_millis(500));
        assert_eq!(limit(0).spacing(), Duration::from_secs(1));
    }

    #[test]
    fn a_few_requests_are_waited_for_not_the_whole_hour() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(limit(0).refill(now), Duration::from_secs(8));
        let soon = RateLimit { reset: Timestamp::from_second(3).ok(), ..limit(0) };
        assert_eq!(soon.refill(now), Duration::from_secs(3));
        assert_eq!(Gate::default().refill(now), UNTOLD);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_spaced_when_none_remain() {
        let gate = Gate::default();
        assert_eq!(gate.turn(), Duration::ZERO);
        told(&gate, "0");
        let turns: Vec<u64> = (0..4).map(|_| gate.turn().as_secs()).collect();
        assert_eq!(turns, [0, 1, 2, 3]);
        told(&gate, "3000");
        assert_eq!(gate.turn(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_opens_in_time_and_for_one_after_the_other() {
        let gate = Gate::default();
        told(&gate, "0");
        gate.close(Duration::from_secs(10));
        assert_eq!(gate.turn(), Duration::from_secs(10));
        assert_eq!(gate.turn(), Duration::from_secs(11));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(gate.closed(), Duration::ZERO);
    }
}
