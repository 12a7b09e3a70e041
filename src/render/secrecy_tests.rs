//! Checks that no printer shows a sensitive value, wherever in a value it is.

use proptest::prelude::*;

use crate::diagnostic::Sources;
use crate::event::{Event, Stamped, Subscriber};
use crate::object::{OutputValue, State};
use crate::plan::{Action, OutputChange, Plan, Reason};
use crate::render::human::{Human, HumanOptions};
use crate::render::json::JsonLines;
use crate::render::paint::Paint;
use crate::render::plan::{TextOptions, text};
use crate::render::sample::{self, SECRET};
use crate::render::{drift, plan_json, state_json, state_text, table, value};
use crate::value::{Type, Value};

/// Any value in which the secret stands only under a mark.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::from(true)),
        Just(Value::from("plain")),
        Just(Value::null()),
        Just(Value::Unknown(Type::String)),
        Just(sample::secret()),
        Just(Value::from(format!("line\n{SECRET}\n")).sensitive()),
        Just(Value::Redacted("f1".into())),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let elements = prop::collection::vec(inner.clone(), 0..4);
        let members = prop::collection::btree_map("[a-c]|id|ttl|x y", inner, 0..4);
        prop_oneof![
            elements.clone().prop_map(Value::tuple),
            elements.prop_map(|e| Value::List(Type::Dynamic, e.into())),
            members.clone().prop_map(Value::object),
            members.clone().prop_map(|m| Value::object(m).sensitive()),
            members.prop_map(|m| {
                let members = m.into_iter().map(|(k, v)| (k.into(), v)).collect();
                Value::Map(Type::Dynamic, std::sync::Arc::new(members))
            }),
        ]
    })
}

fn plan(before: &Value, after: &Value) -> Plan {
    let change = |action| {
        sample::change("sandbox.a", action, Reason::Changed)
            .before(before.clone())
            .after(after.clone())
            .build()
    };
    let actions = [Action::Update, Action::Create, Action::Delete, Action::Replace, Action::Forget];
    let output = OutputChange {
        name: "o".into(),
        sensitive: false,
        before: Some(before.clone()),
        after: Some(after.clone()),
        deferred: None,
    };
    let mut drift = sample::drifts();
    drift[0].before.attributes = before.clone();
    if let Some(object) = &mut drift[0].after {
        object.attributes = after.clone();
    }
    Plan {
        drift,
        outputs: vec![output],
        variables: [("v".into(), after.clone())].into(),
        ..sample::plan(actions.map(change).into())
    }
}

/// Everything that the printers make of two values, in one text.
fn everything(before: &Value, after: &Value) -> String {
    let plan = plan(before, after);
    let output = OutputValue { value: after.clone(), sensitive: false };
    let state = State {
        objects: vec![sample::object("sandbox.a", before.clone())],
        outputs: [("o".into(), output.clone())].into(),
        ..State::empty("l".into())
    };
    let mut found = sample::drift_findings();
    found.drift = plan.drift.clone();
    found.expired = state.objects.clone();
    let options = TextOptions { complete: true, ..sample::text_options() };
    let rows: Vec<_> = state.objects.iter().map(table::Row::of).collect();
    [
        text(&plan, &options),
        text(&plan, &sample::text_options()),
        plan_json::document(&plan).to_string(),
        state_json::document(&state, "0.1.0").to_string(),
        state_text::state(&state, Paint::new(true)),
        state_text::outputs_json(&state.outputs).to_string(),
        state_text::raw_output("o", &output).unwrap_or_else(|problem| problem.to_string()),
        value::hcl(after),
        drift::text(&found.report(), &options),
        drift::markdown(&found.report()),
        drift::json(&found.report()).to_string(),
        table::json(&rows).to_string(),
        events(&plan, &state),
    ]
    .join("\n")
}

fn events(plan: &Plan, state: &State) -> String {
    let changes = plan.changes.iter().map(|c| Event::PlannedChange { change: Box::new(c.clone()) });
    let drift = plan.drift.iter().map(|d| Event::ResourceDrift { drift: Box::new(d.clone()) });
    let rest = [
        Event::PlannedOutputs { outputs: plan.outputs.clone() },
        Event::Outputs { outputs: state.outputs.clone() },
    ];
    let (out, human) = sample::shared_writer();
    let mut first = Human::new(out, HumanOptions::new(false));
    let (out, json) = sample::shared_writer();
    let mut second = JsonLines::new(out, "0.1.0", Sources::default());
    for (sequence, event) in changes.chain(drift).chain(rest).enumerate() {
        let stamped = Stamped { at: sample::now(), sequence: sequence as u64, event };
        first.receive(&stamped);
        second.receive(&stamped);
    }
    human() + &json()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_printer_shows_a_sensitive_value(before in any_value(), after in any_value()) {
        let wrap = |value| Value::object([("id", value), ("name", sample::secret())]);
        let text = everything(&wrap(before), &wrap(after));
        prop_assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn recorded_events_replay_to_the_same_lines() {
    let events = sample::every_event();
    let recorded = serde_json::to_string(&events).expect("records");
    let replayed: Vec<Stamped> = serde_json::from_str(&recorded).expect("replays");
    let lines = |events: &[Stamped]| {
        let (out, human) = sample::shared_writer();
        let mut first = Human::new(out, HumanOptions::new(false));
        let (out, json) = sample::shared_writer();
        let mut second = JsonLines::new(out, "0.1.0", Sources::default());
        for event in events {
            first.receive(event);
            second.receive(event);
        }
        human() + &json()
    };
    assert_eq!(lines(&replayed), lines(&events));
    assert!(!lines(&events).contains(SECRET));
}
