//! Checks that what is printed as JSON is what `schema/` says.

use jsonschema::Validator;
use serde_json::Value as Json;

use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Sources};
use crate::object::{Object, OutputValue, State, Status};
use crate::plan::{Action, Mode, Plan};
use crate::render::{drift, json, plan_json, sample, state_json, state_text, table};
use crate::value::Value;

fn schema(name: &str) -> Validator {
    let path = format!("{}/schema/{name}-v1.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let schema: Json = serde_json::from_str(&text).expect(&path);
    assert_eq!(schema["$id"], format!("sandplan/{name}-v1.json"));
    assert!(jsonschema::meta::is_valid(&schema), "{path} is no schema");
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).expect(&path)
}

/// Prints and reads back, as a consumer would, then validates.
fn check(schema: &Validator, document: &Json) {
    let read: Json = serde_json::from_str(&document.to_string()).expect("JSON");
    let problems: Vec<_> =
        schema.iter_errors(&read).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(problems.is_empty(), "{}\n{document:#}", problems.join("\n"));
}

fn state() -> State {
    let output = |value, sensitive| OutputValue { value, sensitive };
    let objects = vec![
        Object {
            status: Status::Failed,
            failure: Some(sample::failure()),
            ..sample::object("module.m[\"a\"].sandbox.a[0]", sample::existing())
        },
        Object {
            status: Status::Tainted,
            deposed: Some("1f2e3d4c".into()),
            depends_on: vec!["network.agents".parse().expect("an address")],
            ..sample::object("sandbox.b", sample::existing())
        },
    ];
    let outputs = [
        ("ssh".into(), output(Value::object([("key", sample::secret())]), false)),
        ("token".into(), output(sample::secret(), true)),
    ];
    State { objects, outputs: outputs.into(), ..State::empty("5c1f6a8e".into()) }
}

#[test]
fn plans_are_as_their_schema_says() {
    let schema = schema("plan");
    check(&schema, &plan_json::document(&sample::full_plan()));
    check(&schema, &plan_json::document(&sample::plan(Vec::new())));
    for mode in [Mode::Destroy, Mode::RefreshOnly] {
        check(&schema, &plan_json::document(&Plan { mode, ..sample::full_plan() }));
    }
    let based_on = vec![(sample::drifts()[0].key.clone(), 3)];
    check(&schema, &plan_json::document(&Plan { based_on, ..sample::full_plan() }));
}

#[test]
fn states_and_outputs_are_as_their_schemas_say() {
    let state = state();
    check(&schema("state"), &state_json::document(&state, "0.1.0"));
    check(&schema("state"), &state_json::document(&State::empty("l".into()), "0.1.0"));
    check(&schema("output"), &state_text::outputs_json(&state.outputs));
}

#[test]
fn every_line_of_the_machine_readable_ui_is_as_its_schema_says() {
    let schema = schema("ui");
    check(&schema, &json::version_line(sample::now(), "0.1.0"));
    for event in sample::every_event() {
        if let Some(line) = json::line(&event, &Sources::default()) {
            check(&schema, &line);
        }
    }
}

#[test]
fn problems_are_as_their_schema_says() {
    let source = Source::new("sandboxes.hcl", "sandbox \"a\" {\n  imgae = 1\n}");
    let mut sources = Sources::default();
    sources.add(source.clone());
    let problem = |range| Diagnostic::error("unknown-attribute", "Unsupported").at(range);
    let mut problems = Diagnostics::from(problem(source.range(16..21)).address("sandbox.a"));
    problems.push(Diagnostic::warning("lonely", "Nowhere").hint("try `x`".to_owned()));
    problems.push(problem(source.range(0..99)));
    problems.push(problem(source.range(99..99)));
    check(&schema("validate"), &json::validate(&problems, &sources));
    check(&schema("validate"), &json::validate(&Diagnostics::new(), &sources));
}

#[test]
fn lists_and_drift_are_as_their_schemas_say() {
    let rows: Vec<_> = state().objects.iter().map(table::Row::of).collect();
    check(&schema("list"), &table::json(&rows));
    check(&schema("drift"), &drift::json(&sample::drift_findings().report()));
    check(&schema("drift"), &drift::json(&sample::DriftFindings::default().report()));
}

#[test]
fn a_document_of_another_shape_is_refused() {
    let mut document = plan_json::document(&sample::full_plan());
    document["surprise"] = true.into();
    assert!(!schema("plan").is_valid(&document));
    let mut line = json::version_line(sample::now(), "0.1.0");
    line["type"] = "surprise".into();
    assert!(!schema("ui").is_valid(&line));
}

#[test]
fn the_schemas_know_every_resource_type_and_action() {
    let text =
        std::fs::read_to_string(format!("{}/schema/plan-v1.json", env!("CARGO_MANIFEST_DIR")))
            .expect("the schema");
    for kind in ResourceType::ALL {
        assert!(text.contains(&format!("\"{kind}\"")), "{kind}");
    }
    for action in [Action::NoOp, Action::Rebuild, Action::ReplaceCreateFirst, Action::Forget] {
        let word = serde_json::to_string(&action).expect("JSON");
        assert!(text.contains(&word), "{word}");
    }
}
