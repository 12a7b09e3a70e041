//! Who may start when: the steps that are ready, by provider, and how many calls
//! are in flight.
//!
//! A slot is held by a call, not by a wait: the rest of a call that has reported
//! to be only waiting counts against a limit of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::ProviderRef;
use crate::plan::StepId;

/// How many waits there may be for each call.
pub(super) const WAITS_PER_CALL: usize = 4;

/// What a step holds while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    /// A call that the platform works on.
    Call,
    /// Something that the platform or a sandbox does by itself.
    Wait,
}

/// One provider's queue for one class.
pub(super) type Lane = (Class, ProviderRef);

/// The ready steps and the slots.
#[derive(Debug)]
pub(super) struct Lanes {
    /// Steps that reach no platform, and need no slot.
    free: BTreeSet<StepId>,
    ready: BTreeMap<Lane, BTreeSet<StepId>>,
    running: BTreeMap<Lane, usize>,
    parallelism: usize,
    /// Calls in flight at once, by provider.
    limits: BTreeMap<ProviderRef, usize>,
}

impl Lanes {
    /// Makes empty lanes with these limits on calls, each at least 1.
    pub(super) fn new(parallelism: usize, limits: BTreeMap<ProviderRef, usize>) -> Self {
        Self {
            free: BTreeSet::new(),
            ready: BTreeMap::new(),
            running: BTreeMap::new(),
            parallelism: parallelism.max(1),
            limits,
        }
    }

    /// Queues a step; one without a lane needs no slot.
    pub(super) fn queue(&mut self, step: StepId, lane: Option<Lane>) {
        match lane {
            Some(lane) => self.ready.entry(lane).or_default().insert(step),
            None => self.free.insert(step),
        };
    }

    /// Takes the first step that there is room for. The caller says by `hold` when
    /// it becomes a call.
    pub(super) fn next(&mut self) -> Option<StepId> {
        if let Some(step) = self.free.pop_first() {
            return Some(step);
        }
        let lanes = self.ready.iter().filter(|(lane, _)| self.has_room(lane));
        let (lane, _) = lanes.min_by_key(|(_, steps)| steps.first().copied())?;
        let lane = lane.clone();
        let steps = self.ready.get_mut(&lane)?;
        let step = steps.pop_first();
        if steps.is_empty() {
            self.ready.remove(&lane);
        }
        step
    }

    /// Takes a slot.
    pub(super) fn hold(&mut self, lane: Lane) {
        *self.running.entry(lane).or_default() += 1;
    }

    /// Gives a slot back.
    pub(super) fn release(&mut self, lane: &Lane) {
        if let Some(running) = self.running.get_mut(lane) {
            *running = running.saturating_sub(1);
        }
    }

    /// Turns a call into a wait, if there is room for one.
    pub(super) fn turn_into_wait(&mut self, lane: &mut Lane) {
        let wait = (Class::Wait, lane.1.clone());
        if lane.0 == Class::Call && self.has_room(&wait) {
            self.release(lane);
            self.hold(wait.clone());
            *lane = wait;
        }
    }

    /// Drops what has not started.
    pub(super) fn clear(&mut self) {
        self.free.clear();
        self.ready.clear();
    }

    fn has_room(&self, lane: &Lane) -> bool {
        let factor = if lane.0 == Class::Wait { WAITS_PER_CALL } else { 1 };
        let of_class = self.running.iter().filter(|((class, _), _)| *class == lane.0);
        let all: usize = of_class.map(|(_, running)| running).sum();
        let here = self.running.get(lane).copied().unwrap_or(0);
        let limit = self.limits.get(&lane.1).copied().unwrap_or(self.parallelism).max(1);
        all < self.parallelism * factor && here < limit * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(class: Class, provider: &str) -> Lane {
        (class, ProviderRef::of(provider))
    }

    #[test]
    fn a_full_provider_does_not_hold_up_another() {
        let mut lanes = Lanes::new(3, [(ProviderRef::of("a"), 1)].into());
        for (step, provider) in [(0, "a"), (1, "a"), (2, "b"), (3, "b"), (4, "b")] {
            lanes.queue(StepId(step), Some(lane(Class::Call, provider)));
        }
        let mut started = Vec::new();
        while let Some(step) = lanes.next() {
            lanes.hold(lane(Class::Call, if step.0 < 2 { "a" } else { "b" }));
            started.push(step.0);
        }
        assert_eq!(started, [0, 2, 3]);
        lanes.release(&lane(Class::Call, "a"));
        assert_eq!(lanes.next(), Some(StepId(1)));
    }

    #[test]
    fn a_wait_holds_no_slot_of_a_call() {
        let mut lanes = Lanes::new(1, BTreeMap::new());
        let mut first = lane(Class::Call, "a");
        lanes.hold(first.clone());
        lanes.queue(StepId(1), Some(lane(Class::Call, "a")));
        assert_eq!(lanes.next(), None);
        lanes.turn_into_wait(&mut first);
        assert_eq!((first, lanes.next()), (lane(Class::Wait, "a"), Some(StepId(1))));
    }
}
