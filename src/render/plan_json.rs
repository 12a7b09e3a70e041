//! A plan as JSON, in the shape of `terraform show -json PLANFILE`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::diagnostic::Diagnostic;
use crate::object::{Outages, OutputValue};
use crate::plan::cost::{Cost, Span, amount};
use crate::plan::{Action, Change, Drift, Mode, OutputChange, Plan};
use crate::render::change::loses_disk;
use crate::render::left;
use crate::render::mask;
use crate::render::module_tree::{ModuleTree, named};
use crate::render::reason::action_reason;
use crate::render::state_json::{FORMAT_VERSION as STATE_FORMAT, TERRAFORM_VERSION, values};
use crate::render::words::printable;
use crate::value::{AttributePath, PathStep, Value};

/// The version of Terraform's plan JSON that ours follows.
pub const FORMAT_VERSION: &str = "1.2";

/// Returns a plan as JSON; sensitive values are null.
pub fn document(plan: &Plan) -> Json {
    json!({
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "variables": variables(plan),
        "planned_values": planned_values(plan),
        "resource_drift": plan.drift.iter().map(drift).collect::<Vec<_>>(),
        "resource_changes": plan.changes.iter().map(resource_change).collect::<Vec<_>>(),
        "output_changes": output_changes(plan),
        "prior_state": prior_state(plan),
        "configuration": { "root_module": {} },
        "timestamp": format!("{:.0}", plan.created_at),
        "applyable": applyable(plan),
        "complete": plan.left.is_empty(),
        "errored": false,
        "sandplan": extension(plan),
    })
}

fn variables(plan: &Plan) -> Json {
    let variable = |value: &Value| match value.contains_sensitive() {
        true => json!({ "value": mask::plain(value), "sensitive": true }),
        false => json!({ "value": mask::plain(value) }),
    };
    Json::Object(plan.variables.iter().map(|(n, v)| (n.to_string(), variable(v))).collect())
}

fn planned_values(plan: &Plan) -> Json {
    let mut tree = ModuleTree::default();
    let stays = |change: &&Change| {
        change.deposed.is_none() && !matches!(change.action, Action::Delete | Action::Forget)
    };
    for change in plan.changes.iter().filter(stays) {
        if let Some(planned) = &change.after {
            let mut json = named(&change.address);
            json.shift_remove("module_address");
            json.insert("provider_name".to_owned(), change.provider.to_string().into());
            json.insert("schema_version".to_owned(), planned.schema_version.into());
            json.insert("values".to_owned(), mask::plain(&planned.attributes));
            json.insert("sensitive_values".to_owned(), mask::sensitive(&planned.attributes));
            tree.add(&change.address.block.module, Json::Object(json));
        }
    }
    json!({ "outputs": planned_outputs(plan), "root_module": tree.into_json() })
}

fn planned_outputs(plan: &Plan) -> Json {
    let output = |output: &OutputChange, value: &Value| {
        let hidden = output.sensitive || value.contains_sensitive();
        let mut json = json!({ "sensitive": hidden });
        if value.is_wholly_known() {
            json["type"] = value.type_of().to_json();
            json["value"] = if output.sensitive { Json::Null } else { mask::plain(value) };
        }
        json
    };
    let planned = plan.outputs.iter().filter_map(|o| Some((o, o.after.as_ref()?)));
    Json::Object(planned.map(|(o, value)| (o.name.to_string(), output(o, value))).collect())
}

fn resource_change(change: &Change) -> Json {
    let mut json = named(&change.address);
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    if let Some(key) = &change.deposed {
        put("deposed", key.as_str().into());
    }
    put("provider_name", change.provider.to_string().into());
    let (before, after) = (change.before_attributes(), change.after_attributes());
    let mut detail = difference(actions(change.action), before, after);
    if !change.replace_because.is_empty() {
        let paths: Vec<_> = change.replace_because.iter().map(path).collect();
        detail.insert("replace_paths".to_owned(), paths.into());
    }
    put("change", Json::Object(detail));
    if let Some(reason) = action_reason(change) {
        put("action_reason", reason.into());
    }
    put("sandplan", change_extension(change));
    Json::Object(json)
}

/// Returns drift in the shape of a resource change.
pub fn drift(drift: &Drift) -> Json {
    let mut json = named(&drift.key.address);
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    if let Some(key) = &drift.key.deposed {
        put("deposed", key.as_str().into());
    }
    put("provider_name", drift.provider.to_string().into());
    let after = drift.after.as_ref().map(|object| &object.attributes);
    let action = if after.is_some() { Action::Update } else { Action::Delete };
    let detail = difference(actions(action), Some(&drift.before.attributes), after);
    put("change", Json::Object(detail));
    Json::Object(json)
}

/// Returns what Terraform says of a value before and after.
fn difference(actions: Json, before: Option<&Value>, after: Option<&Value>) -> Map<String, Json> {
    let side = |value: Option<&Value>| value.map_or(Json::Null, mask::plain);
    let sensitive = |value: Option<&Value>| value.map_or(Json::Bool(false), mask::sensitive);
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("actions", actions);
    put("before", side(before));
    put("after", side(after));
    put("after_unknown", after.map_or(json!({}), mask::unknown));
    put("before_sensitive", sensitive(before));
    put("after_sensitive", sensitive(after));
    json
}

fn actions(action: Action) -> Json {
    match action {
        Action::NoOp => json!(["no-op"]),
        Action::Create => json!(["create"]),
        // The object lives on under its id; `sandplan.loses_disk` says the rest.
        Action::Update | Action::Rebuild => json!(["update"]),
        Action::Replace => json!(["delete", "create"]),
        Action::ReplaceCreateFirst => json!(["create", "delete"]),
        Action::Delete => json!(["delete"]),
        Action::Forget => json!(["forget"]),
    }
}

fn path(path: &AttributePath) -> Json {
    let step = |step: &PathStep| match step {
        PathStep::Attribute(name) | PathStep::Key(name) => json!(name),
        PathStep::Index(at) => json!(at),
    };
    path.steps().iter().map(step).collect()
}

fn output_changes(plan: &Plan) -> Json {
    let change = |output: &OutputChange| {
        let side = |value: &Option<Value>| {
            value.clone().map(|value| if output.sensitive { value.sensitive() } else { value })
        };
        let (before, after) = (side(&output.before), side(&output.after));
        let mut json = difference(actions(output.action()), before.as_ref(), after.as_ref());
        if after.as_ref().is_none_or(Value::is_wholly_known) {
            json.insert("after_unknown".to_owned(), false.into());
        }
        Json::Object(json)
    };
    Json::Object(plan.outputs.iter().map(|o| (o.name.to_string(), change(o))).collect())
}

fn prior_state(plan: &Plan) -> Json {
    let before = |output: &OutputChange| {
        let value = output.before.clone()?;
        Some((output.name.clone(), OutputValue { value, sensitive: output.sensitive }))
    };
    let outputs: BTreeMap<_, _> = plan.outputs.iter().filter_map(before).collect();
    let objects = plan.changes.iter().filter_map(|change| change.before.as_deref());
    json!({
        "format_version": STATE_FORMAT,
        "terraform_version": TERRAFORM_VERSION,
        "values": values(objects, &outputs),
    })
}

fn applyable(plan: &Plan) -> bool {
    !plan.is_empty() || (plan.mode == Mode::RefreshOnly && !plan.drift.is_empty())
}

/// Returns why providers cannot be worked with.
pub fn outages(outages: &Outages) -> Json {
    let outage = |(provider, why): (_, &Diagnostic)| json!({ "provider": provider, "message": printable(&why.detail) });
    outages.iter().map(outage).collect()
}

/// Returns what Terraform's plan has no field for.
fn extension(plan: &Plan) -> Json {
    json!({
        "format": plan.format,
        "version": plan.version,
        "mode": plan.mode,
        "project": plan.project,
        "lineage": plan.lineage,
        "summary": plan.summary(),
        "cost": cost(&plan.changes),
        "left": plan.left.iter().map(left::json).collect::<Vec<_>>(),
        "outages": outages(&plan.outages),
        "based_on": plan.based_on.iter().map(|(key, version)| json!({
            "address": key.address, "deposed": key.deposed, "version": version,
        })).collect::<Vec<_>>(),
    })
}

/// Returns what all sandboxes cost together that the plan leaves.
fn cost(changes: &[Change]) -> Json {
    let cost = Cost::of(changes);
    let span = |span: &Span| json!({ "first": amount(&span.first), "most": amount(&span.most) });
    let totals = cost.totals.iter().map(|(currency, total)| {
        json!({
            "currency": currency,
            "sandboxes": total.sandboxes,
            "hourly": span(&total.hourly),
            "ttl": span(&total.ttl),
            "without_ttl": total.endless,
        })
    });
    json!({ "totals": totals.collect::<Vec<_>>(), "unknown": cost.unknown })
}

fn change_extension(change: &Change) -> Json {
    json!({
        "action": change.action,
        "reason": change.reason,
        "loses_disk": loses_disk(change),
        "provision": change.provision,
        "notes": change.notes,
        "price": change.price,
        "ttl": change.ttl,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Reason;
    use crate::render::sample;

    #[test]
    fn a_replacement_has_terraforms_shape() {
        let change = sample::change("sandbox.a[\"x\"]", Action::Replace, Reason::CannotUpdate)
            .before(Value::object([("region", "ash".into()), ("token", sample::secret())]))
            .after(Value::object([
                ("id", Value::Unknown(crate::value::Type::String)),
                ("region", "fsn1".into()),
                ("token", sample::secret()),
            ]))
            .forced_by(&["region"])
            .build();
        let json = serde_json::to_string_pretty(&resource_change(&change)).expect("prints");
        insta::assert_snapshot!(json, @r#"
        {
          "address": "sandbox.a[\"x\"]",
          "mode": "managed",
          "type": "sandbox",
          "name": "a",
          "index": "x",
          "provider_name": "local",
          "change": {
            "actions": [
              "delete",
              "create"
            ],
            "before": {
              "region": "ash",
              "token": null
            },
            "after": {
              "region": "fsn1",
              "token": null
            },
            "after_unknown": {
              "id": true
            },
            "before_sensitive": {
              "token": true
            },
            "after_sensitive": {
              "token": true
            },
            "replace_paths": [
              [
                "region"
              ]
            ]
          },
          "action_reason": "replace_because_cannot_update",
          "sandplan": {
            "action": "replace",
            "reason": "cannot_update",
            "loses_disk": true,
            "provision": [],
            "notes": [],
            "price": null,
            "ttl": null
          }
        }
        "#);
    }

    #[test]
    fn modules_nest_and_what_goes_is_not_planned() {
        let inside = "module.team[\"a\"].module.x.sandbox.b";
        let plan = sample::plan(vec![
            sample::change(inside, Action::Create, Reason::New)
                .after(Value::object([("a", true.into())]))
                .build(),
            sample::change("sandbox.gone", Action::Delete, Reason::Destroy)
                .before(sample::existing())
                .build(),
        ]);
        let json = document(&plan);
        insta::assert_snapshot!(json["planned_values"], @r#"{"outputs":{},"root_module":{"child_modules":[{"address":"module.team[\"a\"]","child_modules":[{"resources":[{"address":"module.team[\"a\"].module.x.sandbox.b","mode":"managed","type":"sandbox","name":"b","provider_name":"local","schema_version":1,"values":{"a":true},"sensitive_values":{}}],"address":"module.team[\"a\"].module.x"}]}]}}"#);
        assert_eq!(json["resource_changes"][0]["module_address"], "module.team[\"a\"].module.x");
        assert_eq!(
            json["prior_state"]["values"]["root_module"]["resources"][0]["address"],
            "sandbox.gone"
        );
    }

    #[test]
    fn every_reason_has_its_word() {
        let words: Vec<_> = sample::every_change()
            .iter()
            .map(|c| format!("{:?} {}", c.action, action_reason(c).unwrap_or_default()))
            .collect();
        insta::assert_snapshot!(words.join("\n"), @r#"
        NoOp 
        Create 
        Create create_because_gone
        Update 
        Update update_because_provisioning_incomplete
        Update update_because_provisioning_incomplete
        Rebuild rebuild_because_cannot_update
        Replace replace_because_cannot_update
        Replace replace_because_tainted
        Replace replace_because_expired
        Replace replace_by_request
        ReplaceCreateFirst replace_by_triggers
        Replace replace_because_provider_changed
        Delete delete_because_no_resource_config
        Delete delete_because_count_index
        Delete delete_because_each_key
        Delete delete_because_wrong_repetition
        Delete 
        Delete delete_because_expired
        Delete delete_because_deposed
        Forget delete_because_no_resource_config
        Delete
        "#);
    }
}
