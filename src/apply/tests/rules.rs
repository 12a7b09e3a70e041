use std::sync::Arc;
use std::time::Duration;

use crate::apply::{OnFailure, Outcome, Stop};
use crate::diagnostic::Failure;
use crate::event::{Event, Verb};
use crate::object::{Object, OperationId, OutputValue, ProviderRef, Status};
use crate::plan::{Drift, Operation, OutputChange, Summary};
use crate::provider::ProviderErrorKind;
use crate::redact::redact;
use crate::state::Store;
use crate::value::{Type, Value};

use super::fake::Fault;
use super::stage::{Stage, address, deferred, deposed, key, reference};

fn codes(outcome: &Outcome) -> Vec<&str> {
    outcome.diagnostics.iter().map(|d| &*d.code).collect()
}

fn skipped(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Skipped { address, because, .. } => Some(format!("{address} for {}", because[0])),
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

/// Lists the steps' beginnings and ends, in order.
fn story(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::ApplyStart { address, verb, .. } => Some(format!("{verb:?} {address}")),
        Event::ApplyComplete { address, verb, .. } => Some(format!("{verb:?} {address} done")),
        Event::ApplyErrored { address, verb, .. } => Some(format!("{verb:?} {address} failed")),
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn a_create_fills_in_what_only_the_platform_knows() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.summary.add, outcome.failed), (1, 0));
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!(object.text("ipv4"), Some("10.0.0.1"));
    assert_eq!(object.text("id"), Some("r1"));
    assert_eq!(object.attributes.get("ipv6"), Some(&Value::Null(Type::String)));
    assert_eq!((object.status, object.text("status")), (Status::Ready, Some("ready")));
    assert_eq!(stage.open_operations(), []);
}

#[tokio::test(start_paused = true)]
async fn the_labels_say_whose_it_is_and_when_it_expires() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.apply().await;
    let platform = stage.platform();
    let ownership = platform.objects.values().next().unwrap().ownership.clone().unwrap();
    assert_eq!((&*ownership.project, ownership.lineage.as_str()), ("p", "l"));
    assert_eq!((ownership.address, ownership.operation.as_str()), (address("sandbox.a"), "op1"));
    assert_eq!(ownership.expires_at.unwrap().to_string(), "2027-01-15T16:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_skips_its_dependents() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    let b = stage.create("sandbox.b", &[a]);
    let gate = stage.push(None, Operation::Gate, &[b]);
    stage.provisioned("sandbox.c", &[gate]);
    stage.create("sandbox.d", &[]);
    stage.fault("create", "sandbox.a", Fault::Refused(ProviderErrorKind::NoCapacity));
    let (outcome, events) = stage.apply().await;
    assert_eq!(skipped(&events), ["sandbox.b for sandbox.a", "sandbox.c for sandbox.a"]);
    assert_eq!((outcome.failed, outcome.skipped, outcome.summary.add), (1, 2, 1));
    let problem = outcome.diagnostics.iter().next().unwrap();
    assert_eq!(problem.failure, Failure::NoCapacity);
    assert_eq!((&*problem.code, &*problem.detail), ("provider-no-capacity", "It says no."));
    assert_eq!(problem.address.as_deref(), Some("sandbox.a"));
    assert!(stage.object("sandbox.d").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_does_not_stop_others() {
    let mut stage = Stage::new();
    let other = stage.add_provider("other", 10);
    other.lock().unwrap().down = true;
    let step = stage.create("sandbox.a", &[]);
    let change = stage.plan.steps[step.0 as usize].change.unwrap();
    stage.plan.changes[change as usize].provider = ProviderRef::of("other");
    stage.create("sandbox.b", &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.failed, outcome.summary.add), (1, 1));
    assert_eq!(codes(&outcome), ["provider-unavailable"]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_not_configured_fails_only_its_own() {
    let mut stage = Stage::new();
    let step = stage.create("sandbox.a", &[]);
    let change = stage.plan.steps[step.0 as usize].change.unwrap();
    stage.plan.changes[change as usize].provider = ProviderRef::of("absent");
    stage.create("sandbox.b", &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["provider-missing"]);
    assert_eq!(outcome.summary.add, 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_than_asked_for() {
    let mut stage = Stage::new();
    stage.settings.parallelism = 3;
    for n in 0..10 {
        stage.create(&format!("sandbox.a[{n}]"), &[]);
    }
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.summary.add, stage.platform().most_in_flight), (10, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_only_waits_leaves_its_slot_to_another() {
    let mut stage = Stage::new();
    stage.settings.parallelism = 2;
    stage.platform().says_waiting = true;
    stage.platform().pace = vec![1, 50];
    (0..8).for_each(|n| {
        stage.create(&format!("sandbox.a[{n}]"), &[]);
    });
    stage.apply().await;
    assert!(stage.platform().most_in_flight > 2);
    assert!(stage.platform().most_in_flight <= 2 + 2 * 4);
}

/// On several threads, so that a call that was made too early would run at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intent_is_on_disk_before_the_call() {
    let mut stage = Stage::new();
    (0..20).for_each(|n| {
        stage.create(&format!("sandbox.a[{n}]"), &[]);
    });
    let path = stage.path();
    stage.platform().pace = vec![1];
    stage.platform().witness = Some(Arc::new(move |id: &OperationId| {
        let store = Store::open_existing_read_only(&path).unwrap().unwrap();
        assert!(store.open_operations().unwrap().iter().any(|open| open.id == *id));
    }));
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.summary.add, codes(&outcome)), (20, vec![]));
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_nothing_is_called() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.failpoint = Some(crate::state::Failpoint { transactions_left: 0, after_commit: false });
    let (outcome, events) = stage.apply().await;
    assert_eq!(codes(&outcome), ["state-unusable", "apply-stopped"]);
    assert_eq!((stage.platform().calls.len(), story(&events).len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_begins_together_is_one_transaction() {
    let mut stage = Stage::new();
    (0..10).for_each(|n| {
        stage.create(&format!("sandbox.a[{n}]"), &[]);
    });
    stage.apply().await;
    // All ten were made at the same moment, so their results landed together too.
    assert_eq!(stage.state().serial, 1);
}

#[tokio::test(start_paused = true)]
async fn provisioning_follows_and_its_records_are_kept() {
    let mut stage = Stage::new();
    stage.provisioned("sandbox.a", &[]);
    let (outcome, events) = stage.apply().await;
    assert_eq!((outcome.summary, outcome.failed), (Summary { add: 1, ..Summary::default() }, 0));
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!(object.status, Status::Ready);
    let names: Vec<_> = object.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["provision:one", "provision:two"]);
    let asked = stage.platform().asked[1].1.clone();
    assert_eq!(asked.get("ipv4"), Some(&Value::from("10.0.0.1")), "provisioning knows the address");
    let expected = ["Create sandbox.a", "Create sandbox.a done", "Provision sandbox.a"];
    assert_eq!(story(&events)[..3], expected);
}

#[tokio::test(start_paused = true)]
async fn what_provisioning_finds_out_is_kept_whether_it_ends_well_or_not() {
    for fault in [None, Some(Fault::StepFails)] {
        let mut stage = Stage::new();
        stage.provisioned("sandbox.a", &[]);
        stage.platform().finds_out = vec![("host_key".into(), Value::from("ssh-ed25519 A"))];
        if let Some(fault) = fault {
            stage.fault("provision", "sandbox.a", fault);
        }
        stage.apply().await;
        let object = stage.object("sandbox.a").unwrap();
        assert_eq!(object.text("host_key"), Some("ssh-ed25519 A"));
        assert_eq!(object.text("ipv4"), Some("10.0.0.1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_keeps_the_machine_and_the_next_apply_goes_on_there() {
    let mut stage = Stage::new();
    stage.provisioned("sandbox.a", &[]);
    stage.fault("provision", "sandbox.a", Fault::StepFails);
    let (outcome, events) = stage.apply().await;
    assert_eq!(codes(&outcome), ["not-ready"]);
    assert!(outcome.diagnostics.iter().all(|d| d.failure == Failure::NotReady));
    assert!(events.iter().any(|event| matches!(event, Event::StepFailed { .. })));
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!((object.status, object.failure.unwrap().rc), (Status::Failed, 3));

    stage.platform().faults.clear();
    (stage.plan.steps, stage.plan.changes) = (vec![], vec![]);
    stage.provision("sandbox.a");
    let (outcome, events) = stage.apply().await;
    assert_eq!((outcome.summary.change, outcome.failed), (1, 0));
    let ran = events.iter().filter(|event| matches!(event, Event::StepComplete { .. })).count();
    assert_eq!(ran, 1, "only the step that had failed");
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!((object.status, object.failure, object.steps.len()), (Status::Ready, None, 2));
}

#[tokio::test(start_paused = true)]
async fn a_new_sandbox_that_is_not_ready_is_destroyed_where_it_asks_for_that() {
    let mut stage = Stage::new();
    let step = stage.provisioned("sandbox.a", &[]);
    let ready = Value::object([("on_failure", Value::from("destroy"))]);
    let planned = stage.planned(step);
    planned.attributes = planned.attributes.with("ready", ready);
    stage.fault("provision", "sandbox.a", Fault::StepFails);
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.failed, stage.platform().objects.len()), (1, 0));
    assert_eq!(stage.state().objects, []);
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_of_an_earlier_run_is_never_destroyed_for_a_failed_step() {
    let mut stage = Stage::new();
    stage.settings.on_failure = OnFailure::DestroyNew;
    stage.existing("sandbox.a");
    stage.provision("sandbox.a");
    stage.fault("provision", "sandbox.a", Fault::StepFails);
    stage.apply().await;
    assert_eq!(stage.object("sandbox.a").unwrap().status, Status::Failed);
    assert_eq!(stage.platform().objects.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_broke_half_way_leaves_a_tainted_row() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::HalfMade);
    let (outcome, _) = stage.apply().await;
    let object = stage.object("sandbox.a").unwrap();
    assert_eq!((object.status, object.remote_id.as_str()), (Status::Tainted, "r1"));
    assert_eq!((outcome.failed, stage.open_operations().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn destroy_new_deletes_what_broke_half_way_and_brings_back_what_it_replaced() {
    let mut stage = Stage::new();
    stage.settings.on_failure = OnFailure::DestroyNew;
    stage.create("sandbox.a", &[]);
    let old = stage.existing("sandbox.b");
    stage.replace_create_first("sandbox.b", &[]);
    stage.fault("create", "sandbox.a", Fault::HalfMade);
    stage.fault("create", "sandbox.b", Fault::HalfMade);
    stage.apply().await;
    let state = stage.state();
    assert_eq!(state.objects.len(), 1);
    assert_eq!(state.current(&address("sandbox.b")).unwrap().remote_id, old.remote_id);
    assert_eq!(stage.platform().objects.keys().collect::<Vec<_>>(), [&old.remote_id]);
}

#[tokio::test(start_paused = true)]
async fn on_failure_stop_starts_nothing_more() {
    let mut stage = Stage::new();
    stage.settings.on_failure = OnFailure::Stop;
    stage.settings.parallelism = 1;
    stage.create("sandbox.a", &[]);
    stage.create("sandbox.b", &[]);
    stage.fault("create", "sandbox.a", Fault::Refused(ProviderErrorKind::Rejected));
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.failed, outcome.not_started), (1, 1));
    assert_eq!(codes(&outcome), ["provider-rejected", "apply-stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_nobody_knows_of_stays_open_and_is_not_made_twice() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::LostAfter);
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["provider-unavailable"]);
    let open = stage.open_operations();
    assert_eq!(open[0].remote_id.as_ref().unwrap().as_str(), "r1");
    stage.platform().faults.clear();
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["operation-open"]);
    assert_eq!(stage.platform().objects.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_leaves_its_operation_open() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.create("sandbox.b", &[]);
    stage.fault("create", "sandbox.a", Fault::Panic);
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.failed, outcome.summary.add), (1, 1));
    assert_eq!(stage.open_operations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_comes_back_different_is_an_error_and_kept_as_it_is() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    stage.create("sandbox.b", &[a]);
    stage.fault("create", "sandbox.a", Fault::Other("ttl"));
    let (outcome, events) = stage.apply().await;
    assert_eq!(codes(&outcome), ["provider-inconsistent"]);
    assert_eq!(stage.object("sandbox.a").unwrap().text("ttl"), Some("other"));
    assert_eq!(skipped(&events).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_deletes_and_then_creates() {
    let mut stage = Stage::new();
    let old = stage.existing("sandbox.a");
    stage.replace("sandbox.a", &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!(outcome.summary, Summary { add: 1, remove: 1, ..Summary::default() });
    assert_eq!(stage.platform().calls, ["delete sandbox.a", "create sandbox.a"]);
    assert_ne!(stage.object("sandbox.a").unwrap().remote_id, old.remote_id);
}

#[tokio::test(start_paused = true)]
async fn create_before_destroy_deletes_the_deposed_object_last() {
    let mut stage = Stage::new();
    let old = stage.existing("sandbox.a");
    stage.replace_create_first("sandbox.a", &[]);
    stage.apply().await;
    assert_eq!(stage.platform().calls, ["create sandbox.a", "delete sandbox.a"]);
    let state = stage.state();
    assert_eq!(state.objects.len(), 1);
    assert_ne!(state.objects[0].remote_id, old.remote_id);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_was_refused_brings_the_deposed_object_back() {
    let mut stage = Stage::new();
    let old = stage.existing("sandbox.a");
    stage.replace_create_first("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::Refused(ProviderErrorKind::QuotaExceeded));
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.failed, outcome.skipped), (1, 0));
    assert_eq!(stage.object("sandbox.a").unwrap().remote_id, old.remote_id);
    assert_eq!(stage.platform().calls, ["create sandbox.a"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_counts_as_deleted() {
    let mut stage = Stage::new();
    stage.existing("sandbox.a");
    stage.platform().objects.clear();
    stage.delete("sandbox.a", &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.summary.remove, outcome.failed), (1, 0));
    assert_eq!(stage.state().objects, []);
}

#[tokio::test(start_paused = true)]
async fn an_update_changes_the_row_and_nothing_else() {
    let mut stage = Stage::new();
    let before = stage.existing("sandbox.a");
    stage.update("sandbox.a", &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!(outcome.summary, Summary { change: 1, ..Summary::default() });
    let after = stage.object("sandbox.a").unwrap();
    assert_eq!((after.text("ttl"), &after.remote_id), (Some("9h"), &before.remote_id));
    assert_eq!(after.attributes.get("ipv4"), before.attributes.get("ipv4"));
}

#[tokio::test(start_paused = true)]
async fn forgetting_calls_nobody() {
    let mut stage = Stage::new();
    stage.existing("sandbox.a");
    stage.forget("sandbox.a");
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.summary.forget, stage.platform().calls.len()), (1, 0));
    assert_eq!((stage.state().objects.len(), stage.platform().objects.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_had_to_wait_is_evaluated_when_its_turn_comes() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    let b = stage.create("sandbox.b", &[a]);
    deferred(stage.planned(b), "region", reference("sandbox.a", "ipv4"));
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), [""; 0]);
    assert_eq!(stage.object("sandbox.b").unwrap().text("region"), Some("10.0.0.1"));
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_the_plan_showed_may_not_change() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    let b = stage.create("sandbox.b", &[a]);
    deferred(stage.planned(b), "region", reference("sandbox.a", "ipv4"));
    let planned = stage.planned(b);
    planned.attributes = planned.attributes.with("region", Value::from("shown"));
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["plan-inconsistent"]);
    assert!(stage.object("sandbox.b").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_secret_reaches_the_provider_and_not_the_state() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    let planned = stage.planned(a);
    let secret = Value::from("hunter2").sensitive();
    planned.attributes = planned.attributes.with("env", secret.clone());
    stage.apply().await;
    assert_eq!(stage.platform().asked[0].1.get("env"), Some(&secret));
    let stored = stage.object("sandbox.a").unwrap().attributes.get("env").cloned();
    assert_eq!(stored, Some(redact(&secret, &"l".into())));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_which_only_the_fingerprint_is_left_is_not_sent() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    let planned = stage.planned(a);
    planned.attributes = planned.attributes.with("env", Value::Redacted("abc".into()));
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["secret-not-available"]);
    assert!(stage.platform().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn outputs_are_evaluated_at_the_end_and_sensitive_ones_redacted() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    let output = |name: &str, sensitive| OutputChange {
        name: name.into(),
        sensitive,
        before: None,
        after: Some(Value::Unknown(Type::String)),
        deferred: Some(reference("sandbox.a", "ipv4")),
    };
    stage.plan.outputs = vec![output("open", false), output("secret", true)];
    let (outcome, events) = stage.apply().await;
    let open = OutputValue { value: Value::from("10.0.0.1"), sensitive: false };
    assert_eq!(outcome.outputs["open"], open);
    assert!(matches!(outcome.outputs["secret"].value, Value::Redacted(_)));
    assert_eq!(stage.state().outputs, outcome.outputs);
    let sent = events.iter().any(|e| matches!(e, Event::Outputs { outputs } if outputs.len() == 2));
    assert!(sent);
}

#[tokio::test(start_paused = true)]
async fn an_output_of_something_that_failed_keeps_its_value() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.fault("create", "sandbox.a", Fault::Refused(ProviderErrorKind::Rejected));
    let value = OutputValue { value: Value::from("old"), sensitive: false };
    let outputs = [(Arc::from("o"), value)].into();
    stage.locked().transaction(|batch| batch.set_outputs(&outputs)).unwrap();
    stage.plan.outputs = vec![OutputChange {
        name: "o".into(),
        sensitive: false,
        before: Some(Value::from("old")),
        after: Some(Value::Unknown(Type::String)),
        deferred: Some(reference("sandbox.a", "ipv4")),
    }];
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["provider-rejected"]);
    assert_eq!(stage.state().outputs, outputs);
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_row_has_moved_is_refused_by_name() {
    let mut stage = Stage::new();
    let a = stage.existing("sandbox.a");
    stage.existing("sandbox.b");
    stage.delete("sandbox.b", &[]);
    stage.locked().transaction(|batch| batch.put(&a)).unwrap();
    let (outcome, _) = stage.apply().await;
    let problem = outcome.diagnostics.iter().next().unwrap();
    assert_eq!((&*problem.code, problem.address.as_deref()), ("stale-plan", Some("sandbox.a")));
    assert!(stage.platform().calls.is_empty());
    stage.plan.based_on.remove(0);
    assert_eq!(stage.apply().await.0.summary.remove, 1, "other rows do not void it");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_refused_when_what_it_creates_is_there_by_now() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    let change = stage.plan.changes.clone();
    stage.existing("sandbox.a");
    stage.plan.based_on.clear();
    stage.plan.changes = change;
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), ["stale-plan"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_another_lineage_is_refused_unless_the_state_is_untouched() {
    let mut stage = Stage::new();
    stage.plan.lineage = "m".into();
    stage.create("sandbox.a", &[]);
    assert_eq!(stage.apply().await.0.summary.add, 1);
    assert_eq!(stage.state().lineage.as_str(), "m");
    stage.plan.lineage = "n".into();
    assert_eq!(codes(&stage.apply().await.0), ["stale-plan"]);
}

#[tokio::test(start_paused = true)]
async fn what_refresh_found_is_written_first() {
    let mut stage = Stage::new();
    let a = stage.existing("sandbox.a");
    let b = stage.existing("sandbox.b");
    let found =
        Object { attributes: a.attributes.with("ipv4", Value::from("9.9.9.9")), ..a.clone() };
    let drift = |before: Object, after: Option<Object>| Drift {
        key: before.key(),
        provider: before.provider.clone(),
        before: Box::new(before),
        after: after.map(Box::new),
        changed: vec![],
    };
    stage.plan.drift = vec![drift(a, Some(found)), drift(b, None)];
    let (outcome, _) = stage.apply().await;
    assert_eq!(codes(&outcome), [""; 0]);
    let state = stage.state();
    assert_eq!((state.objects.len(), state.serial), (1, 3));
    assert_eq!(state.objects[0].text("ipv4"), Some("9.9.9.9"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_calls_land_and_starts_nothing_new() {
    let mut stage = Stage::new();
    stage.settings.parallelism = 1;
    stage.create("sandbox.a", &[]);
    stage.create("sandbox.b", &[]);
    let stop = stage.stop.clone();
    let (applied, ()) = tokio::join!(stage.apply(), async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        stop.send_replace(Stop::Gently);
    });
    let (outcome, events) = applied;
    assert_eq!((outcome.summary.add, outcome.not_started, outcome.failed), (1, 1, 0));
    assert!(events.contains(&Event::Stopping { in_flight: 1 }));
    assert_eq!(stage.open_operations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_drops_the_calls_and_leaves_their_rows_open() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    let stop = stage.stop.clone();
    let (applied, ()) = tokio::join!(stage.apply(), async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        stop.send_replace(Stop::Now);
    });
    assert_eq!((applied.0.summary.add, stage.open_operations().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_long_call_is_heard_of_every_ten_seconds() {
    let mut stage = Stage::new();
    stage.create("sandbox.a", &[]);
    stage.platform().pace = vec![12_000];
    let (_, events) = stage.apply().await;
    let progress = |event: &&Event| matches!(event, Event::ApplyProgress { verb: Verb::Create, phase, .. } if phase.is_empty());
    // The id comes after 12 s, the end after 24 s.
    assert_eq!(events.iter().filter(progress).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_steps_wait_for_each_other_is_refused() {
    let mut stage = Stage::new();
    let a = stage.create("sandbox.a", &[]);
    let b = stage.create("sandbox.b", &[a]);
    stage.plan.steps[0].waits_for.push(b);
    assert_eq!(codes(&stage.apply().await.0), ["plan-malformed"]);
}

#[tokio::test(start_paused = true)]
async fn a_deposed_object_of_an_earlier_run_can_be_deleted() {
    let mut stage = Stage::new();
    stage.existing("sandbox.a");
    let depose =
        |batch: &mut crate::state::Batch<'_>| batch.depose(&address("sandbox.a"), &"x".into());
    stage.locked().transaction(depose).unwrap();
    stage.plan.based_on.clear();
    stage.push(None, Operation::Delete(deposed("sandbox.a", "x")), &[]);
    let (outcome, _) = stage.apply().await;
    assert_eq!((outcome.summary.remove, stage.state().objects.len()), (1, 0));
    assert_eq!(stage.platform().objects.len(), 0);
    assert!(stage.state().current(&key("sandbox.a").address).is_none());
}
