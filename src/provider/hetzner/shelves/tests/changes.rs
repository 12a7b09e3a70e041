//! What changes of a living server come to.

use bigdecimal::BigDecimal;
use serde_json::{Value as Json, json};

use super::fixture::*;
use crate::provider::PlannedChange;
use crate::value::Value;

/// A server as creation left it: the first of its candidates had room.
fn server(server_type: &str, location: &str, arguments: Json) -> Value {
    let disk = catalogue().server_type(server_type).and_then(|of| of.disk).unwrap_or(0);
    let candidate =
        json!({ "server_type": server_type, "location": location, "hourly_cost": "0.02 EUR" });
    let told = json!({
        "id": "1", "server_type": server_type, "location": location, "disk_size": disk,
        "hourly_cost": "0.02 EUR", "candidates": [candidate],
    });
    laid(&sandbox(arguments), &sandbox(told))
}

fn laid(under: &Value, over: &Value) -> Value {
    let over = over.as_attributes().expect("attributes");
    over.iter().fold(under.clone(), |all, (name, value)| all.with(name.clone(), value.clone()))
}

/// Plans new arguments for a living server.
fn to(before: &Value, arguments: Json, changed: &[&str]) -> PlannedChange {
    let after = laid(before, &sandbox(arguments));
    change(&catalogue(), (Some(before), &after), changed)
}

/// Says in a word or two what is done to the server.
fn fate(planned: &PlannedChange) -> String {
    let replaced: Vec<_> = planned.requires_replace.iter().map(|path| path.root()).collect();
    match (replaced.is_empty(), planned.rebuild, known(planned, "server_type")) {
        _ if !planned.refused.is_empty() => refusal(planned),
        (false, false, _) => format!("replaced by {}", replaced.join(" ")),
        (_, true, None) => format!("rebuilt by {}", replaced.join(" ")),
        (_, true, Some(_)) => "rebuilt and rescaled".to_owned(),
        (_, _, Some(value)) => format!("rescaled to {}", value.as_str().expect("a name")),
        (..) if !planned.drifted.is_empty() => "drifted".to_owned(),
        (..) if planned.unknown.contains(&"server_type".into()) => "rescaled".to_owned(),
        (..) => if planned.update { "updated" } else { "stays" }.to_owned(),
    }
}

#[test]
fn arguments_that_a_living_server_can_follow_are_followed_in_place() {
    let before = server("cpx32", "ash", json!({ "image": "ubuntu-24.04", "region": "ash" }));
    for (arguments, changed, expected) in [
        (json!({ "labels": { "a": "b" } }), "labels", "updated"),
        (json!({ "ttl": "4h" }), "ttl", "updated"),
        (json!({ "env": { "A": "b" } }), "env", "updated"),
        (json!({ "ssh_keys": ["7"] }), "ssh_keys", "updated"),
        (json!({ "network": "7" }), "network", "updated"),
        (json!({ "region": ["hil", "ash"] }), "region", "stays"),
        (json!({ "region": null }), "region", "stays"),
        (json!({ "region": "fsn1" }), "region", "replaced by region"),
        (json!({ "image": "debian-13" }), "image", "rebuilt by image"),
        (json!({ "image": null }), "image", "stays"),
        (
            json!({ "image": "debian-31" }),
            "image",
            "unknown-image (image): Unknown image: Hetzner has no image `debian-31`. There are: debian-12, debian-13, fedora-40, rocky-9, ubuntu-22.04, ubuntu-24.04. (did you mean `debian-13`?)",
        ),
        (json!({ "from": "4711" }), "from", "rebuilt by from"),
        (json!({ "from": "15512617" }), "from", "rebuilt by from"),
    ] {
        assert_eq!(fate(&to(&before, arguments.clone(), &[changed])), expected, "{arguments}");
    }
}

#[test]
fn a_server_becomes_another_type_where_its_disk_has_room() {
    let types = |names: Json| json!({ "hetzner": { "server_type": names } });
    let before = server("cpx32", "ash", types(json!("cpx32")));
    for (names, expected) in [
        (json!("cpx42"), "rescaled to cpx42"),
        (json!(["cpx42", "cpx62"]), "rescaled"),
        (json!(["cpx42", "cpx32"]), "stays"),
        // Less disk, another architecture, another location.
        (json!("cpx22"), "replaced by hetzner"),
        (json!("cax41"), "replaced by hetzner"),
        (json!("cx43"), "replaced by hetzner"),
        (json!(["cpx22", "cpx42"]), "rescaled to cpx42"),
        (
            json!(["cpx42", "cpx43"]),
            "unknown-server-type (hetzner.server_type): Unknown server type: Hetzner has no server type `cpx43`. It sells: cax11, cax21, cax41, ccx13, ccx23, ccx63, cpx12, cpx22, cpx32, cpx42, cpx62, cx23, cx33, cx43, cx53. (did you mean `cpx42`?)",
        ),
    ] {
        assert_eq!(fate(&to(&before, types(names.clone()), &["hetzner"])), expected, "{names}");
    }
    let planned = to(&before, types(json!("cpx42")), &["hetzner"]);
    assert_eq!(
        planned.notes,
        ["will be powered off to change its type from cpx32 to cpx42; its disk stays as it is"]
    );
    assert_eq!(known(&planned, "hourly_cost"), Some(&Value::from("0.046648 EUR")));
    assert_eq!(candidates(&planned), ["cpx42 in ash"]);
}

#[test]
fn a_new_size_is_met_without_losing_the_disk() {
    let sized = |vcpus: u64| json!({ "size": { "vcpus": vcpus } });
    let before = server("cpx32", "ash", sized(4));
    assert_eq!(fate(&to(&before, sized(8), &["size"])), "rescaled to cpx42");
    // Smaller types have smaller disks; the server costs no more than it did.
    assert_eq!(fate(&to(&before, sized(2), &["size"])), "stays");
    assert_eq!(fate(&to(&before, json!({ "size": null }), &["size"])), "stays");
    assert_eq!(fate(&to(&before, sized(64), &["size"])), "replaced by size");
    let large = server("cpx62", "ash", sized(16)).with("hourly_cost", Value::from("0.09 EUR"));
    let small_disk = large.with("disk_size", Value::from(80i64));
    assert_eq!(fate(&to(&large, sized(4), &["size"])), "stays");
    assert_eq!(fate(&to(&small_disk, sized(4), &["size"])), "rescaled to cpx32");
}

#[test]
fn a_server_that_is_off_is_switched_on_also_where_nothing_else_changes() {
    let before = server("cpx32", "ash", json!({ "status": "off" }));
    let planned = to(&before, json!({}), &[]);
    assert!(planned.update && planned.requires_replace.is_empty());
    assert_eq!(planned.drifted.iter().map(|p| p.to_string()).collect::<Vec<_>>(), ["status"]);
    assert_eq!(
        (known(&planned, "status"), &*planned.notes),
        (Some(&"ready".into()), &["will be switched on".to_owned()][..])
    );
    assert_eq!(
        fate(&to(&server("cpx32", "ash", json!({ "status": "ready" })), json!({}), &[])),
        "stays"
    );
}

#[test]
fn what_was_changed_by_hand_is_changed_back_but_not_at_the_price_of_the_disk() {
    let by_hand = |before: &Value, now: &str| before.with("server_type", Value::from(now));
    let named = server("cpx32", "ash", json!({ "hetzner": { "server_type": "cpx32" } }));
    let planned = to(&by_hand(&named, "cpx62"), json!({}), &[]);
    assert_eq!(fate(&planned), "rescaled to cpx32");
    assert_eq!(planned.drifted.iter().map(|p| p.to_string()).collect::<Vec<_>>(), ["server_type"]);
    assert!(planned.update);
    let sized = server("cpx32", "ash", json!({ "size": { "vcpus": 4 } }));
    assert_eq!(fate(&to(&by_hand(&sized, "cpx62"), json!({}), &[])), "rescaled to cpx32");
    assert_eq!(fate(&to(&by_hand(&sized, "cpx22"), json!({}), &[])), "rescaled to cpx32");
    let unasked = server("cpx32", "ash", json!({}));
    assert_eq!(fate(&to(&by_hand(&unasked, "cpx62"), json!({}), &[])), "rescaled to cpx32");
    let grown = by_hand(&named, "cpx62").with("disk_size", Value::from(640i64));
    assert_eq!(fate(&to(&grown, json!({}), &[])), "stays");
}

#[test]
fn a_server_keeps_a_type_that_is_no_longer_sold() {
    let types = json!({ "hetzner": { "server_type": "cpx31" } });
    let before = server("cpx31", "ash", types);
    assert_eq!(fate(&to(&before, json!({}), &[])), "stays");
    assert_eq!(fate(&to(&before, json!({ "ttl": "4h" }), &["ttl"])), "updated");
    let price = to(&before, json!({ "ttl": "4h" }), &["ttl"]).price.expect("a price");
    assert_eq!(price.ttl.expect("a ttl").first, "0.08".parse::<BigDecimal>().expect("a decimal"));
}

#[test]
fn a_rebuild_provisions_again_and_an_imported_server_is_taken_as_it_is() {
    let steps = json!({ "provision": [{ "name": "x", "run": ["true"] }], "image": "ubuntu-24.04" });
    let before = server("cpx32", "ash", steps);
    let planned = to(&before, json!({ "image": "debian-12" }), &["image"]);
    assert_eq!(planned.provision, ["provision:x"]);
    assert!(planned.unknown.contains(&"host_key".into()));

    let imported = sandbox(json!({ "server_type": "cpx32", "location": "ash" }));
    let after = laid(&imported, &sandbox(json!({ "hetzner": { "server_type": "cpx32" } })));
    let planned = change(&catalogue(), (Some(&imported), &after), &["hetzner"]);
    assert_eq!(
        (fate(&planned), candidates(&planned)),
        ("stays".into(), vec!["cpx32 in ash".into()])
    );
    let replan = change(&catalogue(), (Some(&imported), &imported), &[]);
    assert_eq!(fate(&replan), "stays");
}
