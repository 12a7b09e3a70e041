//! What was asked of the emulator, for tests: counts and the latest requests.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

const LATEST: usize = 10_000;

#[derive(Default)]
pub struct Ledger {
    total: u64,
    counts: BTreeMap<String, u64>,
    latest: VecDeque<Value>,
}

/// How a request ended.
pub enum Outcome {
    Answered(u16),
    CutBefore,
    CutAfter,
}

impl Ledger {
    /// Counts a request of a kind, such as `POST /servers`.
    pub fn count(&mut self, kind: &str) {
        self.total += 1;
        *self.counts.entry(kind.to_owned()).or_default() += 1;
    }

    pub fn note(&mut self, method: &str, path: &str, outcome: &Outcome) {
        let (status, cut) = match outcome {
            Outcome::Answered(status) => (Some(*status), Value::Null),
            Outcome::CutBefore => (None, json!("before")),
            Outcome::CutAfter => (None, json!("after")),
        };
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.latest
            .push_back(json!({"method": method, "path": path, "status": status, "cut": cut}));
    }

    pub fn draw(&self) -> Value {
        json!({"total": self.total, "counts": self.counts, "latest": self.latest})
    }
}
