//! Scripted faults: which requests meet one, and what it does to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One fault. `method` and `path` choose requests (`*` stands for anything;
/// a path is compared with the real one and with the template); of those,
/// `nth`, `every` or `probability` choose, all when none is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    #[serde(default = "anything", alias = "action")]
    pub method: String,
    #[serde(default = "anything", alias = "region")]
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
    #[serde(default = "anything", alias = "machine_type", alias = "instance_type")]
    pub server_type: String,
    #[serde(default = "anything", alias = "zone")]
    pub location: String,
    /// Only orders of machines that may be interrupted, or only others.
    pub spot: Option<bool>,
    /// Whether the list of types tells that there is no capacity.
    #[serde(default)]
    pub listed: bool,
    /// What is begun: a command of an action, or a type of an operation.
    #[serde(default = "anything", alias = "operation")]
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
    /// Orders of `server_type` at `location` are over a quota.
    QuotaExceeded,
    /// The action `command` ends in an error.
    #[serde(alias = "operation_fails")]
    ActionFails,
    /// Lists leave out what is at `location`.
    Partial,
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

    fn is_about(&self, method: &str, template: &str, path: &str) -> bool {
        glob(&self.method, method) && (glob(&self.path, path) || glob(&self.path, template))
    }

    fn is_of_orders(&self) -> bool {
        matches!(self.kind, Kind::NoCapacity | Kind::QuotaExceeded)
    }

    fn is_of_requests(&self) -> bool {
        !self.is_of_orders() && !matches!(self.kind, Kind::ActionFails | Kind::Partial)
    }

    fn is_of_place(&self, server_type: &str, location: &str) -> bool {
        self.is_of_orders()
            && glob(&self.server_type, server_type)
            && glob(&self.location, location)
    }
}

/// What happens to one request.
#[derive(Debug, Default)]
pub struct Verdict {
    pub delay: Duration,
    /// The fault that answers.
    pub error: Option<Fault>,
    pub retry_after: Option<u64>,
    pub cut_before: bool,
    pub cut_after: bool,
}

/// All faults in force, in the order they were given.
#[derive(Debug, Clone, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Judges a request; every fault that matches counts it.
    pub fn judge(&mut self, method: &str, template: &str, path: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for fault in self.0.iter_mut().filter(|f| f.is_about(method, template, path)) {
            if fault.is_of_requests() && fault.strikes() {
                verdict.add(fault);
            }
        }
        verdict
    }

    /// The fault that refuses an order, if one is scripted.
    pub fn of_order(&mut self, server_type: &str, location: &str) -> Option<Fault> {
        self.first(|fault| fault.is_of_place(server_type, location))
    }

    /// As [`Self::of_order`], of the faults that are chosen so.
    pub fn of_orders(
        &mut self,
        server_type: &str,
        location: &str,
        is_chosen: impl Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        self.first(|fault| fault.is_of_place(server_type, location) && is_chosen(fault))
    }

    /// The fault that a new action ends in, if one is scripted.
    pub fn of_action(&mut self, command: &str) -> Option<Fault> {
        self.first(|fault| fault.kind == Kind::ActionFails && glob(&fault.command, command))
    }

    /// Whether a list has to leave out a location.
    pub fn leaves_out(&mut self, location: &str) -> bool {
        let fault = self.first(|f| f.kind == Kind::Partial && glob(&f.location, location));
        fault.is_some()
    }

    /// The first of the chosen that strikes; those before it count.
    fn first(&mut self, is_chosen: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut chosen = self.0.iter_mut().filter(|fault| is_chosen(fault));
        chosen.find_map(|fault| fault.strikes().then(|| fault.clone()))
    }

    /// The kind of a fault that means nothing on a platform.
    pub fn unknown(faults: &[Fault], known: &[Kind]) -> Option<Kind> {
        faults.iter().map(|fault| fault.kind).find(|kind| !known.contains(kind))
    }

    /// Whether the list of types has to say that a type is not available.
    pub fn lists_as_unavailable(&self, server_type: &str, location: &str) -> bool {
        let mut faults = self.0.iter();
        faults.any(|f| f.listed && !f.is_over() && f.is_of_place(server_type, location))
    }
}

impl Verdict {
    fn add(&mut self, fault: &Fault) {
        self.delay += Duration::from_millis(fault.delay_ms.unwrap_or(0));
        self.retry_after = self.retry_after.or(fault.retry_after);
        match fault.kind {
            Kind::Status | Kind::Locked => {
                self.error.get_or_insert_with(|| fault.clone());
            }
            Kind::CutBefore => self.cut_before = true,
            Kind::CutAfter => self.cut_after = true,
            Kind::Delay
            | Kind::NoCapacity
            | Kind::QuotaExceeded
            | Kind::ActionFails
            | Kind::Partial => {}
        }
    }
}

/// Compares with a pattern in which `*` stands for anything.
pub fn glob(pattern: &str, text: &str) -> bool {
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
        let mut hit = |path| faults.judge("GET", "/servers/{id}", path).error.is_some();
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
