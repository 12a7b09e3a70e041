//! Scripted faults: which requests meet one, and what it does to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::refusal::{Refusal, usual_code};

/// One fault. `action` and `region` choose requests (`*` stands for anything);
/// of those, `nth`, `every` or `probability` choose, all when none is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    #[serde(default = "anything")]
    pub action: String,
    #[serde(default = "anything")]
    pub region: String,
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
    pub delay_ms: Option<u64>,
    #[serde(default = "anything")]
    pub instance_type: String,
    #[serde(default = "anything")]
    pub zone: String,
    /// Only of spot instances, or only of others.
    pub spot: Option<bool>,
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
    /// Orders and starts of `instance_type` in `zone` find no room.
    NoCapacity,
}

/// An instance that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub instance_type: String,
    pub zone: String,
    pub is_spot: bool,
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

    fn refusal(&self, default_code: &str) -> Refusal {
        let code = self.code.as_deref().unwrap_or(default_code);
        let message = self.message.clone().unwrap_or_else(|| format!("{code} (scripted fault)"));
        let refusal = Refusal::new(code, message);
        let status = self.status.unwrap_or(refusal.status);
        refusal.status(status)
    }

    fn is_about(&self, action: &str, region: &str) -> bool {
        glob(&self.action, action) && glob(&self.region, region)
    }

    fn is_of(&self, order: &Order) -> bool {
        self.kind == Kind::NoCapacity
            && glob(&self.instance_type, &order.instance_type)
            && glob(&self.zone, &order.zone)
            && self.spot.is_none_or(|spot| spot == order.is_spot)
    }
}

/// What happens to one request.
#[derive(Debug, Default)]
pub struct Verdict {
    pub delay: Duration,
    pub refusal: Option<Refusal>,
    pub cut_before: bool,
    pub cut_after: bool,
}

/// All faults in force, in the order they were given.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Judges a request; every fault that matches counts it.
    pub fn judge(&mut self, action: &str, region: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for fault in self.0.iter_mut().filter(|fault| fault.is_about(action, region)) {
            if fault.kind != Kind::NoCapacity && fault.strikes() {
                verdict.add(fault);
            }
        }
        verdict
    }

    /// Refuses an order where a fault says that there is no room.
    pub fn refuse(&mut self, order: &Order) -> Option<Refusal> {
        let mut matching = self.0.iter_mut().filter(|fault| fault.is_of(order));
        let fault = matching.find_map(|fault| fault.strikes().then_some(fault))?;
        Some(fault.refusal("InsufficientInstanceCapacity"))
    }
}

impl Verdict {
    fn add(&mut self, fault: &Fault) {
        self.delay += Duration::from_millis(fault.delay_ms.unwrap_or(0));
        match fault.kind {
            Kind::Status => {
                let refusal = fault.refusal(usual_code(fault.status.unwrap_or(500)));
                self.refusal.get_or_insert(refusal);
            }
            Kind::CutBefore => self.cut_before = true,
            Kind::CutAfter => self.cut_after = true,
            Kind::Delay | Kind::NoCapacity => {}
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
