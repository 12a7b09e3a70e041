//! Turns changes into steps, and says what each step waits for.
//!
//! Create or update comes after what it depends on. Deletion comes after
//! everything that depended on it is deleted or updated. With
//! create-before-destroy the old object goes last.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Operation, Step, StepId};
use crate::address::BlockAddress;
use crate::object::{DeposedKey, ObjectKey};

/// Orders the changes. `dependencies` are the configuration's, by block; those of
/// objects whose block is gone come from their rows.
pub fn steps(
    changes: &[Change],
    dependencies: &BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
) -> Vec<Step> {
    let mut builder = Builder::default();
    for (index, change) in changes.iter().enumerate() {
        builder.add(index as u32, change);
    }
    builder.connect(changes, dependencies);
    builder.steps
}

#[derive(Default)]
struct Builder {
    steps: Vec<Step>,
    /// The last step by which each instance of a block comes to be as desired.
    ups: BTreeMap<BlockAddress, Vec<StepId>>,
    /// The steps that delete objects of a block.
    downs: BTreeMap<BlockAddress, Vec<StepId>>,
    /// The first step of each change that makes or changes something.
    starts: Vec<(BlockAddress, StepId)>,
    /// Every deletion with its change.
    deletions: Vec<(u32, StepId)>,
    gates: BTreeMap<(BlockAddress, Direction), StepId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Up,
    Down,
}

impl Builder {
    fn step(
        &mut self,
        change: Option<u32>,
        operation: Operation,
        waits_for: Vec<StepId>,
    ) -> StepId {
        let id = StepId(self.steps.len() as u32);
        self.steps.push(Step { id, change, operation, waits_for });
        id
    }

    fn add(&mut self, index: u32, change: &Change) {
        match change.action {
            Action::NoOp => {}
            Action::Create => self.make(index, change, Operation::Create { deposes: None }, vec![]),
            Action::Update | Action::Rebuild => {
                let only_provision = change.changed.is_empty() && change.action == Action::Update;
                match only_provision {
                    true => self.start(index, change, Operation::Provision, vec![]),
                    false => self.make(index, change, Operation::Update, vec![]),
                }
            }
            Action::Replace => {
                let delete = self.delete(index, change, change.key());
                let create = Operation::Create { deposes: None };
                self.make(index, change, create, vec![delete]);
            }
            Action::ReplaceCreateFirst => {
                let key = deposed_key(change);
                let create = Operation::Create { deposes: Some(key.clone()) };
                self.make(index, change, create, vec![]);
                let old = ObjectKey { address: change.address.clone(), deposed: Some(key) };
                let created = self.last_up(&change.address.block);
                let delete = self.delete(index, change, old);
                self.steps[delete.0 as usize].waits_for.extend(created);
            }
            Action::Delete => {
                self.delete(index, change, change.key());
            }
            Action::Forget => {
                let forget = Operation::Forget(change.key());
                let id = self.step(Some(index), forget, vec![]);
                self.downs.entry(change.address.block.clone()).or_default().push(id);
            }
        }
    }

    /// Adds a creation or update, and the provisioning after it.
    fn make(&mut self, index: u32, change: &Change, operation: Operation, after: Vec<StepId>) {
        if change.provision.is_empty() {
            return self.start(index, change, operation, after);
        }
        let block = &change.address.block;
        let made = self.step(Some(index), operation, after);
        self.starts.push((block.clone(), made));
        let provision = self.step(Some(index), Operation::Provision, vec![made]);
        self.ups.entry(block.clone()).or_default().push(provision);
    }

    fn start(&mut self, index: u32, change: &Change, operation: Operation, after: Vec<StepId>) {
        let id = self.step(Some(index), operation, after);
        self.starts.push((change.address.block.clone(), id));
        self.ups.entry(change.address.block.clone()).or_default().push(id);
    }

    fn delete(&mut self, index: u32, change: &Change, key: ObjectKey) -> StepId {
        let id = self.step(Some(index), Operation::Delete(key), vec![]);
        self.downs.entry(change.address.block.clone()).or_default().push(id);
        self.deletions.push((index, id));
        id
    }

    fn last_up(&self, block: &BlockAddress) -> Option<StepId> {
        self.ups.get(block)?.last().copied()
    }

    fn connect(
        &mut self,
        changes: &[Change],
        dependencies: &BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
    ) {
        for (block, step) in std::mem::take(&mut self.starts) {
            for needed in dependencies.get(&block).into_iter().flatten() {
                self.wait(step, needed, Direction::Up);
            }
        }
        let dependents = dependents(changes, dependencies);
        for (index, step) in std::mem::take(&mut self.deletions) {
            let change = &changes[index as usize];
            let waits_for_updates = change.action != Action::Replace;
            for dependent in dependents.get(&change.address.block).into_iter().flatten() {
                self.wait(step, dependent, Direction::Down);
                let still_there = dependencies.contains_key(dependent);
                if waits_for_updates && still_there {
                    self.wait(step, dependent, Direction::Up);
                }
            }
        }
    }

    /// Makes a step wait for all steps of a block in one direction: directly
    /// where it is one, by a gate where they are many.
    fn wait(&mut self, step: StepId, block: &BlockAddress, direction: Direction) {
        let all = match direction {
            Direction::Up => self.ups.get(block),
            Direction::Down => self.downs.get(block),
        };
        let target = match all.map(Vec::as_slice) {
            None | Some([]) => return,
            Some([one]) => *one,
            Some(many) => {
                let many = many.to_vec();
                match self.gates.get(&(block.clone(), direction)) {
                    Some(gate) => *gate,
                    None => {
                        let gate = self.step(None, Operation::Gate, many);
                        self.gates.insert((block.clone(), direction), gate);
                        gate
                    }
                }
            }
        };
        let waits_for = &mut self.steps[step.0 as usize].waits_for;
        if !waits_for.contains(&target) && target != step {
            waits_for.push(target);
        }
    }
}

/// Turns "depends on" around, with what the rows of deleted objects remember.
fn dependents(
    changes: &[Change],
    dependencies: &BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
) -> BTreeMap<BlockAddress, BTreeSet<BlockAddress>> {
    let mut dependents: BTreeMap<BlockAddress, BTreeSet<BlockAddress>> = BTreeMap::new();
    let mut add = |block: &BlockAddress, needed: &BlockAddress| {
        if block != needed {
            dependents.entry(needed.clone()).or_default().insert(block.clone());
        }
    };
    for (block, needs) in dependencies {
        needs.iter().for_each(|needed| add(block, needed));
    }
    for change in changes {
        let block = &change.address.block;
        let rows = change.before.iter().flat_map(|object| &object.depends_on);
        rows.for_each(|needed| add(block, needed));
    }
    dependents
}

/// Derives the key of the object that is replaced: eight characters, the same
/// for the same object.
fn deposed_key(change: &Change) -> DeposedKey {
    use sha2::{Digest, Sha256};
    let id = change.before.as_ref().map_or("", |object| object.remote_id.as_str());
    let digest = Sha256::digest(format!("{} {id}", change.address));
    let hex: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    DeposedKey::from(hex)
}
