//! Scripted faults: which requests meet one, and what it does to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::{Refusal, usual_code, usual_status};

/// One fault. `method` and `path` choose requests (`*` stands for anything;
/// a path is compared with the real one and with the template); of those,
/// `nth`, `every` or `probability` choose, all when none is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    #[serde(default = "anything")]
    pub method: String,
    #[serde(default = "anything")]
    pub path: String,
    /// Only the n-th that matches, counted from 1.
    pub nth: Option<u64>,
    /// Every n-th that matches.
    pub every: Option<u64>,
    /// Each that matches, with this chance; the same `seed` falls the same.
    pub probability: Option<f64>,
    #[serde(default)]
    pub seed: u64,
    /// Ends after so many hits.
    pub times: Option<u64>,
    pub status: Option<u16>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// Seconds, for the headers `Retry-After` and `RateLimit-Reset`.
    pub retry_after: Option<u64>,
    pub delay_ms: Option<u64>,
    #[serde(default = "anything")]
    pub server_type: String,
    #[serde(default = "anything")]
    pub location: String,
    /// Whether `/server_types` tells that there is no capacity.
    #[serde(default)]
    pub listed: bool,
    #[serde(default = "anything")]
    pub command: String,
    #[serde(default)]
    pub met: u64,
    #[serde(default)]
    pub hits: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Answers `status` and `code`; nothing is done.
    Status,
    /// Closes the connection; nothing is done.
    CutBefore,
    /// Does what was asked, then closes the connection without an answer.
    CutAfter,
    /// Waits `delay_ms`, then goes on.
    Delay,
    /// Answers `locked`.
    Locked,
    /// Orders of `server_type` at `location` find no room.
    NoCapacity,
    /// The action `command` ends in an error.
    ActionFails,
}

fn anything() -> String {
    "*".to_owned()
}

impl Fault {
    /// Counts one that matches, and says whether it is hit.
    fn strikes(&mut self) -> bool {
        self.met += 1;
        let chosen = match (self.nth, self.every, self.probability) {
            (Some(nth), _, _) => self.met == nth,
            (_, Some(every), _) => every > 0 && self.met.is_multiple_of(every),
            (_, _, Some(chance)) => chance_of(self.seed, self.met) < chance,
            _ => true,
        };
        let hit = chosen && self.times.is_none_or(|times| self.hits < times);
        self.hits += u64::from(hit);
        hit
    }

    fn is_over(&self) -> bool {
        self.times.is_some_and(|times| self.hits >= times)
    }

    fn refusal(&self, default_code: &str) -> Refusal {
        let code = self.code.as_deref().unwrap_or(default_code);
        let message = self.message.clone().unwrap_or_else(|| format!("{code} (scripted fault)"));
        Refusal::new(code, message).status(self.status.unwrap_or(usual_status(code)))
    }

    fn is_about(&self, method: &str, template: &str, path: &str) -> bool {
        glob(&self.method, method) && (glob(&self.path, path) || glob(&self.path, template))
    }

    fn is_of_place(&self, server_type: &str, location: &str) -> bool {
        self.kind == Kind::NoCapacity
            && glob(&self.server_type, server_type)
            && glob(&self.location, location)
    }
}

/// What happens to one request.
#[derive(Debug, Default)]
pub struct Verdict {
    pub delay: Duration,
    pub refusal: Option<Refusal>,
    pub retry_after: Option<u64>,
    pub cut_before: bool,
    pub cut_after: bool,
}

/// All faults in force, in the order they were given.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Judges a request; every fault that matches counts it.
    pub fn judge(&mut self, method: &str, template: &str, path: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for fault in self.0.iter_mut().filter(|f| f.is_about(method, template, path)) {
            let of_requests = !matches!(fault.kind, Kind::NoCapacity | Kind::ActionFails);
            if of_requests && fault.strikes() {
                verdict.add(fault);
            }
        }
        verdict
    }

    /// Refuses an order where a fault says that there is no room.
    pub fn refuse_order(&mut self, server_type: &str, location: &str) -> Option<Refusal> {
        let mut matching = self.0.iter_mut().filter(|f| f.is_of_place(server_type, location));
        let fault = matching.find_map(|fault| fault.strikes().then_some(fault))?;
        Some(fault.refusal("resource_unavailable"))
    }

    /// Whether `/server_types` has to say that a type is not available.
    pub fn lists_as_unavailable(&self, server_type: &str, location: &str) -> bool {
        let mut faults = self.0.iter();
        faults.any(|f| f.listed && !f.is_over() && f.is_of_place(server_type, location))
    }

    /// The error that a new action ends in, if one is scripted.
    pub fn action_error(&mut self, command: &str) -> Option<(String, String)> {
        let faults = self.0.iter_mut();
        let mut matching =
            faults.filter(|f| f.kind == Kind::ActionFails && glob(&f.command, command));
        let fault = matching.find_map(|fault| fault.strikes().then_some(fault))?;
        let refusal = fault.refusal("action_failed");
        Some((refusal.code, refusal.message))
    }
}

impl Verdict {
    fn add(&mut self, fault: &Fault) {
        self.delay += Duration::from_millis(fault.delay_ms.unwrap_or(0));
        self.retry_after = self.retry_after.or(fault.retry_after);
        match fault.kind {
            Kind::Status => {
                let status = fault.status.unwrap_or(500);
                let refusal = fault.refusal(usual_code(status)).status(status);
                self.refusal.get_or_insert(refusal);
            }
            Kind::Locked => {
                self.refusal.get_or_insert(fault.refusal("locked"));
            }
            Kind::CutBefore => self.cut_before = true,
            Kind::CutAfter => self.cut_after = true,
            Kind::Delay | Kind::NoCapacity | Kind::ActionFails => {}
        }
    }
}

/// Compares with a pattern in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => match text.strip_prefix(head) {
            None => false,
            Some(tail) => (0..=tail.len()).any(|at| tail.get(at..).is_some_and(|t| glob(rest, t))),
        },
    }
}

/// A number in 0..1 that depends on its arguments alone (splitmix64).
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn chance_of(seed: u64, count: u64) -> f64 {
    let mut z = seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Faults {
        Faults(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_nth_request_is_hit_and_no_other() {
        let mut faults = faults(r#"[{"kind":"status","status":503,"path":"/servers*","nth":2}]"#);
        let mut hit = |path| faults.judge("GET", "/servers/{id}", path).refusal.is_some();
        assert_eq!([hit("/servers/1"), hit("/servers/2"), hit("/servers/3")], [false, true, false]);
        assert!(!hit("/images"));
    }

    #[test]
    fn chances_fall_the_same_for_the_same_seed() {
        let run = || {
            let mut faults = faults(r#"[{"kind":"cut_after","probability":0.3,"seed":7}]"#);
            (0..1000).filter(|_| faults.judge("GET", "/x", "/x").cut_after).count()
        };
        assert_eq!(run(), run());
        assert!((250..350).contains(&run()), "{}", run());
    }
}
