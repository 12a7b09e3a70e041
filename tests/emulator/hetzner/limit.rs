//! The rate limit: so many requests an hour, refilled as time goes on.

use axum::http::HeaderMap;
use axum::http::header::HeaderValue;

pub struct RateLimit {
    hourly: u32,
    left: f64,
    at: u64,
}

impl RateLimit {
    pub fn new(hourly: u32) -> Self {
        Self { hourly, left: f64::from(hourly), at: 0 }
    }

    /// Takes one request off; false when none is left.
    pub fn take(&mut self, now: u64) -> bool {
        if self.hourly == 0 {
            return true;
        }
        let full = f64::from(self.hourly);
        let seconds = now.saturating_sub(self.at).min(3_600_000) as f64 / 1000.0;
        self.left = (self.left + seconds * full / 3600.0).min(full);
        self.at = now;
        let enough = self.left >= 1.0;
        self.left -= if enough { 1.0 } else { 0.0 };
        enough
    }

    /// `RateLimit-Reset` is when everything is refilled.
    pub fn headers(&self, now: u64) -> HeaderMap {
        let missing = f64::from(self.hourly) - self.left;
        let seconds = (missing * 3600.0 / f64::from(self.hourly.max(1))).ceil() as u64;
        let left = self.left.floor() as u64;
        rate_headers(u64::from(self.hourly), left, now / 1000 + seconds)
    }
}

pub fn rate_headers(limit: u64, remaining: u64, reset: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("RateLimit-Limit", HeaderValue::from(limit));
    headers.insert("RateLimit-Remaining", HeaderValue::from(remaining));
    headers.insert("RateLimit-Reset", HeaderValue::from(reset));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_refilled_second_by_second() {
        let mut limit = RateLimit::new(3600);
        let start = 1_000_000_000;
        assert_eq!((0..3601).filter(|_| limit.take(start)).count(), 3600);
        assert!(limit.take(start + 1000) && !limit.take(start + 1000));
        assert_eq!(limit.headers(start + 1000)["RateLimit-Remaining"], "0");
    }
}
