//! The rate limit: so many requests in a period, refilled as time goes on.

/// So many requests in so many seconds; none is without limit.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub requests: u32,
    pub seconds: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { requests: 0, seconds: 3600 }
    }
}

pub struct RateLimit {
    pub rate: Rate,
    left: f64,
    at: u64,
}

impl RateLimit {
    pub fn new(rate: Rate) -> Self {
        Self { rate, left: f64::from(rate.requests), at: 0 }
    }

    /// Takes one request off; false when none is left.
    pub fn take(&mut self, now: u64) -> bool {
        if self.rate.requests == 0 {
            return true;
        }
        let (full, period) = (f64::from(self.rate.requests), f64::from(self.rate.seconds));
        let milliseconds = now.saturating_sub(self.at).min(u64::from(self.rate.seconds) * 1000);
        self.left = (self.left + milliseconds as f64 / 1000.0 * full / period).min(full);
        self.at = now;
        let enough = self.left >= 1.0;
        self.left -= if enough { 1.0 } else { 0.0 };
        enough
    }

    pub fn remaining(&self) -> u64 {
        self.left.floor() as u64
    }

    /// When everything will be refilled, in seconds since 1970.
    pub fn full_at(&self, now: u64) -> u64 {
        let missing = f64::from(self.rate.requests) - self.left;
        let each = f64::from(self.rate.seconds) / f64::from(self.rate.requests.max(1));
        now / 1000 + (missing * each).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_refilled_second_by_second() {
        let mut limit = RateLimit::new(Rate { requests: 3600, seconds: 3600 });
        let start = 1_000_000_000;
        assert_eq!((0..3601).filter(|_| limit.take(start)).count(), 3600);
        assert!(limit.take(start + 1000) && !limit.take(start + 1000));
        assert_eq!(limit.remaining(), 0);
        assert_eq!(limit.full_at(start + 1000), 1_000_001 + 3600);
    }
}
