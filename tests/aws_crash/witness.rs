//! What the platform holds, held against what sandplan knows.

use std::collections::{BTreeMap, BTreeSet};

use sandplan::provider::cloud::labels::ANY;
use serde_json::Value;

use crate::crash::stage::Stage;

/// The lists of the platform, and the types of our addresses.
const KINDS: [(&str, &str, &str); 4] = [
    ("instances", "sandbox", "instanceId"),
    ("key_pairs", "ssh_key", "keyPairId"),
    ("security_groups", "network", "groupId"),
    ("images", "snapshot", "imageId"),
];

/// Lists objects of ours; instances that are not ended.
fn ours(stage: &Stage, list: &str) -> Vec<Value> {
    let objects = stage.objects();
    let is_ours = |object: &&Value| {
        let is_ended =
            ["terminated", "shutting-down"].contains(&object["_state"].as_str().unwrap_or(""));
        object["_tags"]["sandplan-project"].is_string() && !is_ended
    };
    objects[list].as_array().unwrap().iter().filter(is_ours).cloned().collect()
}

/// An object of ours on the platform.
struct Held {
    kind: &'static str,
    id: String,
    address: String,
    operation: String,
}

fn held(stage: &Stage) -> Vec<Held> {
    let mut all = Vec::new();
    for (list, kind, id) in KINDS {
        for object in ours(stage, list) {
            let labels = serde_json::from_value(object["_tags"].clone()).unwrap();
            let owner = ANY.ownership(&labels).unwrap_or_else(|| panic!("whose is {object}?"));
            let (address, operation) = (owner.address.to_string(), owner.operation.to_string());
            all.push(Held {
                kind,
                id: format!("eu-central-1/{}", object[id].as_str().unwrap()),
                address,
                operation,
            });
        }
    }
    all
}

/// Returns the rows of the state: type and id, with the address.
fn known(stage: &Stage) -> BTreeMap<(String, String), String> {
    let state = stage.state();
    let mut query = state.prepare("SELECT address, remote_id FROM resource").unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let rows = query.query_map([], row).unwrap().map(Result::unwrap);
    let key = |(address, id): (String, String)| {
        let kind = address.split('.').next().unwrap_or_default().to_owned();
        ((kind, id), address)
    };
    rows.map(key).collect()
}

/// Whatever the platform holds is in the state, or in an open operation.
pub fn nothing_is_lost(stage: &Stage, context: &str) {
    let held = held(stage);
    if !stage.has_state() {
        return assert!(held.is_empty(), "there is no state; {context}");
    }
    let (known, open) = (known(stage), stage.open_operations());
    for Held { kind, id, address, operation } in held {
        let is_open =
            open.iter().any(|(_, o, remote)| *o == operation || remote.as_ref() == Some(&id));
        let is_known = known.contains_key(&(kind.to_owned(), id.clone()));
        assert!(is_known || is_open, "{kind} {id} of {address} is lost; {context}");
    }
}

/// The platform holds the desired objects, each once; the state knows them and
/// nothing else; nothing is left to do; and what was provisioned is there.
pub fn exactly_what_is_desired(stage: &Stage, context: &str) {
    let held = held(stage);
    let addresses: BTreeSet<&str> = held.iter().map(|object| &*object.address).collect();
    assert_eq!(addresses, desired().iter().map(|a| &**a).collect(), "{context}");
    assert_eq!(held.len(), addresses.len(), "none is there twice; {context}");
    let alive = held.iter().map(|o| ((o.kind.to_owned(), o.id.clone()), o.address.clone()));
    assert_eq!(alive.collect::<BTreeMap<_, _>>(), known(stage), "{context}");
    assert_eq!(stage.open_operations(), [], "the journal is settled; {context}");
    stage.succeeds(&["plan", "-detailed-exitcode"]);
    for instance in ours(stage, "instances") {
        looks_right(stage, &instance, context);
    }
    for image in ours(stage, "images") {
        assert_eq!(image["imageState"], "available", "{context}");
    }
}

fn desired() -> BTreeSet<String> {
    let boxes = (0..3).map(|n| format!("sandbox.box[\"b{n}\"]"));
    let twins = (0..2).map(|n| format!("sandbox.twin[{n}]"));
    let others = ["ssh_key.ours[\"aws\"]", "network.walls[\"aws\"]", "snapshot.warm"];
    boxes.chain(twins).chain(others.map(str::to_owned)).collect()
}

fn looks_right(stage: &Stage, instance: &Value, context: &str) {
    assert_eq!(instance["_state"], "running", "{context}");
    assert_eq!(instance["instanceType"], "t3.large", "{context}");
    assert_eq!(instance["groupSet"].as_array().map(Vec::len), Some(1), "{context}");
    // It is reached with the host key that is pinned now.
    let tags = serde_json::from_value(instance["_tags"].clone()).unwrap();
    let address = ANY.ownership(&tags).unwrap().address.to_string();
    let both = "test -s number && cmp number mark";
    stage.succeeds(&["exec", &address, "--", "sh", "-c", both]);
}

/// The platform holds nothing, and the state knows nothing.
pub fn nothing_is_left(stage: &Stage) {
    for list in ["instances", "key_pairs", "security_groups", "images", "snapshots", "volumes"] {
        assert_eq!(ours(stage, list), [] as [Value; 0], "{list}");
    }
    assert!(known(stage).is_empty());
    assert_eq!(stage.open_operations(), []);
}
