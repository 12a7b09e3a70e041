use super::*;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::render::sample;

fn lines() -> Vec<Json> {
    let sources = Sources::default();
    sample::every_event().iter().filter_map(|event| line(event, &sources)).collect()
}

fn first(kind: &str) -> String {
    let line = lines().into_iter().find(|line| line["type"] == kind).expect(kind);
    serde_json::to_string_pretty(&line).expect("prints")
}

#[test]
fn a_planned_change_has_terraforms_shape() {
    insta::assert_snapshot!(first("planned_change"), @r#"
    {
      "@level": "info",
      "@message": "sandbox.new: Plan to create",
      "@module": "sandplan.ui",
      "@timestamp": "2026-03-01T12:00:07.000000Z",
      "change": {
        "resource": {
          "addr": "sandbox.new",
          "module": "",
          "resource": "sandbox.new",
          "implied_provider": "local",
          "resource_type": "sandbox",
          "resource_name": "new",
          "resource_key": null
        },
        "action": "create"
      },
      "type": "planned_change"
    }
    "#);
}

#[test]
fn a_completed_step_has_terraforms_shape() {
    insta::assert_snapshot!(first("apply_complete"), @r#"
    {
      "@level": "info",
      "@message": "sandbox.a: Creation complete after 12s [id=sb-1]",
      "@module": "sandplan.ui",
      "@timestamp": "2026-03-01T12:00:36.000000Z",
      "hook": {
        "resource": {
          "addr": "sandbox.a",
          "module": "",
          "resource": "sandbox.a",
          "implied_provider": "",
          "resource_type": "sandbox",
          "resource_name": "a",
          "resource_key": null
        },
        "action": "create",
        "id_key": "id",
        "id_value": "sb-1",
        "elapsed_seconds": 12.3
      },
      "type": "apply_complete"
    }
    "#);
}

#[test]
fn our_own_events_have_types_of_their_own() {
    let kinds: Vec<_> =
        lines().iter().map(|l| format!("{} {}", l["type"], l["@message"])).collect();
    insta::assert_snapshot!(kinds.join("\n"), @r#"
    "refresh_start" "local: Refreshing sandbox objects..."
    "refresh_complete" "local: Refreshed 3 sandbox objects after 0s"
    "resource_drift" "sandbox.changed: Drift detected (update)"
    "resource_drift" "sandbox.gone: Drift detected (delete)"
    "orphan" "local: Orphan sandbox lost-panda [id=sb-9] carries our labels and is in no state"
    "expired" "sandbox.old: Expired at 2026-03-01T12:00:00Z"
    "planned_change" "sandbox.new: Plan to create"
    "planned_change" "sandbox.gone: Plan to create"
    "planned_change" "sandbox.changed: Plan to update"
    "planned_change" "sandbox.half: Plan to update"
    "planned_change" "sandbox.waiting: Plan to update"
    "planned_change" "sandbox.image: Plan to rebuild"
    "planned_change" "sandbox.region: Plan to replace"
    "planned_change" "sandbox.tainted: Plan to replace"
    "planned_change" "sandbox.old: Plan to replace"
    "planned_change" "sandbox.asked: Plan to replace"
    "planned_change" "sandbox.triggered: Plan to replace"
    "planned_change" "sandbox.moved: Plan to replace"
    "planned_change" "sandbox.removed: Plan to delete"
    "planned_change" "sandbox.many[1]: Plan to delete"
    "planned_change" "sandbox.many[\"x\"]: Plan to delete"
    "planned_change" "sandbox.many: Plan to delete"
    "planned_change" "sandbox.all: Plan to delete"
    "planned_change" "sandbox.past: Plan to delete"
    "planned_change" "sandbox.triggered: Plan to delete"
    "planned_change" "sandbox.kept: Plan to remove"
    "planned_change" "module.team[\"a\"].ssh_key.laptop[\"hetzner\"]: Plan to delete"
    "left_alone" "sandbox.db on hetzner.eu: left as it is"
    "outputs" "Outputs: 7"
    "change_summary" "Plan: 8 to add, 4 to change, 14 to destroy, 1 to forget."
    "settling" "An earlier run was cut off during 2 operations; waiting 5s for what it had sent."
    "recovered" "sandbox.b: Recovered the creation that an earlier run left open: its object was found and is in the state now"
    "apply_start" "sandbox.a: Creating..."
    "apply_progress" "sandbox.a: Still creating... [0s elapsed, waiting for ssh]"
    "apply_progress" "sandbox.a: Still creating... [10s elapsed, waiting for ssh]"
    "apply_complete" "sandbox.a: Creation complete after 12s [id=sb-1]"
    "apply_start" "sandbox.a: Provisioning... [id=sb-1]"
    "provision_step" "sandbox.a: Provisioning: file /etc/motd ok (0.0s)"
    "step_output" "sandbox.a (install): added 12 packages\\u001b[2J"
    "provision_step" "sandbox.a: Provisioning: step install ok (3.2s)"
    "provision_step" "sandbox.a: Provisioning: step apt-install failed with exit code 100 (61.0s)"
    "step_failed" "sandbox.a: Provisioning: step apt-install failed with exit code 100"
    "apply_errored" "sandbox.a: Provisioning errored after 1m15s"
    "skipped" "sandbox.b: Modifications skipped because of sandbox.a"
    "apply_start" "sandbox.c: Destroying... [id=sb-1]"
    "stopping" "Stopping: no new step starts; waiting for 1 call in flight. Interrupt again to abandon them."
    "apply_complete" "sandbox.c: Destruction complete after 1h1m40s"
    "diagnostic" "Error: Provisioning failed"
    "change_summary" "Apply incomplete. Resources: 1 added, 0 changed, 1 destroyed; 1 failed, 1 skipped."
    "change_summary" "Destroy complete! Resources: 1 destroyed."
    "outputs" "Outputs: 3"
    "#);
}

#[test]
fn an_applied_output_hides_what_is_sensitive() {
    insta::assert_snapshot!(first("outputs").lines().count(), @r#"37"#);
    let applied = lines().into_iter().rfind(|l| l["type"] == "outputs").expect("outputs");
    insta::assert_snapshot!(applied["outputs"], @r#"{"motd":{"sensitive":false,"type":"string","value":"hello\nworld\n"},"ssh":{"sensitive":true,"type":["object",{"a":"string","key":"string"}],"value":{"a":"ssh a","key":null}},"token":{"sensitive":true,"type":"string","value":null}}"#);
}

#[test]
fn a_problem_comes_with_the_source_that_it_is_about() {
    let text = "sandbox \"a\" {\n  imgae = \"x\"\n}\n";
    let source = Source::new("sandboxes.hcl", text);
    let mut sources = Sources::default();
    sources.add(source.clone());
    let problem = Diagnostic::error("unknown-attribute", "Unsupported argument")
        .detail("There is no argument `imgae` here.")
        .hint("did you mean `image`?".to_owned())
        .at(source.range(16..21));
    let all = validate(&Diagnostics::from(problem), &sources);
    insta::assert_snapshot!(serde_json::to_string_pretty(&all).expect("prints"), @r#"
    {
      "format_version": "1.0",
      "valid": false,
      "error_count": 1,
      "warning_count": 0,
      "diagnostics": [
        {
          "severity": "error",
          "summary": "Unsupported argument",
          "detail": "There is no argument `imgae` here.",
          "code": "unknown-attribute",
          "hint": "did you mean `image`?",
          "range": {
            "filename": "sandboxes.hcl",
            "start": {
              "line": 2,
              "column": 3,
              "byte": 16
            },
            "end": {
              "line": 2,
              "column": 8,
              "byte": 21
            }
          },
          "snippet": {
            "context": "sandbox \"a\"",
            "code": "  imgae = \"x\"",
            "start_line": 2,
            "highlight_start_offset": 2,
            "highlight_end_offset": 7,
            "values": []
          }
        }
      ]
    }
    "#);
}

#[test]
fn the_first_line_tells_the_version() {
    let (out, text) = sample::shared_writer();
    let mut json = JsonLines::new(out, "0.1.0", Sources::default());
    sample::every_event().iter().for_each(|event| json.receive(event));
    let text = text();
    let line: Json = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&line["type"], &line["sandplan"]), (&json!("version"), &json!("0.1.0")));
    assert!(text.lines().all(|line| serde_json::from_str::<Json>(line).is_ok()));
}
