//! What holds for every configuration and every state.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::fixture::*;
use super::generate::{Block, aged, fates, program, text};
use crate::address::BlockAddress;
use crate::engine::saved;
use crate::graph::{Desired, is_per_provider};
use crate::object::{Prior, ProviderRef};
use crate::plan::{Action, Mode, Operation, Plan, PlanOptions, Step};

/// A few cases; as many as `PROPTEST_CASES` says where it is set.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    let is_asked = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if is_asked { default.cases } else { 32 };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..default }
}

/// What a file made, and what time made of that.
fn lived(
    before: &[Block],
    seed: u64,
    fates: &[(prop::sample::Index, super::generate::Fate)],
) -> Prior {
    let prior = nothing();
    aged(apply(&plan_of(&text(before), &prior), &prior, seed), fates)
}

fn assert_empty(plan: &Plan) {
    assert_eq!(summary(plan), Vec::<String>::new());
    let outputs: Vec<_> = plan.outputs.iter().filter(|o| o.action() != Action::NoOp).collect();
    assert_eq!(outputs, Vec::<&crate::plan::OutputChange>::new());
    assert!(plan.is_empty());
}

fn assert_sound(plan: &Plan) {
    for (index, step) in plan.steps.iter().enumerate() {
        assert_eq!(step.id.0 as usize, index);
        for id in &step.waits_for {
            assert!((id.0 as usize) < plan.steps.len() && *id != step.id, "{step:?}");
        }
        let is_gate = step.operation == Operation::Gate;
        assert_eq!(step.change.is_none(), is_gate);
        assert!(step.change.is_none_or(|c| (c as usize) < plan.changes.len()));
    }
    execution(plan, 0);
    let json = serde_json::to_string(plan).expect("writes");
    let read: Plan = serde_json::from_str(&json).expect("reads");
    assert_eq!(&read, plan);
}

fn is_up(step: &Step) -> bool {
    matches!(step.operation, Operation::Create { .. } | Operation::Update | Operation::Provision)
}

fn block_of<'a>(plan: &'a Plan, step: &Step) -> Option<&'a BlockAddress> {
    Some(&plan.changes.get(step.change? as usize)?.address.block)
}

/// Returns the provider that a step calls.
fn provider_of<'a>(plan: &'a Plan, step: &Step) -> Option<&'a ProviderRef> {
    let change = plan.changes.get(step.change? as usize)?;
    match (&step.operation, &change.before) {
        (Operation::Delete(_), Some(before)) => Some(&before.provider),
        _ => Some(&change.provider),
    }
}

/// Tells whether two steps have to do with each other: who uses an SSH key or a
/// network uses the one on his own provider.
fn meet(plan: &Plan, one: &Step, other: &Step) -> bool {
    let is_spread = |step| block_of(plan, step).is_some_and(|b| is_per_provider(b.kind));
    !(is_spread(one) || is_spread(other)) || provider_of(plan, one) == provider_of(plan, other)
}

/// Whatever a block reaches, over any number of edges.
fn reached(
    edges: &BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
    from: &BlockAddress,
) -> BTreeSet<BlockAddress> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(block) = open.pop() {
        for next in edges.get(block).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    found
}

/// Ups come after what their blocks depend on, over blocks without steps, too.
fn assert_ups_in_order(plan: &Plan, desired: &Desired) {
    let waits = waits(plan);
    for step in plan.steps.iter().filter(|step| is_up(step)) {
        let needs = reached(desired.all_dependencies(), block_of(plan, step).expect("a block"));
        for needed in plan.steps.iter().filter(|step| is_up(step)) {
            if block_of(plan, needed).is_some_and(|block| needs.contains(block))
                && meet(plan, step, needed)
            {
                assert!(
                    waits[step.id.0 as usize].contains(&needed.id),
                    "{step:?} does not wait for {needed:?}: {:#?}",
                    plan.steps
                );
            }
        }
    }
}

/// Within one replacement: the old goes before the new, or the other way round.
fn assert_replacements_in_order(plan: &Plan) {
    let waits = waits(plan);
    let step = |index: usize, wanted: fn(&Operation) -> bool| {
        plan.steps.iter().find(|s| s.change == Some(index as u32) && wanted(&s.operation))
    };
    for (index, change) in plan.changes.iter().enumerate().filter(|(_, c)| c.action.is_replace()) {
        let delete = step(index, |o| matches!(o, Operation::Delete(_))).expect("a deletion");
        let create = step(index, |o| matches!(o, Operation::Create { .. })).expect("a creation");
        let (first, second) = match change.action {
            Action::Replace => (delete, create),
            _ => (create, delete),
        };
        assert!(waits[second.id.0 as usize].contains(&first.id));
    }
}

/// Deletions come after those of what depends on it, as far as nobody says the opposite.
fn assert_downs_in_order(plan: &Plan, rows: &Prior) {
    let waits = waits(plan);
    let mut edges: BTreeMap<BlockAddress, BTreeSet<BlockAddress>> = BTreeMap::new();
    for object in &rows.state.objects {
        let needs = edges.entry(object.address.block.clone()).or_default();
        needs.extend(object.depends_on.iter().filter(|b| **b != object.address.block).cloned());
    }
    let is_circular = |block: &BlockAddress| reached(&edges, block).contains(block);
    if edges.keys().any(is_circular) {
        return;
    }
    let deletes = || plan.steps.iter().filter(|s| matches!(s.operation, Operation::Delete(_)));
    for user in deletes() {
        let needs = reached(&edges, block_of(plan, user).expect("a block"));
        let is_used = |s: &&Step| block_of(plan, s).is_some_and(|b| needs.contains(b));
        for used in deletes().filter(is_used).filter(|used| meet(plan, user, used)) {
            assert!(waits[used.id.0 as usize].contains(&user.id), "{used:?} before {user:?}");
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_was_applied_needs_no_change(before in program(), seed: u64) {
        let prior = lived(&before, seed, &[]);
        assert_empty(&plan_of(&text(&before), &prior));
    }

    #[test]
    fn an_apply_brings_any_state_to_what_is_desired(
        before in program(), after in program(), fates in fates(), seed: u64,
    ) {
        let prior = lived(&before, seed, &fates);
        let file = text(&after);
        let plan = plan_of(&file, &prior);
        assert_sound(&plan);
        assert_eq!(plan_of(&file, &prior), plan);
        let desired = desired(&file).expect("sound");
        assert_ups_in_order(&plan, &desired);
        assert_replacements_in_order(&plan);
        assert_downs_in_order(&plan, &prior);
        let after = Prior::unrefreshed(apply(&plan, &prior, seed));
        assert_empty(&plan_of(&file, &after));
        prop_assert!(!serde_json::to_string(&after.state).expect("writes").contains("hunter2"));
    }

    #[test]
    fn a_destroy_plan_deletes_everything_once_and_users_first(
        before in program(), after in program(), fates in fates(), seed: u64,
    ) {
        let prior = lived(&before, seed, &fates);
        let options = PlanOptions { mode: Mode::Destroy, ..PlanOptions::default() };
        let plan = plan_with(&text(&after), &prior, &options).expect("a plan");
        assert_sound(&plan);
        assert_downs_in_order(&plan, &prior);
        prop_assert_eq!(plan.changes.len(), prior.objects.len());
        let state = apply(&plan, &prior, seed);
        prop_assert_eq!(state.objects, vec![]);
        prop_assert!(state.outputs.is_empty());
    }

    #[test]
    fn a_plan_of_a_part_leaves_nothing_broken_and_the_rest_to_do(
        before in program(), after in program(), fates in fates(), seed: u64,
        name in prop::sample::select(&["m", "c", "x", "a[0]", "k[*]", "*", "[*"][..]),
        excludes: bool,
    ) {
        let prior = lived(&before, seed, &fates);
        let file = text(&after);
        let selector = format!("sandbox.{name}");
        let options = match excludes {
            true => excluding(&[&selector]),
            false => targeting(&[&selector]),
        };
        let whole = plan_of(&file, &prior);
        let part = plan_with(&file, &prior, &options).expect("a plan");
        assert_sound(&part);
        for change in &part.changes {
            prop_assert!(whole.changes.contains(change), "{:?} is not in the whole", change);
        }
        let half = Prior::unrefreshed(apply(&part, &prior, seed));
        let rest = Prior::unrefreshed(apply(&plan_of(&file, &half), &half, seed));
        assert_empty(&plan_of(&file, &rest));
    }

    #[test]
    fn a_plan_file_holds_no_secret_and_is_made_whole_again(
        before in program(), after in program(), fates in fates(), seed: u64,
    ) {
        let prior = lived(&before, seed, &fates);
        let file = text(&after);
        let plan = plan_of(&file, &prior);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("plan");
        saved::write(&plan, &path).expect("writes");
        let written = std::fs::read_to_string(&path).expect("reads");
        prop_assert!(!written.contains("hunter2"));
        let mut read = saved::read(&path).expect("reads");
               saved::complete(&mut read, plan.clone()).expect("completes");
        prop_assert_eq!(&read.steps, &plan.steps);
        let (mine, its) = (apply(&plan, &prior, seed), apply(&read, &prior, seed));
        prop_assert_eq!(mine, its);
    }
}
