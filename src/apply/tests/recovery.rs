use std::time::Duration;

use crate::diagnostic::Severity;
use crate::event::{Event, Recovery};
use crate::object::{Object, Status};
use crate::plan::Operation;
use crate::provider::ProviderErrorKind;

use super::fake::{Fault, record};
use super::stage::{Stage, address};

fn outcomes(events: &[Event]) -> Vec<Recovery> {
    let outcome = |event: &Event| match event {
        Event::Recovered { outcome, .. } => Some(*outcome),
        _ => None,
    };
    events.iter().filter_map(outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn a_create_that_had_happened_is_adopted_with_what_was_planned() {
    let mut stage = Stage::new();
    stage.provisioned("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::LostAfter);
    stage.apply().await;
    let (warnings, events) = stage.recover().await;
    assert_eq!((warnings.len(), outcomes(&events)), (0, vec![Recovery::Adopted]));
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!((object.status, object.text("ttl")), (Status::Provisioning, Some("8h")));
    assert_eq!((object.text("ipv4"), object.schema_version), (Some("10.0.0.1"), 1));
    assert_eq!(stage.open_operations(), []);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_after_its_sender_was_killed_is_waited_for() {
    for (verb, outcome, rows) in [
        ("create", Recovery::Adopted, 1),
        ("update", Recovery::Adopted, 1),
        ("delete", Recovery::Deleted, 0),
    ] {
        let mut stage = Stage::new();
        stage.platform().lag = Duration::from_secs(5);
        match verb {
            "create" => drop(stage.create("sandbox.a", &[])),
            "update" => {
                stage.existing("sandbox.a");
                stage.update("sandbox.a", &[]);
            }
            _ => {
                stage.existing("sandbox.a");
                stage.delete("sandbox.a", &[]);
            }
        }
        stage.fault(verb, "sandbox.a", Fault::Late(Duration::from_secs(4)));
        stage.apply().await;
        let (_, events) = stage.recover().await;
        assert_eq!(events.first(), Some(&Event::Settling { operations: 1, seconds: 5.0 }));
        assert_eq!((outcomes(&events), stage.state().objects.len()), (vec![outcome], rows));
        if verb == "update" {
            assert_eq!(stage.object("sandbox.a").unwrap().text("ttl"), Some("9h"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_to_have_happened_is_not_waited_for() {
    let mut stage = Stage::new();
    stage.platform().lag = Duration::from_secs(5);
    stage.create("sandbox.a", &[]);
    stage.existing("sandbox.b");
    stage.delete("sandbox.b", &[]);
    stage.fault("create", "sandbox.a", Fault::LostAfter);
    stage.fault("delete", "sandbox.b", Fault::LostAfter);
    stage.apply().await;
    let (_, events) = stage.recover().await;
    assert_eq!(outcomes(&events), [Recovery::Adopted, Recovery::Deleted]);
    assert!(!events.iter().any(|event| matches!(event, Event::Settling { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_had_not_happened_is_closed() {
    let mut stage = Stage::new();
    let old = stage.existing("sandbox.a");
    stage.replace_create_first("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::LostBefore);
    stage.apply().await;
    assert!(stage.object("sandbox.a").is_none(), "it is deposed until somebody knows");
    let (_, events) = stage.recover().await;
    assert_eq!(outcomes(&events), [Recovery::NothingHappened]);
    assert_eq!(stage.object("sandbox.a").unwrap().remote_id, old.remote_id);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_adopted_though_one_of_another_type_has_its_number() {
    let mut stage = Stage::new();
    let server = stage.existing("sandbox.a");
    stage.create("network.n", &[]);
    stage.fault("create", "network.n", Fault::LostAfter);
    stage.apply().await;
    let made = stage.platform().objects.keys().last().unwrap().clone();
    let same_number = Object { remote_id: made.clone(), ..server };
    stage.locked().transaction(|batch| batch.put(&same_number)).unwrap();
    let (_, events) = stage.recover().await;
    assert_eq!(outcomes(&events), [Recovery::Adopted]);
    assert_eq!(stage.object("network.n").unwrap().remote_id, made);
}

#[tokio::test(start_paused = true)]
async fn one_listing_settles_all_operations_of_a_type() {
    let mut stage = Stage::new();
    for n in 0..20 {
        stage.create(&format!("sandbox.a[{n}]"), &[]);
        stage.fault("create", &format!("sandbox.a[{n}]"), Fault::LostAfter);
    }
    stage.apply().await;
    stage.platform().calls.clear();
    stage.recover().await;
    assert_eq!(stage.platform().calls, ["list sandbox"]);
    assert_eq!(stage.state().objects.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_cannot_be_asked_leaves_the_operation_open_with_a_warning() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::LostAfter);
    stage.apply().await;
    stage.platform().down = true;
    let (warnings, events) = stage.recover().await;
    assert_eq!(outcomes(&events), [Recovery::Unsure]);
    assert!(warnings.iter().all(|warning| warning.severity == Severity::Warning));
    assert!(warnings.to_string().contains("It is down."), "{warnings}");
    assert_eq!(stage.open_operations().len(), 1);
    stage.platform().down = false;
    stage.recover().await;
    assert!(stage.object("sandbox.a").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_settled_by_whether_the_object_is_there() {
    for (fault, outcome, rows) in [
        (Fault::LostAfter, Recovery::Deleted, 0),
        (Fault::LostBefore, Recovery::NothingHappened, 1),
    ] {
        let mut stage = Stage::new();
        stage.existing("sandbox.a");
        stage.delete("sandbox.a", &[]);
        stage.fault("delete", "sandbox.a", fault);
        stage.apply().await;
        assert_eq!(stage.state().objects.len(), 1);
        let (_, events) = stage.recover().await;
        assert_eq!((outcomes(&events), stage.state().objects.len()), (vec![outcome], rows));
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_is_settled_by_reading_the_object_again() {
    let mut stage = Stage::new();
    stage.existing("sandbox.a");
    stage.update("sandbox.a", &[]);
    stage.fault("update", "sandbox.a", Fault::LostAfter);
    stage.apply().await;
    assert_eq!(stage.object("sandbox.a").unwrap().text("ttl"), Some("8h"));
    stage.recover().await;
    assert_eq!(stage.object("sandbox.a").unwrap().text("ttl"), Some("9h"));
    assert_eq!(stage.open_operations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_nobody_knows_of_is_made_again_whatever_is_asked_for_then() {
    let mut stage = Stage::new();
    stage.existing("sandbox.a");
    stage.rebuild("sandbox.a");
    stage.fault("update", "sandbox.a", Fault::LostBefore);
    stage.apply().await;
    stage.recover().await;
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!(object.text("image"), Some("(being rebuilt)"));
    assert_eq!(stage.open_operations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_forgets_what_was_done_and_keeps_what_is_done_after_it() {
    let mut stage = Stage::new();
    let before = stage.existing("sandbox.a");
    let old = Object { steps: vec![record("provision:old", 0)], ..before };
    stage.locked().transaction(|batch| batch.put(&old)).unwrap();
    stage.plan.based_on = vec![(old.key(), stage.object("sandbox.a").unwrap().version)];
    let rebuild = stage.rebuild("sandbox.a");
    let change = stage.plan.steps[rebuild.0 as usize].change;
    stage.push(change, Operation::Provision, &[rebuild]);
    stage.apply().await;
    let object = stage.object("sandbox.a").unwrap();
    let done: Vec<&str> = object.steps.iter().map(|step| &*step.name).collect();
    assert_eq!(done, ["provision:one", "provision:two"]);
    assert_eq!((object.status, object.text("image")), (Status::Ready, Some("new")));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_was_refused_leaves_the_row_as_it_was() {
    let mut stage = Stage::new();
    let before = stage.existing("sandbox.a");
    stage.rebuild("sandbox.a");
    stage.fault("update", "sandbox.a", Fault::Refused(ProviderErrorKind::Rejected));
    stage.apply().await;
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!(Object { version: before.version, ..object }, before);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_provisioning_keeps_its_records() {
    let mut stage = Stage::new();
    stage.provisioned("sandbox.a", &[]);
    stage.platform().pace = vec![50];
    // begun · id · made, provisioning begun · first step; then the process is killed.
    stage.failpoint = Some(crate::state::Failpoint { transactions_left: 3, after_commit: true });
    stage.apply().await;
    let (_, events) = stage.recover().await;
    assert_eq!(outcomes(&events), [Recovery::NothingHappened]);
    let state = stage.state();
    let object = state.current(&address("sandbox.a")).unwrap();
    assert_eq!((object.status, object.steps.len()), (Status::Provisioning, 1));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_appears_where_another_is_by_now_becomes_deposed() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::LostAfter);
    stage.apply().await;
    stage.existing("sandbox.a");
    stage.recover().await;
    let state = stage.state();
    assert_eq!(state.objects.len(), 2);
    assert!(state.objects.iter().any(|object| object.deposed.is_some()));
}
