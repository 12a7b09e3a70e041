//! Draws a state, an object, or outputs for people, as `terraform show` and
//! `terraform output` do.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::object::{Object, OutputValue, State, Status};
use crate::render::change::title;
use crate::render::diff::{DiffOptions, Differ, Entry, Pair};
use crate::render::json;
use crate::render::paint::Paint;
use crate::render::value::{hcl, key};
use crate::value::Value;

/// Outputs by name.
pub type Outputs = BTreeMap<Arc<str>, OutputValue>;

/// Draws a whole state: every object, then the outputs.
pub fn state(state: &State, paint: Paint) -> String {
    if state.objects.is_empty() && state.outputs.is_empty() {
        return "The state is empty. No resources are represented.\n".to_owned();
    }
    let objects: Vec<_> = state.objects.iter().map(|o| object(o, paint)).collect();
    let mut text = objects.join("\n");
    if !state.outputs.is_empty() {
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(&format!("{}\n\n{}", paint.bold("Outputs:"), shown_outputs(&state.outputs)));
    }
    text
}

/// Draws one object as a block.
pub fn object(object: &Object, paint: Paint) -> String {
    let block = &object.address.block;
    let status = match object.status {
        Status::Ready => String::new(),
        other => format!(" ({})", other.as_str()),
    };
    let title = title(&object.address, object.deposed.as_ref());
    let head = paint.bold(&format!("# {title}:{status}"));
    let members = object.attributes.as_attributes();
    let attributes = members.into_iter().flat_map(|members| members.iter());
    let shown: Vec<_> = attributes
        .map(|(name, value)| (key(name), Pair::same(value).without_nulls()))
        .filter(|(_, pair)| !pair.is_void())
        .collect();
    let body = draw(&shown, 2, true, paint);
    format!("{head}\n{} \"{}\" {{\n{body}}}\n", block.kind, block.name)
}

fn shown_outputs(outputs: &Outputs) -> String {
    let shown = |output: &OutputValue| match output.sensitive {
        true => output.value.clone().sensitive(),
        false => output.value.clone(),
    };
    let values: Vec<_> = outputs.iter().map(|(name, o)| (key(name), shown(o))).collect();
    let pairs: Vec<_> = values.iter().map(|(n, v)| (n.clone(), Pair::same(v))).collect();
    // Two columns are those of the symbols, of which there are none.
    let text = draw(&pairs, 0, false, Paint::default());
    text.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect()
}

fn draw(members: &[(String, Pair<'_>)], column: usize, hide_nulls: bool, paint: Paint) -> String {
    let options = DiffOptions { paint, width: 80, hide_unchanged: false, hide_nulls, cut: false };
    let entries: Vec<_> =
        members.iter().map(|(name, pair)| Entry { name, pair: *pair, remark: None }).collect();
    let mut differ = Differ::new(options, column);
    differ.entries(&entries, 0, "attribute");
    differ.finish()
}

/// Returns what `output -json` prints for all outputs; sensitive values are null.
pub fn outputs_json(outputs: &Outputs) -> Json {
    let outputs = outputs.iter().map(|(name, value)| (name.to_string(), json::output(value)));
    Json::Object(outputs.collect::<Map<_, _>>())
}

/// Finds an output by its name.
pub fn find_output<'a>(outputs: &'a Outputs, name: &str) -> Result<&'a OutputValue, Diagnostics> {
    outputs.get(name).ok_or_else(|| {
        let detail = format!(
            "The state has no output named `{name}`. An output that was added to the \
             configuration is there after the next apply."
        );
        let known = outputs.keys().map(|known| &**known);
        Diagnostic::error("unknown-output", "Output not found")
            .detail(detail)
            .hint(did_you_mean(name, known))
            .into()
    })
}

/// Returns an output's value as plain JSON.
pub fn output_json(name: &str, output: &OutputValue) -> Result<Json, Diagnostics> {
    if output.sensitive || output.value.contains_sensitive() {
        return Err(not_raw(name, "it is sensitive, and sandplan keeps no sensitive values"));
    }
    Ok(output.value.to_json())
}

/// Returns an output's value as a script wants it: text without quotes or newline.
pub fn raw_output(name: &str, output: &OutputValue) -> Result<String, Diagnostics> {
    if output.sensitive || output.value.contains_sensitive() {
        return Err(not_raw(name, "it is sensitive, and sandplan keeps no sensitive values"));
    }
    match &output.value {
        Value::String(text) => Ok(text.to_string()),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Ok(hcl(scalar)),
        Value::Null(_) => Err(not_raw(name, "it is null")),
        other => {
            let kind = other.type_of();
            Err(not_raw(
                name,
                &format!(
                    "only strings, numbers and booleans can be printed raw, not {kind}; use -json"
                ),
            ))
        }
    }
}

fn not_raw(name: &str, why: &str) -> Diagnostics {
    Diagnostic::error("unsupported-raw-output", "Unsupported value for raw output")
        .detail(format!("The value of output `{name}` cannot be printed raw: {why}."))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Lineage;
    use crate::render::sample;

    fn sample_state() -> State {
        let output = |value, sensitive| OutputValue { value, sensitive };
        let ssh = Value::string_map([("ada", "ssh a"), ("lin", "ssh b")]);
        State {
            objects: vec![
                Object {
                    status: Status::Failed,
                    ..sample::object("sandbox.review[\"ada\"]", sample::existing())
                },
                Object {
                    deposed: Some("1f2e3d4c".into()),
                    ..sample::object("network.agents", Value::object([("id", "n-1".into())]))
                },
            ],
            outputs: [
                ("motd".into(), output("a\nb\n".into(), false)),
                ("ssh".into(), output(ssh, false)),
                ("token".into(), output(sample::SECRET.into(), true)),
            ]
            .into(),
            ..State::empty(Lineage::from("l"))
        }
    }

    #[test]
    fn a_state_is_drawn_as_blocks() {
        insta::assert_snapshot!(state(&sample_state(), Paint::new(false)), @r#"
        # sandbox.review["ada"]: (failed)
        sandbox "review" {
            env       = {
                "REVIEWER" = "ada"
                "TOKEN"    = (sensitive value)
            }
            file      = {
                "/home/agent/.gitconfig" = {
                    content = <<-EOT
                        [user]
                          name = ada
                    EOT
                }
            }
            id        = "sb-1"
            image     = "ubuntu-22.04"
            name      = "review-ada"
            packages  = ["jq", "ripgrep"]
            provision = [
                {
                    name = "install"
                    run  = ["bash", "-lc", "cd ~/fixtures && npm ci"]
                },
            ]
            status    = "ready"
            ttl       = "4h"
        }

        # network.agents (deposed object 1f2e3d4c):
        network "agents" {
            id = "n-1"
        }

        Outputs:

        motd  = <<-EOT
            a
            b
        EOT
        ssh   = {
            "ada" = "ssh a"
            "lin" = "ssh b"
        }
        token = (sensitive value)
        "#);
        insta::assert_snapshot!(state(&State::empty("l".into()), Paint::new(false)), @r#"The state is empty. No resources are represented."#);
    }

    #[test]
    fn raw_outputs_are_scalars_that_are_not_secret() {
        let outputs = sample_state().outputs;
        let raw = |name: &str| {
            let output = find_output(&outputs, name)?;
            raw_output(name, output)
        };
        assert_eq!(raw("motd").as_deref(), Ok("a\nb\n"));
        let problems: Vec<_> =
            ["ssh", "token", "moth"].map(|n| raw(n).expect_err(n).to_string()).into();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        Unsupported value for raw output: The value of output `ssh` cannot be printed raw: only strings, numbers and booleans can be printed raw, not map(string); use -json.
        Unsupported value for raw output: The value of output `token` cannot be printed raw: it is sensitive, and sandplan keeps no sensitive values.
        Output not found: The state has no output named `moth`. An output that was added to the configuration is there after the next apply. (did you mean `motd`?)
        "#);
    }
}
