//! The state as JSON, in the shape of `terraform show -json`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::object::{Object, OutputValue, State, Status};
use crate::render::json::output;
use crate::render::mask;
use crate::render::module_tree::{ModuleTree, named};

/// The version of Terraform's state JSON that ours follows.
pub const FORMAT_VERSION: &str = "1.0";
/// The Terraform whose JSON ours follows; its tools look for the field to tell
/// what they read (Trivy's detection, for one, asks for no other).
pub const TERRAFORM_VERSION: &str = "1.11.4";

/// Returns a state as JSON; sensitive values are null.
pub fn document(state: &State, version: &str) -> Json {
    json!({
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "values": values(&state.objects, &state.outputs),
        "sandplan": {
            "version": version,
            "lineage": state.lineage,
            "serial": state.serial,
        },
    })
}

/// Returns objects and outputs as the `values` of a state.
pub fn values<'a>(
    objects: impl IntoIterator<Item = &'a Object>,
    outputs: &BTreeMap<Arc<str>, OutputValue>,
) -> Json {
    let mut tree = ModuleTree::default();
    for object in objects {
        tree.add(&object.address.block.module, resource(object));
    }
    let outputs: Map<_, _> = outputs.iter().map(|(n, o)| (n.to_string(), output(o))).collect();
    json!({ "outputs": outputs, "root_module": tree.into_json() })
}

fn resource(object: &Object) -> Json {
    let mut json = named(&object.address);
    json.shift_remove("module_address");
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("provider_name", object.provider.to_string().into());
    put("schema_version", object.schema_version.into());
    put("values", mask::plain(&object.attributes));
    put("sensitive_values", mask::sensitive(&object.attributes));
    if !object.depends_on.is_empty() {
        put("depends_on", json!(object.depends_on));
    }
    if object.status == Status::Tainted {
        put("tainted", true.into());
    }
    if let Some(key) = &object.deposed {
        put("deposed_key", key.as_str().into());
    }
    put("sandplan", extension(object));
    Json::Object(json)
}

/// Returns what Terraform has no field for.
fn extension(object: &Object) -> Json {
    let mut json = json!({
        "id": object.remote_id,
        "status": object.status,
        "version": object.version,
        "steps": object.steps,
    });
    if let Some(failure) = &object.failure {
        json["failure"] = json!(failure);
    }
    json
}
