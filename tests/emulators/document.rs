//! Answers against the API's own document, where it is at hand
//! (`../shared/specs`), with the changes that came after it.

use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::client::{get, make_server, order, send, start};
use crate::hetzner::Running;
use crate::quick;

struct Document(Value);

impl Document {
    fn find() -> Option<Self> {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let mut files = above.map(|at| at.join("shared/specs/hcloud-openapi.json"));
        let text = std::fs::read_to_string(files.find(|file| file.exists())?).unwrap();
        let mut document = serde_json::from_str(&text).unwrap();
        modernise(&mut document);
        Some(Self(document))
    }

    /// The schema of an answer; where the document gives none, nothing.
    fn validator(&self, method: &str, template: &str, status: u16) -> Option<Validator> {
        let operation = &self.0["paths"][template][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {template} is not in the document");
        let schema = &operation["responses"][status.to_string()]["content"]["application/json"];
        let mut schema = schema["schema"].as_object()?.clone();
        schema.insert("components".to_owned(), self.0["components"].clone());
        Some(jsonschema::validator_for(&Value::Object(schema)).unwrap())
    }
}

/// Turns OpenAPI 3.0 into JSON Schema, and February 2026 into today.
fn modernise(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(modernise),
        Value::Object(_) => {
            modernise_required(value);
            if value["description"]
                .as_str()
                .is_some_and(|d| d.starts_with("Type of resource the Primary IP"))
            {
                value["enum"] = json!(["server", "unassigned"]);
            }
            if value["nullable"] == true {
                allow_null(value);
            }
            value.as_object_mut().unwrap().values_mut().for_each(modernise);
        }
        _ => {}
    }
}

/// Servers and primary IPs have no datacenter any more.
fn modernise_required(value: &mut Value) {
    if let Some(required) = value.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != "datacenter");
    }
}

fn allow_null(value: &mut Value) {
    value.as_object_mut().unwrap().remove("nullable");
    let inner = value.take();
    *value = json!({"anyOf": [{"type": "null"}, inner]});
}

/// Sends a request to the path with `{id}` filled in and holds the answer
/// against the document.
async fn check(document: &Document, to: &Running, call: (&str, &str, u64), body: Value) -> Value {
    let (method, template, id) = call;
    let path = template.replace("{id}", &id.to_string());
    let reply = send(to, method, &path, body).await.unwrap();
    assert!(reply.status < 300, "{method} {path}: {}", reply.body);
    let bare = template.split('?').next().unwrap();
    if let Some(validator) = document.validator(method, bare, reply.status) {
        let problems = validator.iter_errors(&reply.body);
        let problems: Vec<String> =
            problems.map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(problems.is_empty(), "{method} {template}: {problems:#?}");
    }
    reply.body
}

#[tokio::test]
async fn answers_have_the_shape_of_the_apis_own_document() {
    let Some(document) = Document::find() else {
        eprintln!("skipped: hcloud-openapi.json is not at hand");
        return;
    };
    let to = start(quick()).await;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVleGFt x";
    let key = json!({"name": "key", "public_key": key, "labels": {"a": "b"}});
    check(&document, &to, ("POST", "/ssh_keys", 0), key).await;
    let rules = json!([{"direction": "in", "protocol": "icmp", "source_ips": ["::/0"]}]);
    let wall = json!({"name": "wall", "rules": rules, "apply_to": [
        {"type": "label_selector", "label_selector": {"selector": "a=b"}},
    ]});
    check(&document, &to, ("POST", "/firewalls", 0), wall).await;
    let group = json!({"name": "group", "type": "spread"});
    let group = check(&document, &to, ("POST", "/placement_groups", 0), group).await;
    let mut order = order("web");
    order["labels"] = json!({"a": "b"});
    order["placement_group"] = group["placement_group"]["id"].clone();
    check(&document, &to, ("POST", "/servers", 0), order).await;
    let ip = json!({"name": "ip", "type": "ipv6", "location": "ash", "assignee_type": "server"});
    check(&document, &to, ("POST", "/primary_ips", 0), ip).await;
    check_server_actions(&document, &to).await;
    for list in [
        "servers",
        "ssh_keys",
        "firewalls",
        "images",
        "primary_ips",
        "placement_groups",
        "locations",
        "server_types",
        "servers/actions",
        "pricing",
    ] {
        check(&document, &to, ("GET", &format!("/{list}"), 0), Value::Null).await;
    }
}

async fn check_server_actions(document: &Document, to: &Running) {
    let id = make_server(to, order("changing")).await["id"].as_u64().unwrap();
    let image = json!({"image": "debian-12"});
    for (action, body) in [
        ("shutdown", Value::Null),
        ("poweroff", Value::Null),
        ("change_type", json!({"server_type": "cpx42", "upgrade_disk": true})),
        ("reboot", Value::Null),
        ("rebuild", image),
        ("create_image", json!({"description": "snapshot"})),
        ("change_protection", json!({"delete": false, "rebuild": false})),
    ] {
        let template = format!("/servers/{{id}}/actions/{action}");
        check(document, to, ("POST", &template, id), body).await;
        let path = format!("/servers/{id}");
        crate::client::until(to, &path, |body| body["server"]["locked"] == false).await;
    }
    check(document, to, ("GET", "/servers/{id}", id), Value::Null).await;
    check(document, to, ("PUT", "/servers/{id}", id), json!({"name": "other"})).await;
    check(document, to, ("GET", "/servers/{id}/actions", id), Value::Null).await;
    check(document, to, ("DELETE", "/servers/{id}", id), Value::Null).await;
}

#[tokio::test]
async fn what_changed_after_the_document_is_as_it_is_today() {
    let to = start(quick()).await;
    let server = make_server(&to, order("today")).await;
    assert_eq!(server.get("datacenter"), None);
    let gone = get(&to, "/datacenters").await;
    assert_eq!((gone.status, gone.code()), (410, "deprecated_api_endpoint"));
    let types = get(&to, "/server_types?name=cpx31").await.body;
    let ash = types["server_types"][0]["locations"].as_array().unwrap();
    let ash = ash.iter().find(|place| place["name"] == "ash").unwrap();
    assert_eq!((&ash["available"], &ash["recommended"]), (&json!(false), &json!(false)));
    assert_eq!(ash["deprecation"]["unavailable_after"], "2025-12-31T00:00:00Z");
    assert_eq!(get(&to, "/actions").await.code(), "deprecated_api_endpoint");
}
