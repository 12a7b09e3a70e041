//! What the platform holds, held against what sandplan knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sandplan::provider::cloud::labels::WORDS;
use serde_json::Value;

use crate::crash::stage::Stage;

/// The lists of the platform, and the types of our addresses.
const KINDS: [(&str, &str); 4] = [
    ("servers", "sandbox"),
    ("ssh_keys", "ssh_key"),
    ("firewalls", "network"),
    ("images", "snapshot"),
];

/// An object of ours on the platform.
struct Held {
    kind: &'static str,
    id: String,
    address: String,
    operation: String,
}

fn held(stage: &Stage) -> Vec<Held> {
    let objects = stage.objects();
    let mut all = Vec::new();
    for (list, kind) in KINDS {
        for object in objects[list].as_array().unwrap() {
            let labels = serde_json::from_value(object["labels"].clone()).unwrap();
            let owner = WORDS.ownership(&labels).unwrap_or_else(|| panic!("whose is {object}?"));
            let (address, operation) = (owner.address.to_string(), owner.operation.to_string());
            all.push(Held { kind, id: object["id"].to_string(), address, operation });
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
    for server in stage.objects()["servers"].as_array().unwrap() {
        looks_right(stage, server, context);
    }
    for image in stage.objects()["images"].as_array().unwrap() {
        assert_eq!(image["status"], "available", "{context}");
    }
    // One of each block is reached with the host key that is pinned now.
    for address in ["sandbox.box[\"b0\"]", "sandbox.twin[0]"] {
        stage.succeeds(&["exec", address, "--", "cat", "mark"]);
    }
}

fn desired() -> BTreeSet<String> {
    let boxes = (0..7).map(|n| format!("sandbox.box[\"b{n}\"]"));
    let twins = (0..3).map(|n| format!("sandbox.twin[{n}]"));
    let others = ["ssh_key.ours[\"hetzner\"]", "network.walls[\"hetzner\"]", "snapshot.warm"];
    boxes.chain(twins).chain(others.map(str::to_owned)).collect()
}

fn looks_right(stage: &Stage, server: &Value, context: &str) {
    assert_eq!(server["status"], "running", "{context}");
    assert_eq!(server["server_type"]["name"], "cpx32", "{context}");
    assert_eq!(server["image"]["name"], "ubuntu-24.04", "{context}");
    assert!(firewalls_of(server) <= 1, "{}; {context}", server["public_net"]["firewalls"]);
    let home = stage.root.join("bodies").join(server["id"].to_string()).join("root/home/agent");
    let read = |name: &str| fs::read_to_string(home.join(name)).unwrap_or_default();
    assert!(!read("number").is_empty(), "{} has its file; {context}", server["name"]);
    assert_eq!(read("mark"), read("number"), "{} is provisioned; {context}", server["name"]);
}

fn firewalls_of(server: &Value) -> usize {
    server["public_net"]["firewalls"].as_array().map_or(0, Vec::len)
}

/// The platform holds nothing, and the state knows nothing.
pub fn nothing_is_left(stage: &Stage) {
    let objects = stage.objects();
    for list in ["servers", "ssh_keys", "firewalls", "images", "primary_ips"] {
        assert_eq!(objects[list].as_array().map(Vec::len), Some(0), "{list}: {}", objects[list]);
    }
    assert!(known(stage).is_empty());
    assert_eq!(stage.open_operations(), []);
}
