//! Which steps may start: counters over the plan's edges, so that a whole apply
//! costs as much as there are edges. Gates pass at once and cost nothing.

use crate::plan::{Operation, Step, StepId};

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Pending,
    Done,
    Failed,
    Skipped,
}

/// Counts what each step still waits for.
#[derive(Debug)]
pub(super) struct Readiness {
    /// How many of `waits_for` are not done yet, by step.
    waits: Vec<u32>,
    /// The steps that wait for a step are `dependants[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    dependants: Vec<StepId>,
    gate: Vec<bool>,
    progress: Vec<Progress>,
}

impl Readiness {
    /// Counts the edges of a plan; nothing when an edge leads nowhere.
    pub(super) fn of(steps: &[Step]) -> Option<Self> {
        let sound = |step: &Step, at: usize| {
            step.id.0 as usize == at
                && step.waits_for.iter().all(|id| (id.0 as usize) < steps.len() && *id != step.id)
        };
        if !steps.iter().enumerate().all(|(at, step)| sound(step, at)) {
            return None;
        }
        let (starts, dependants) = dependants(steps);
        Some(Self {
            waits: steps.iter().map(|step| step.waits_for.len() as u32).collect(),
            starts,
            dependants,
            gate: steps.iter().map(|step| step.operation == Operation::Gate).collect(),
            progress: vec![Progress::Pending; steps.len()],
        })
    }

    /// Returns the steps that wait for nothing, or only for gates that do.
    pub(super) fn first(&mut self) -> Vec<StepId> {
        let free = (0..self.waits.len()).filter(|at| self.waits[*at] == 0);
        let free = free.map(|at| StepId(at as u32)).collect();
        self.pass_gates(free)
    }

    /// Notes that a step is done, and returns the steps that became ready by it.
    pub(super) fn done(&mut self, step: StepId) -> Vec<StepId> {
        let freed = self.release(step);
        self.pass_gates(freed)
    }

    /// Notes that a step failed, and returns the steps that will never start for it.
    pub(super) fn failed(&mut self, step: StepId) -> Vec<StepId> {
        self.progress[step.0 as usize] = Progress::Failed;
        let mut skipped = Vec::new();
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for dependant in self.range(step) {
                let dependant = self.dependants[dependant];
                let progress = &mut self.progress[dependant.0 as usize];
                if *progress == Progress::Pending {
                    *progress = Progress::Skipped;
                    open.push(dependant);
                    skipped.push(dependant);
                }
            }
        }
        skipped.retain(|step| !self.gate[step.0 as usize]);
        skipped.sort();
        skipped
    }

    /// Lists the steps that have not come to an end, without gates.
    pub(super) fn pending(&self) -> impl Iterator<Item = StepId> {
        let open = |at: &usize| self.progress[*at] == Progress::Pending && !self.gate[*at];
        (0..self.progress.len()).filter(open).map(|at| StepId(at as u32))
    }

    fn range(&self, step: StepId) -> std::ops::Range<usize> {
        let at = step.0 as usize;
        self.starts[at] as usize..self.starts[at + 1] as usize
    }

    fn release(&mut self, step: StepId) -> Vec<StepId> {
        self.progress[step.0 as usize] = Progress::Done;
        let mut freed = Vec::new();
        for dependant in self.range(step) {
            let dependant = self.dependants[dependant];
            let waits = &mut self.waits[dependant.0 as usize];
            *waits -= 1;
            if *waits == 0 && self.progress[dependant.0 as usize] == Progress::Pending {
                freed.push(dependant);
            }
        }
        freed
    }

    fn pass_gates(&mut self, mut freed: Vec<StepId>) -> Vec<StepId> {
        let mut ready = Vec::new();
        while let Some(step) = freed.pop() {
            match self.gate[step.0 as usize] {
                true => freed.extend(self.release(step)),
                false => ready.push(step),
            }
        }
        ready
    }
}

/// Turns `waits_for` round: where each step's dependants start, and the dependants.
fn dependants(steps: &[Step]) -> (Vec<u32>, Vec<StepId>) {
    let mut starts = vec![0; steps.len() + 1];
    let edges =
        || steps.iter().flat_map(|step| step.waits_for.iter().map(move |on| (*on, step.id)));
    edges().for_each(|(on, _)| starts[on.0 as usize + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next: Vec<u32> = starts.clone();
    let mut dependants = vec![StepId(0); starts[steps.len()] as usize];
    for (on, step) in edges() {
        let slot = &mut next[on.0 as usize];
        dependants[*slot as usize] = step;
        *slot += 1;
    }
    (starts, dependants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(edges: &[(u32, bool, &[u32])]) -> Vec<Step> {
        let step = |(id, gate, waits_for): &(u32, bool, &[u32])| Step {
            id: StepId(*id),
            change: None,
            operation: if *gate { Operation::Gate } else { Operation::Update },
            waits_for: waits_for.iter().copied().map(StepId).collect(),
        };
        edges.iter().map(step).collect()
    }

    #[test]
    fn a_gate_passes_when_all_before_it_are_done() {
        let steps = steps(&[
            (0, false, &[]),
            (1, false, &[]),
            (2, true, &[0, 1]),
            (3, true, &[2]),
            (4, false, &[3]),
        ]);
        let mut readiness = Readiness::of(&steps).unwrap();
        assert_eq!(readiness.first(), [StepId(1), StepId(0)]);
        assert_eq!(readiness.done(StepId(0)), []);
        assert_eq!(readiness.done(StepId(1)), [StepId(4)]);
        assert_eq!(readiness.pending().collect::<Vec<_>>(), [StepId(4)]);
    }

    #[test]
    fn a_failure_skips_everything_behind_it_once() {
        let steps = steps(&[
            (0, false, &[]),
            (1, true, &[0]),
            (2, false, &[1]),
            (3, false, &[0, 2]),
            (4, false, &[]),
        ]);
        let mut readiness = Readiness::of(&steps).unwrap();
        readiness.first();
        assert_eq!(readiness.failed(StepId(0)), [StepId(2), StepId(3)]);
        assert_eq!(readiness.pending().collect::<Vec<_>>(), [StepId(4)]);
    }

    #[test]
    fn an_edge_that_leads_nowhere_is_refused() {
        assert!(Readiness::of(&steps(&[(0, false, &[7])])).is_none());
        assert!(Readiness::of(&steps(&[(0, false, &[0])])).is_none());
    }
}
