//! What the platform holds, held against what sandplan knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sandplan::object::Ownership;
use sandplan::provider::cloud::labels::{ANY, Dialect, LOWER, Labels};
use serde_json::Value;

use crate::crash::stage::Stage;

/// An object of ours on the platform.
struct Held {
    kind: &'static str,
    id: String,
    address: String,
    operation: String,
}

fn last(url: &Value) -> &str {
    url.as_str().unwrap().rsplit('/').next().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn owner(dialect: Dialect, labels: &Value) -> Ownership {
    let read: Labels = serde_json::from_value(labels.clone()).unwrap();
    dialect.ownership(&read).unwrap_or_else(|| panic!("whose is {labels}?"))
}

fn held(stage: &Stage) -> Vec<Held> {
    let objects = stage.objects();
    let list = |name: &str| objects[name].as_array().unwrap().clone();
    let instances = list("instances").into_iter().map(|of| {
        let id = format!("{}/{}", last(&of["zone"]), text(&of["name"]));
        ("sandbox", id, owner(LOWER, &of["labels"]))
    });
    let images = list("images").into_iter();
    let images = images.map(|of| ("snapshot", text(&of["name"]), owner(LOWER, &of["labels"])));
    let keys =
        keys(&objects).into_iter().map(|(name, labels)| ("ssh_key", name, owner(ANY, &labels)));
    let networks = rules(&objects).into_iter().map(|rule| {
        let labels = serde_json::from_str(rule["description"].as_str().unwrap()).unwrap();
        let name = text(&rule["targetTags"][0]);
        ("network", name.strip_prefix("sandplan-").unwrap().to_owned(), owner(ANY, &labels))
    });
    let all = instances.chain(images).chain(keys).chain(networks);
    let mut held: Vec<Held> = all
        .map(|(kind, id, owner)| {
            let (address, operation) = (owner.address.to_string(), owner.operation.to_string());
            Held { kind, id, address, operation }
        })
        .collect();
    // A network has several rules.
    held.dedup_by(|a, b| a.kind == "network" && (a.kind, &a.id) == (b.kind, &b.id));
    held
}

/// The rules of networks, in the order of their names.
fn rules(objects: &Value) -> Vec<Value> {
    let all = objects["firewalls"].as_array().unwrap().iter();
    let of_networks = |rule: &&Value| rule["name"].as_str().unwrap().starts_with("sandplan-");
    let mut rules: Vec<Value> = all.filter(of_networks).cloned().collect();
    rules.sort_by_key(|rule| text(&rule["name"]));
    rules
}

/// The keys in the metadata of the project, with their labels.
fn keys(objects: &Value) -> Vec<(String, Value)> {
    let projects = objects["projects"].as_array().unwrap().iter();
    let items = projects.flat_map(|of| of["commonInstanceMetadata"]["items"].as_array().cloned());
    let read = |item: Value| {
        let name = item["key"].as_str()?.strip_prefix("sandplan-ssh-key-")?.to_owned();
        let entry: Value = serde_json::from_str(item["value"].as_str()?).ok()?;
        Some((name, entry["labels"].clone()))
    };
    items.flatten().filter_map(read).collect()
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
    let objects = stage.objects();
    for instance in objects["instances"].as_array().unwrap() {
        looks_right(stage, instance, context);
    }
    for image in objects["images"].as_array().unwrap() {
        assert_eq!(image["status"], "READY", "{context}");
    }
    assert_eq!(objects["disks"].as_array().unwrap().len(), 5, "{context}");
    // One of each block is reached with the host key that is pinned now.
    for address in ["sandbox.box[\"b0\"]", "sandbox.twin[0]"] {
        stage.succeeds(&["exec", address, "--", "cat", "mark"]);
    }
}

fn desired() -> BTreeSet<String> {
    let boxes = (0..3).map(|n| format!("sandbox.box[\"b{n}\"]"));
    let twins = (0..2).map(|n| format!("sandbox.twin[{n}]"));
    let others = ["ssh_key.ours[\"gcp\"]", "network.walls[\"gcp\"]", "snapshot.warm"];
    boxes.chain(twins).chain(others.map(str::to_owned)).collect()
}

fn looks_right(stage: &Stage, instance: &Value, context: &str) {
    assert_eq!(instance["status"], "RUNNING", "{context}");
    assert_eq!(last(&instance["machineType"]), "e2-standard-2", "{context}");
    assert_eq!(instance["tags"]["items"].as_array().map(Vec::len), Some(1), "{context}");
    let metadata = instance["metadata"]["items"].to_string();
    assert!(metadata.contains("ubuntu-2404"), "{context}");
    let disk = last(&instance["disks"][0]["source"]);
    let disks = stage.objects()["disks"].as_array().unwrap().clone();
    let disk = disks.iter().find(|known| known["name"] == disk).unwrap();
    let place = stage.root.join("bodies").join(disk["id"].as_str().unwrap());
    let home = place.join("root/home/agent");
    let read = |name: &str| fs::read_to_string(home.join(name)).unwrap_or_default();
    assert!(!read("number").is_empty(), "{} has its file; {context}", instance["name"]);
    assert_eq!(read("mark"), read("number"), "{} is provisioned; {context}", instance["name"]);
}

/// The platform holds nothing, and the state knows nothing.
pub fn nothing_is_left(stage: &Stage) {
    let objects = stage.objects();
    assert!(held(stage).is_empty());
    for list in ["instances", "images", "disks"] {
        assert_eq!(objects[list].as_array().map(Vec::len), Some(0), "{list}: {}", objects[list]);
    }
    assert!(known(stage).is_empty());
    assert_eq!(stage.open_operations(), []);
}
