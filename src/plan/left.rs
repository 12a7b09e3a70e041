//! What a plan leaves alone because a provider cannot be worked with: what is
//! there, what would depend on it, and what it still needs. The rest is planned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::removal::{Removal, reached};
use super::{Action, Change, PlanOptions};
use crate::address::{Address, BlockAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{DesiredResource, is_per_provider};
use crate::object::{DeposedKey, Object, ObjectKey, Outages, ProviderRef};
use crate::value::Value;

/// Something that the plan leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<DeposedKey>,
    /// The provider that has the object, or would have it.
    pub provider: ProviderRef,
    /// The state has an object, which stays as it is; otherwise none is made.
    pub exists: bool,
    /// The provider that cannot be worked with.
    pub outage: ProviderRef,
    /// Why that matters, where the provider is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
}

/// By what something has to do with another provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// It depends on this, which is not there yet.
    DependsOn(Address),
    /// This still depends on it.
    NeededBy(Address),
    /// It is to move away from there.
    MovesFrom(ProviderRef),
}

/// What is left alone so far, while a plan is made.
pub(super) struct Leaving<'a> {
    outages: &'a Outages,
    options: &'a PlanOptions,
    found: Vec<Left>,
    /// What `-target` and `-exclude` leave out, as indices.
    unmeant: BTreeSet<usize>,
    /// What is not there and will not be made, as indices by block.
    missing: BTreeMap<BlockAddress, Vec<usize>>,
}

impl<'a> Leaving<'a> {
    pub(super) fn new(outages: &'a Outages, options: &'a PlanOptions) -> Self {
        let (found, unmeant, missing) = Default::default();
        Self { outages, options, found, unmeant, missing }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Tells whether an instance has to be left alone, and leaves it. `needed` are the
    /// blocks that its block depends on; those have been planned. What exists may be
    /// changed though something is missing that it depends on: see [`Self::lacks`].
    pub(super) fn leaves(
        &mut self,
        instance: &DesiredResource,
        object: Option<&Object>,
        needed: Option<&BTreeSet<BlockAddress>>,
    ) -> bool {
        if self.outages.is_empty() {
            return false;
        }
        let DesiredResource { address, provider, decoded } = instance;
        let home = object.map_or(provider, |object| &object.provider);
        let is_out = |provider: &&ProviderRef| self.outages.contains_key(*provider);
        let why = if is_out(&home) {
            Some((home.clone(), (home != provider).then(|| Through::MovesFrom(home.clone()))))
        } else if is_out(&provider) {
            Some((provider.clone(), None))
        } else {
            let needed = needed.into_iter().flatten().filter(|_| object.is_none());
            let mut missing = needed.filter_map(|block| self.missing(block, provider));
            missing.next().map(depends_on).map(|(outage, through)| (outage, Some(through)))
        };
        let Some((outage, through)) = why else { return false };
        let (address, provider, exists) = (address.clone(), home.clone(), object.is_some());
        let left = Left { address, deposed: None, provider, exists, outage, through };
        self.add(left, &decoded.attributes);
        true
    }

    /// Tells whether a change needs what is missing to be evaluated, and leaves it then.
    pub(super) fn lacks(&mut self, change: &Change) -> bool {
        let Some(after) = change.after.as_ref().filter(|_| change.action != Action::NoOp) else {
            return false;
        };
        let deferred = after.deferred.iter();
        let needed: BTreeSet<_> = deferred.flat_map(|(_, d)| d.all_references()).collect();
        let is_needed = |block: &&BlockAddress| needed.contains(*block);
        let mut missing = self.missing.keys().filter(is_needed);
        let missing = missing.find_map(|block| self.missing(block, &change.provider));
        let Some((outage, through)) = missing.map(depends_on) else { return false };
        let left = Left {
            address: change.address.clone(),
            deposed: None,
            provider: change.provider.clone(),
            exists: change.before.is_some(),
            outage,
            through: Some(through),
        };
        self.add(left, &after.attributes);
        true
    }

    /// Leaves an object that is to go where its provider cannot be worked with.
    pub(super) fn keeps(&mut self, object: &Object) -> bool {
        let is_out = self.outages.contains_key(&object.provider);
        if is_out {
            let left = left_object(object, (object.provider.clone(), None));
            self.add(left, &object.attributes);
        }
        is_out
    }

    /// Takes out of a plan the deletions of what objects need that are left alone.
    pub(super) fn spare(
        &mut self,
        changes: &mut Vec<Change>,
        removal: &Removal,
        objects: &[Object],
    ) {
        let by_key: BTreeMap<ObjectKey, &Object> =
            objects.iter().map(|object| (object.key(), object)).collect();
        let mut at = 0;
        while let Some(left) = self.found.get(at).cloned() {
            at += 1;
            if left.exists {
                let needed = reached(removal.needs(), [&left.address.block]);
                let is_needed = |change: &Change| {
                    change.action == Action::Delete
                        && needed.contains(&change.address.block)
                        && meets(&change.address.block, &change.provider, &left.provider)
                };
                let spared = changes.extract_if(.., |change| is_needed(change));
                let spared = spared.filter_map(|change| by_key.get(&change.key()).copied());
                let through = Some(Through::NeededBy(left.address.clone()));
                let why = (left.outage.clone(), through);
                let spared: Vec<Left> = spared.map(|o| left_object(o, why.clone())).collect();
                self.found.extend(spared);
            }
        }
    }

    /// Returns what is left alone, in address order, as far as it is meant.
    pub(super) fn finish(self) -> Vec<Left> {
        let all = self.found.into_iter().enumerate();
        let meant = all.filter(|(at, _)| !self.unmeant.contains(at));
        let mut found: Vec<Left> = meant.map(|(_, left)| left).collect();
        found.sort_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
        found
    }

    fn add(&mut self, left: Left, attributes: &Value) {
        if !self.options.means(&left.address, attributes) {
            self.unmeant.insert(self.found.len());
        }
        if !left.exists {
            let block = left.address.block.clone();
            self.missing.entry(block).or_default().push(self.found.len());
        }
        self.found.push(left);
    }

    /// Finds what is missing of a block for those on a provider.
    fn missing(&self, block: &BlockAddress, provider: &ProviderRef) -> Option<&Left> {
        let missing = self.missing.get(block)?.iter().map(|at| &self.found[*at]);
        missing.into_iter().find(|left| meets(block, &left.provider, provider))
    }
}

/// Tells whether an instance of a block on a provider concerns those on another: of
/// what is made once on each provider, everyone uses the one beside him.
fn meets(block: &BlockAddress, one: &ProviderRef, other: &ProviderRef) -> bool {
    !is_per_provider(block.kind) || one == other
}

fn depends_on(missing: &Left) -> (ProviderRef, Through) {
    (missing.outage.clone(), Through::DependsOn(missing.address.clone()))
}

fn left_object(object: &Object, (outage, through): (ProviderRef, Option<Through>)) -> Left {
    Left {
        address: object.address.clone(),
        deposed: object.deposed.clone(),
        provider: object.provider.clone(),
        exists: true,
        outage,
        through,
    }
}

/// Says what was left undone, one error for each provider that is the reason.
pub fn undone(left: &[Left], outages: &Outages) -> Diagnostics {
    let problem = |(provider, why): (&ProviderRef, &Diagnostic)| {
        let left: Vec<&Left> = left.iter().filter(|left| left.outage == *provider).collect();
        left.first()?;
        let (kept, missing) = left.into_iter().partition(|left| left.exists);
        let (kept, missing) = (listed(kept, "Left as it is"), listed(missing, "Not made"));
        let detail = format!(
            "{}{kept}{missing} Nothing else was held up. Run the same command again when \
             `{provider}` can be worked with, or leave these out with `-exclude`.",
            sentence(&why.detail)
        );
        let summary = "A provider cannot be worked with";
        let problem = Diagnostic::error("provider-unreachable", summary);
        Some(problem.detail(detail).failure(why.failure))
    };
    outages.iter().filter_map(problem).collect()
}

/// Lists addresses, and counts those beyond the fifth; nothing for none.
fn listed(left: Vec<&Left>, title: &str) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = left.into_iter().map(|left| left.address.to_string()).collect();
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => String::new(),
        count if count > SHOWN => format!(" {title}: {shown} and {} more.", count - SHOWN),
        _ => format!(" {title}: {shown}."),
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
