//! Turns changes into steps, and says what each step waits for.
//!
//! Create or update comes after what it depends on. Deletion comes after
//! everything that depended on it is deleted or updated. With
//! create-before-destroy the old object goes last.
//!
//! SSH keys and networks are made once on each provider: who uses one waits for the
//! one beside him, and so no provider waits for another.

use std::collections::{BTreeMap, BTreeSet};

use super::removal::{Edges, Removal};
use super::{Action, Change, Operation, Step, StepId};
use crate::address::BlockAddress;
use crate::graph::{USES, is_per_provider};
use crate::object::{DeposedKey, ObjectKey, ProviderRef};

/// Orders the changes. `dependencies` are the configuration's, by block; `removal`
/// says what has to be deleted before what.
pub fn steps(changes: &[Change], dependencies: &Edges, removal: &Removal) -> Vec<Step> {
    let mut builder = Builder { changes, ..Builder::default() };
    for (index, change) in changes.iter().enumerate() {
        builder.add(index as u32, change);
    }
    builder.connect(dependencies, removal);
    builder.steps
}

#[derive(Default)]
struct Builder<'a> {
    changes: &'a [Change],
    steps: Vec<Step>,
    /// The last step by which each instance of a block comes to be as desired.
    ups: BTreeMap<BlockAddress, Vec<StepId>>,
    /// The steps that delete objects of a block.
    downs: BTreeMap<BlockAddress, Vec<StepId>>,
    /// The first steps of the changes that make or change something.
    starts: BTreeMap<BlockAddress, Vec<StepId>>,
    /// Deletions that something new waits for.
    firsts: BTreeMap<BlockAddress, Vec<StepId>>,
    /// Deletions that nothing new waits for.
    lasts: BTreeMap<BlockAddress, Vec<StepId>>,
    /// Blocks of which something is deleted after its replacement was made.
    create_first: BTreeSet<BlockAddress>,
    gates: BTreeMap<(BlockAddress, Direction, Option<ProviderRef>), StepId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Up,
    Down,
}

impl Builder<'_> {
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
                self.create_first.insert(change.address.block.clone());
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
        self.starts.entry(block.clone()).or_default().push(made);
        let provision = self.step(Some(index), Operation::Provision, vec![made]);
        self.ups.entry(block.clone()).or_default().push(provision);
    }

    fn start(&mut self, index: u32, change: &Change, operation: Operation, after: Vec<StepId>) {
        let id = self.step(Some(index), operation, after);
        self.starts.entry(change.address.block.clone()).or_default().push(id);
        self.ups.entry(change.address.block.clone()).or_default().push(id);
    }

    fn delete(&mut self, index: u32, change: &Change, key: ObjectKey) -> StepId {
        let id = self.step(Some(index), Operation::Delete(key), vec![]);
        self.downs.entry(change.address.block.clone()).or_default().push(id);
        let side = match change.action {
            Action::Replace => &mut self.firsts,
            _ => &mut self.lasts,
        };
        side.entry(change.address.block.clone()).or_default().push(id);
        id
    }

    fn last_up(&self, block: &BlockAddress) -> Option<StepId> {
        self.ups.get(block)?.last().copied()
    }

    fn connect(&mut self, dependencies: &Edges, removal: &Removal) {
        for (block, steps) in std::mem::take(&mut self.starts) {
            self.wait_all(&steps, (&block, dependencies, Direction::Up), |_| true);
        }
        let firsts = std::mem::take(&mut self.firsts);
        let lasts = std::mem::take(&mut self.lasts);
        let down = |block| (block, removal.dependents(), Direction::Down);
        for (block, steps) in firsts.iter().chain(&lasts) {
            self.wait_all(steps, down(block), |_| true);
        }
        let create_first = std::mem::take(&mut self.create_first);
        let mut circles = Circles {
            dependencies,
            dependents: removal.dependents(),
            firsts: &firsts,
            create_first: &create_first,
            allowed: Edges::new(),
        };
        for (block, steps) in &lasts {
            let may =
                |user: &BlockAddress| dependencies.contains_key(user) && circles.allow(block, user);
            self.wait_all(steps, (block, removal.dependents(), Direction::Up), may);
        }
    }

    /// Makes each step of a block wait for the nearest blocks, as far as they may.
    fn wait_all(
        &mut self,
        steps: &[StepId],
        way: (&BlockAddress, &Edges, Direction),
        mut may: impl FnMut(&BlockAddress) -> bool,
    ) {
        let mut known: BTreeMap<Option<ProviderRef>, Vec<BlockAddress>> = BTreeMap::new();
        for step in steps {
            let alike = self.looks_nowhere(*step).then(|| self.provider(*step).cloned());
            let found = match alike.as_ref().and_then(|alike| known.get(alike)) {
                Some(found) => found.clone(),
                None => {
                    let mut found = self.nearest(*step, way);
                    found.retain(&mut may);
                    known.extend(alike.map(|alike| (alike, found.clone())));
                    found
                }
            };
            found.iter().for_each(|block| self.wait(*step, block, way.2));
        }
    }

    /// Finds the blocks of which a step waits for some step in a direction, over those
    /// of which it waits for none.
    fn nearest(
        &self,
        step: StepId,
        (block, edges, direction): (&BlockAddress, &Edges, Direction),
    ) -> Vec<BlockAddress> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let mut open = vec![block];
        while let Some(block) = open.pop() {
            for next in edges.get(block).into_iter().flatten() {
                match seen.insert(next) {
                    true if self.awaits(step, next, direction) => found.push(next.clone()),
                    true => open.push(next),
                    false => {}
                }
            }
        }
        found.sort();
        found
    }

    fn all(&self, block: &BlockAddress, direction: Direction) -> &[StepId] {
        let all = match direction {
            Direction::Up => self.ups.get(block),
            Direction::Down => self.downs.get(block),
        };
        all.map(Vec::as_slice).unwrap_or_default()
    }

    fn awaits(&self, step: StepId, block: &BlockAddress, direction: Direction) -> bool {
        let beside = self.beside(step, block);
        let mut all = self.all(block, direction).iter();
        all.any(|id| beside.is_none() || self.provider(*id) == beside.as_ref())
    }

    /// Makes a step wait for the steps of a block in one direction: directly where it is
    /// one, by a gate where they are many.
    fn wait(&mut self, step: StepId, block: &BlockAddress, direction: Direction) {
        let beside = self.beside(step, block);
        let gate = (block.clone(), direction, beside);
        let target = match self.gates.get(&gate) {
            Some(gate) => *gate,
            None => {
                let beside = gate.2.as_ref();
                let all = self.all(block, direction).iter().copied();
                let is_meant = |id: &StepId| beside.is_none() || self.provider(*id) == beside;
                let all: Vec<StepId> = all.filter(is_meant).collect();
                match all.as_slice() {
                    [] => return,
                    [one] => *one,
                    _ => {
                        let id = self.step(None, Operation::Gate, all);
                        self.gates.insert(gate, id);
                        id
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

impl Builder<'_> {
    fn change(&self, step: StepId) -> Option<&Change> {
        self.changes.get(self.steps[step.0 as usize].change? as usize)
    }

    /// Returns the provider that a step calls.
    fn provider(&self, step: StepId) -> Option<&ProviderRef> {
        let change = self.change(step)?;
        match (&self.steps[step.0 as usize].operation, &change.before) {
            (Operation::Delete(_), Some(before)) => Some(&before.provider),
            _ => Some(&change.provider),
        }
    }

    /// Tells whether a step waits just as all others of its block on its provider do.
    fn looks_nowhere(&self, step: StepId) -> bool {
        let looks = self.change(step).into_iter().flat_map(looks);
        !looks.into_iter().any(|block| is_per_provider(block.kind))
    }

    /// Returns the one provider whose steps of a block a step waits for: its own, where
    /// either of them is made on each provider; nothing where it waits for all.
    fn beside(&self, step: StepId, block: &BlockAddress) -> Option<ProviderRef> {
        let change = self.change(step)?;
        let is_spread = is_per_provider(block.kind) || is_per_provider(change.address.kind());
        (is_spread && !looks_across(change, block)).then(|| self.provider(step).cloned())?
    }
}

/// Tells whether a change needs more of a block than the instance that it uses, such
/// as another provider's: nobody can tell from an expression.
fn looks_across(change: &Change, block: &BlockAddress) -> bool {
    looks(change).any(|reference| reference == block)
}

/// Lists what a change refers to elsewhere than where it uses keys and networks.
fn looks(change: &Change) -> impl Iterator<Item = &BlockAddress> {
    let deferred = change.after.iter().flat_map(|after| &after.deferred);
    let others = deferred.filter(|(path, _)| !USES.contains(&path.root()));
    others.flat_map(|(_, deferred)| deferred.all_references())
}

/// Keeps "delete when what used it is updated" from closing a circle. Where
/// something is deleted for its replacement, what is only to go may have to go
/// before: then it cannot wait for the updates that come after.
struct Circles<'a> {
    dependencies: &'a Edges,
    dependents: &'a Edges,
    /// Blocks of which something is deleted before its replacement is made.
    firsts: &'a BTreeMap<BlockAddress, Vec<StepId>>,
    /// Blocks of which something is deleted after its replacement was made.
    create_first: &'a BTreeSet<BlockAddress>,
    /// Deletions that wait for updates.
    allowed: Edges,
}

impl Circles<'_> {
    /// Lets the deletions of a block wait for the updates of its user, if they can.
    fn allow(&mut self, block: &BlockAddress, user: &BlockAddress) -> bool {
        let fits = self.firsts.is_empty() || !self.update_needs_deletion(user, block);
        if fits {
            self.allowed.entry(block.clone()).or_default().insert(user.clone());
        }
        fits
    }

    fn update_needs_deletion(&self, user: &BlockAddress, block: &BlockAddress) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![(user, Direction::Up)];
        while let Some((at, direction)) = open.pop() {
            if direction == Direction::Down && at == block {
                return true;
            }
            if !seen.insert((at, direction)) {
                continue;
            }
            match direction {
                Direction::Up => {
                    open.extend(after(self.dependencies, at, Direction::Up));
                    if self.firsts.contains_key(at) {
                        open.extend(after(self.dependents, at, Direction::Down));
                    }
                }
                Direction::Down => {
                    open.extend(after(self.dependents, at, Direction::Down));
                    open.extend(after(&self.allowed, at, Direction::Up));
                    open.extend(self.create_first.get(at).map(|same| (same, Direction::Up)));
                }
            }
        }
        false
    }
}

fn after<'e>(
    edges: &'e Edges,
    block: &BlockAddress,
    direction: Direction,
) -> impl Iterator<Item = (&'e BlockAddress, Direction)> {
    edges.get(block).into_iter().flatten().map(move |next| (next, direction))
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
