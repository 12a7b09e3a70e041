//! Whatever the moment of a kill: nothing is lost, and nothing is there twice.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use crate::object::RemoteId;
use crate::plan::StepId;
use crate::provider::ProviderErrorKind;
use crate::state::Failpoint;

use super::fake::Fault;
use super::stage::{Stage, address};

/// What happens to one resource.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Create,
    CreateAndProvision,
    Update,
    Delete,
    Replace,
    ReplaceCreateFirst,
}

#[derive(Debug, Clone)]
struct Case {
    /// With the resource that it waits for, and how its calls go wrong.
    deeds: Vec<(Deed, Option<prop::sample::Index>, Option<Fault>)>,
    pace: Vec<u64>,
    parallelism: usize,
    destroy_new: bool,
    /// The transaction at which the process is killed, and whether it lands.
    kill: (u32, bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop::sample::select(vec![
        Deed::Create,
        Deed::CreateAndProvision,
        Deed::Update,
        Deed::Delete,
        Deed::Replace,
        Deed::ReplaceCreateFirst,
    ])
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    let fault = prop::sample::select(vec![
        Fault::Refused(ProviderErrorKind::NoCapacity),
        Fault::HalfMade,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Other("ttl"),
        Fault::StepFails,
    ]);
    prop::option::weighted(0.4, fault)
}

fn case() -> impl Strategy<Value = Case> {
    let deeds =
        prop::collection::vec((deed(), any::<Option<prop::sample::Index>>(), fault()), 1..7);
    let pace = prop::collection::vec(1..60u64, 1..7);
    (deeds, pace, 1..4usize, any::<bool>(), (0..30u32, any::<bool>())).prop_map(
        |(deeds, pace, parallelism, destroy_new, kill)| Case {
            deeds,
            pace,
            parallelism,
            destroy_new,
            kill,
        },
    )
}

fn staged(case: &Case) -> Stage {
    let mut stage = Stage::new();
    stage.settings.parallelism = case.parallelism;
    if case.destroy_new {
        stage.settings.on_failure = crate::apply::OnFailure::DestroyNew;
    }
    stage.platform().pace = case.pace.clone();
    let mut ends: Vec<StepId> = Vec::new();
    for (number, (deed, on, fault)) in case.deeds.iter().enumerate() {
        let at = format!("sandbox.a[{number}]");
        let after: Vec<_> = on.iter().filter(|_| !ends.is_empty()).map(|i| *i.get(&ends)).collect();
        if !matches!(deed, Deed::Create | Deed::CreateAndProvision) {
            stage.existing(&at);
        }
        ends.push(match deed {
            Deed::Create => stage.create(&at, &after),
            Deed::CreateAndProvision => stage.provisioned(&at, &after),
            Deed::Update => stage.update(&at, &after),
            Deed::Delete => stage.delete(&at, &after),
            Deed::Replace => stage.replace(&at, &after),
            Deed::ReplaceCreateFirst => stage.replace_create_first(&at, &after),
        });
        for verb in ["create", "update", "delete", "provision"] {
            if let Some(fault) = fault {
                stage.platform().faults.insert((verb, address(&at)), fault.clone());
            }
        }
    }
    let (transactions_left, after_commit) = case.kill;
    stage.failpoint = Some(Failpoint { transactions_left, after_commit });
    stage
}

/// Lists what rows name, and fails if two name the same.
fn in_state(stage: &Stage) -> BTreeSet<RemoteId> {
    let objects = stage.state().objects;
    let ids: BTreeSet<_> = objects.iter().map(|object| object.remote_id.clone()).collect();
    assert_eq!(ids.len(), objects.len(), "two rows for one object: {objects:?}");
    ids
}

fn check_nothing_is_lost(stage: &Stage) {
    let (rows, open) = (in_state(stage), stage.open_operations());
    for (id, object) in &stage.platform().objects {
        let by = object.ownership.as_ref().map(|ownership| &ownership.operation);
        let journaled = open.iter().any(|o| Some(&o.id) == by || o.remote_id.as_ref() == Some(id));
        assert!(rows.contains(id) || journaled, "{id} is lost; rows {rows:?}, open {open:?}");
    }
}

fn check_state_is_the_platform(stage: &Stage) {
    let live: BTreeSet<_> = stage.platform().objects.keys().cloned().collect();
    assert_eq!(in_state(stage), live);
    assert_eq!(stage.open_operations(), []);
}

async fn live_through(case: &Case) {
    let mut stage = staged(case);
    stage.apply().await;
    // What had been sent to the platform is carried out, though nobody waits for it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    check_nothing_is_lost(&stage);
    let (warnings, _) = stage.recover().await;
    assert!(warnings.is_empty(), "{warnings}");
    check_state_is_the_platform(&stage);
    let operations: Vec<_> = {
        let platform = stage.platform();
        let ownerships = platform.objects.values().filter_map(|object| object.ownership.clone());
        ownerships.map(|ownership| ownership.operation).collect()
    };
    let distinct: BTreeSet<_> = operations.iter().collect();
    assert_eq!(distinct.len(), operations.len(), "an operation made two objects");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live_through(&case));
    }
}
