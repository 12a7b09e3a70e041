//! What `-target` and `-exclude` leave in a plan, so that it stays whole: what is
//! aimed at comes with all that it needs, what is left out with all that uses it.

use std::collections::{BTreeMap, BTreeSet};

use super::removal::{Edges, Removal, reached, reversed};
use super::{Action, Change, Mode, PlanOptions, Selector};
use crate::address::BlockAddress;

/// The selectors with the edges that they spread over.
pub struct Selection<'a> {
    pub options: &'a PlanOptions,
    pub dependencies: &'a Edges,
    pub removal: &'a Removal,
}

impl Selection<'_> {
    /// Tells whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.options.targets.is_empty() && self.options.excludes.is_empty()
    }

    /// Lists the blocks that cannot be in the plan, so that they need not be evaluated.
    pub fn left_out(&self) -> BTreeSet<BlockAddress> {
        let mut out = self.excluded();
        let targets = &self.options.targets;
        if !targets.is_empty() {
            let may_be = |block: &&BlockAddress| targets.iter().any(|t| t.may_match(block));
            let meant: BTreeSet<_> = self.dependencies.keys().filter(may_be).collect();
            let needed = reached(self.dependencies, meant.iter().copied());
            let is_out =
                |block: &&BlockAddress| !meant.contains(*block) && !needed.contains(*block);
            out.extend(self.dependencies.keys().filter(is_out).cloned());
        }
        out
    }

    /// Lists the blocks that `-exclude` leaves out with all their instances.
    fn excluded(&self) -> BTreeSet<BlockAddress> {
        let excludes = &self.options.excludes;
        let is_meant = |block: &&BlockAddress| excludes.iter().any(|e| e.means_all_of(block));
        let meant: BTreeSet<_> = self.dependencies.keys().filter(is_meant).collect();
        let users = reversed(self.dependencies);
        let users = reached(&users, meant.iter().copied());
        meant.into_iter().chain(users).cloned().collect()
    }

    /// Removes the changes that the plan is not to have.
    pub fn apply(&self, changes: &mut Vec<Change>) {
        let index = Index::of(changes);
        let mut kept = match self.options.targets.is_empty() {
            true => (0..changes.len()).collect(),
            false => self.targeted(&index),
        };
        for dropped in self.dropped(&index) {
            kept.remove(&dropped);
        }
        let mut at = 0;
        changes.retain(|_| {
            at += 1;
            kept.contains(&(at - 1))
        });
    }

    /// What is aimed at; to make it, all that it depends on; to delete it, the
    /// deletions of all that depend on it.
    fn targeted(&self, index: &Index<'_>) -> BTreeSet<usize> {
        let meant = index.matching(&self.options.targets);
        let (deleted, made): (Vec<usize>, Vec<usize>) =
            meant.iter().partition(|at| index.is_deletion(**at));
        let needed = reached(self.dependencies, made.into_iter().map(|at| index.block(at)));
        let users = deleted.into_iter().map(|at| index.block(at));
        let users = reached(self.removal.dependents(), users);
        let needed = needed.into_iter().flat_map(|block| index.of_block(block, false));
        let users = users.into_iter().flat_map(|block| index.of_block(block, true));
        let more: BTreeSet<usize> = needed.chain(users).collect();
        meant.into_iter().chain(more).collect()
    }

    /// What is left out; the making and changing of all that depends on it; and the
    /// deletion of all that living objects among these need.
    fn dropped(&self, index: &Index<'_>) -> BTreeSet<usize> {
        let users = reversed(self.dependencies);
        let mut dropped = BTreeSet::new();
        let mut open: Vec<usize> = index.matching(&self.options.excludes).into_iter().collect();
        let mut spread = BTreeSet::new();
        let unevaluated = match self.options.mode {
            Mode::Destroy => BTreeSet::new(),
            _ => self.excluded(),
        };
        for block in &unevaluated {
            self.spare(block, index, &mut open);
        }
        while let Some(at) = open.pop() {
            let block = index.block(at);
            if !dropped.insert(at) || !spread.insert((block, index.is_deletion(at))) {
                continue;
            }
            if !index.is_deletion(at) {
                let users = reached(&users, [block]);
                open.extend(users.into_iter().flat_map(|user| index.of_block(user, false)));
            }
            self.spare(block, index, &mut open);
        }
        dropped
    }

    fn spare(&self, block: &BlockAddress, index: &Index<'_>, open: &mut Vec<usize>) {
        let needed = reached(self.removal.needs(), [block]);
        open.extend(needed.into_iter().flat_map(|block| index.of_block(block, true)));
    }

    /// Tells whether a selector means a declared block or anything in the plan.
    pub fn matches_any(&self, selector: &Selector, changes: &[Change]) -> bool {
        self.dependencies.keys().any(|block| selector.may_match(block))
            || changes.iter().any(|change| is_meant(selector, change))
    }
}

fn is_meant(selector: &Selector, change: &Change) -> bool {
    let attributes = change.after_attributes().or(change.before_attributes());
    selector.matches(&change.address, attributes)
}

/// The changes by block.
struct Index<'a> {
    changes: &'a [Change],
    blocks: BTreeMap<&'a BlockAddress, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(changes: &'a [Change]) -> Self {
        let mut blocks: BTreeMap<&BlockAddress, Vec<usize>> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            blocks.entry(&change.address.block).or_default().push(at);
        }
        Self { changes, blocks }
    }

    fn block(&self, at: usize) -> &'a BlockAddress {
        &self.changes[at].address.block
    }

    fn is_deletion(&self, at: usize) -> bool {
        self.changes[at].action == Action::Delete
    }

    fn matching(&self, selectors: &[Selector]) -> BTreeSet<usize> {
        let is_meant = |at: &usize| selectors.iter().any(|s| is_meant(s, &self.changes[*at]));
        (0..self.changes.len()).filter(is_meant).collect()
    }

    /// Lists the deletions of a block, or all else that happens to it.
    fn of_block(&self, block: &BlockAddress, deletions: bool) -> Vec<usize> {
        let all = self.blocks.get(block).into_iter().flatten().copied();
        all.filter(|at| self.is_deletion(*at) == deletions).collect()
    }
}
