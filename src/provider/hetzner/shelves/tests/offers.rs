//! What a new sandbox is offered, and why it may be offered nothing.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::fixture::*;
use crate::provider::cloud::catalogue::Standing;
use crate::provider::cloud::offer::{Need, offer};
use crate::provider::cloud::wish::Wish;
use crate::provider::hetzner::TERMS;
use crate::provider::hetzner::shelves::{self, Answers};
use crate::provider::price::amount;
use crate::value::Value;

#[test]
fn a_size_takes_the_cheapest_type_that_fits_in_each_region() {
    let catalogue = catalogue();
    for (arguments, expected) in [
        (json!({}), vec!["cpx32 in ash"]),
        (json!({ "region": "fsn1" }), vec!["cx33 in fsn1"]),
        (json!({ "size": { "vcpus": 2 } }), vec!["cpx22 in ash"]),
        (
            json!({ "size": { "memory": "8GiB", "disk": "60GiB" }, "region": "nbg1" }),
            vec!["cx33 in nbg1"],
        ),
        (
            json!({ "size": { "memory": "8GiB", "disk": "80GB" }, "region": "nbg1" }),
            vec!["cx33 in nbg1"],
        ),
        (
            json!({ "size": { "memory": "8GiB", "disk": "80GiB" }, "region": "nbg1" }),
            vec!["cx43 in nbg1"],
        ),
        (
            json!({ "size": { "vcpus": 4, "memory": "16GiB" }, "region": "ash" }),
            vec!["cpx42 in ash"],
        ),
        (
            json!({ "size": { "vcpus": 4 }, "region": ["hil", "fsn1"] }),
            vec!["cpx32 in hil", "cx33 in fsn1"],
        ),
        // No shared type has that much memory.
        (json!({ "size": { "memory": "64GB" }, "region": "sin" }), vec!["ccx63 in sin"]),
    ] {
        let planned = new(&catalogue, arguments.clone());
        assert_eq!(refusal(&planned), "", "{arguments}");
        assert_eq!(candidates(&planned), expected, "{arguments}");
    }
}

#[test]
fn named_types_are_tried_in_the_users_order_within_the_order_of_the_regions() {
    let catalogue = catalogue();
    let types = json!({ "server_type": ["cx33", "cpx32"] });
    let planned = new(&catalogue, json!({ "hetzner": types, "region": ["ash", "fsn1"] }));
    assert_eq!(candidates(&planned), ["cpx32 in ash", "cx33 in fsn1", "cpx32 in fsn1"]);
    assert_eq!(
        planned.notes,
        ["tries cpx32 in ash, else cx33 in fsn1, else cpx32 in fsn1", "cx33 is not offered in ash"]
    );
    assert!(planned.unknown.contains(&"server_type".into()));
    assert!(planned.unknown.contains(&"hourly_cost".into()));
}

#[test]
fn what_has_no_room_now_is_tried_last() {
    let catalogue = catalogue();
    let types = json!({ "server_type": ["cx53", "cpx62"] });
    let planned = new(&catalogue, json!({ "hetzner": types, "region": "nbg1" }));
    assert_eq!(candidates(&planned), ["cpx62 in nbg1", "cx53 in nbg1"]);
    assert_eq!(planned.notes[1], "there is no room for cx53 in nbg1 now, so it is tried last");
    let alone = new(&catalogue, json!({ "hetzner": { "server_type": "cx53" }, "region": "nbg1" }));
    assert_eq!(
        alone.notes,
        ["there is no room for cx53 in nbg1 now; name another type or region to fall back on"]
    );
    // A size goes on to the next type instead.
    let full = catalogue_with(|json| stock(json, "cpx32", "ash", false));
    assert_eq!(candidates(&new(&full, json!({}))), ["cpx42 in ash"]);
}

#[test]
fn the_price_is_gross_and_has_the_address_in_it() {
    let catalogue = catalogue();
    let planned = new(&catalogue, json!({ "region": "fsn1", "ttl": "90m" }));
    assert_eq!(known(&planned, "hourly_cost"), Some(&Value::from("0.011424 EUR")));
    assert_eq!(known(&planned, "server_type"), Some(&Value::from("cx33")));
    assert_eq!(known(&planned, "location"), Some(&Value::from("fsn1")));
    let price = planned.price.expect("a price");
    assert_eq!((amount(&price.hourly.first), &*price.currency), ("0.011424".to_owned(), "EUR"));
    assert_eq!(amount(&price.ttl.expect("a ttl").first), "0.022848");
    assert!(planned.unknown.contains(&"expires_at".into()));
}

#[test]
fn the_dearest_candidate_is_the_most_that_it_may_cost() {
    let types = json!({ "server_type": ["cx33", "cpx62", "cpx32"] });
    let planned = new(&catalogue(), json!({ "hetzner": types, "region": "fsn1" }));
    let hourly = planned.price.expect("a price").hourly;
    assert_eq!(
        (amount(&hourly.first), amount(&hourly.most)),
        ("0.011424".into(), "0.075327".into())
    );
}

#[test]
fn what_has_no_price_says_so_and_is_never_free() {
    let unpriced = catalogue_with(|json| json["pricing"]["primary_ips"] = json!([]));
    let planned = new(&unpriced, json!({ "ttl": "1h" }));
    assert_eq!(known(&planned, "hourly_cost"), Some(&Value::from("unknown")));
    assert_eq!(planned.price, None);
}

#[test]
fn what_cannot_be_ordered_is_refused_with_what_can() {
    let catalogue = catalogue();
    let named =
        |name: &str, region: &str| json!({ "hetzner": { "server_type": name }, "region": region });
    for (arguments, expected) in [
        (
            named("cpx31", "ash"),
            "deprecated-server-type (hetzner.server_type): Deprecated server type: The type `cpx31` cannot be ordered in ash since 2025-12-31. Its successor is `cpx32` (4 vCPU, 8 GB memory, 160 GB disk), which ash has. Sandboxes that run on the old type stay as they are. (use `cpx32`)",
        ),
        (
            named("cpx31", "hil"),
            "deprecated-server-type (hetzner.server_type): Deprecated server type: The type `cpx31` is deprecated in hil and cannot be ordered after 2099-12-31. Its successor is `cpx32` (4 vCPU, 8 GB memory, 160 GB disk), which hil has. Sandboxes that run on the old type stay as they are. (use `cpx32`)",
        ),
        (
            named("cx32", "fsn1"),
            "deprecated-server-type (hetzner.server_type): Deprecated server type: The type `cx32` cannot be ordered in fsn1 since 2025-12-31. Its successor is `cx33` (4 vCPU, 8 GB memory, 80 GB disk), which fsn1 has. Sandboxes that run on the old type stay as they are. (use `cx33`)",
        ),
        (
            named("cx32", "ash"),
            "deprecated-server-type (hetzner.server_type): Deprecated server type: The type `cx32` is deprecated wherever it was sold. Its successor is `cpx32` (4 vCPU, 8 GB memory, 160 GB disk), which ash has. Sandboxes that run on the old type stay as they are. (use `cpx32`)",
        ),
        (
            named("cpx33", "ash"),
            "unknown-server-type (hetzner.server_type): Unknown server type: Hetzner has no server type `cpx33`. It sells: cax11, cax21, cax41, ccx13, ccx23, ccx63, cpx12, cpx22, cpx32, cpx42, cpx62, cx23, cx33, cx43, cx53. (did you mean `cpx32`?)",
        ),
        (
            named("cx33", "ash"),
            "server-type-not-offered (hetzner.server_type): Server type not offered in the region: The type `cx33` is not offered in ash. It is in: fsn1, nbg1, hel1. (in ash, `cpx32` is the nearest)",
        ),
        (
            named("cpx32", "asg"),
            "unknown-region (region): Unknown region: Hetzner has no location `asg`. There are: fsn1, nbg1, hel1, ash, hil, sin. (did you mean `ash`?)",
        ),
        (
            json!({ "size": { "vcpus": 64, "memory": "8GiB" } }),
            "no-fitting-type (size): No server type fits: No server type that can be ordered in ash has 64 vCPU, 8 GiB memory. The largest is `ccx63` (48 vCPU, 192 GB memory, 960 GB disk, 0.661045 EUR per hour).",
        ),
        (
            json!({ "image": "ubuntu-24.4" }),
            "unknown-image (image): Unknown image: Hetzner has no image `ubuntu-24.4`. There are: debian-12, debian-13, fedora-40, rocky-9, ubuntu-22.04, ubuntu-24.04. (did you mean `ubuntu-24.04`?)",
        ),
        (
            json!({ "image": "ubuntu-20.04" }),
            "deprecated-image (image): Deprecated image: The image `ubuntu-20.04` is deprecated: Hetzner will take it away, and a rebuild would fail then. (use `ubuntu-24.04`)",
        ),
    ] {
        assert_eq!(refusal(&new(&catalogue, arguments)), expected);
    }
}

#[test]
fn the_architecture_of_the_image_decides() {
    let only_arm = catalogue_with(|json| {
        let images = json["images"].as_array_mut().expect("images");
        images.retain(|image| image["architecture"] == "arm");
    });
    assert_eq!(candidates(&new(&only_arm, json!({ "region": "fsn1" }))), ["cax21 in fsn1"]);
    let x86 = new(&only_arm, json!({ "region": "fsn1", "hetzner": { "server_type": "cx33" } }));
    assert_eq!(
        refusal(&x86),
        "unfit-image (image): Image does not fit the server type: The type `cx33` has the architecture x86; the image is there for arm only. Choose another type, or the image by its name."
    );
    // The same name means another image on another architecture.
    let arm = json!({ "region": "fsn1", "hetzner": { "server_type": "cax11" } });
    assert_eq!(candidates(&new(&catalogue(), arm)), ["cax11 in fsn1"]);
    // What nobody has seen yet is trusted.
    assert_eq!(candidates(&new(&catalogue(), json!({ "from": "4711" }))), ["cpx32 in ash"]);
}

#[test]
fn what_is_not_known_yet_leaves_the_choice_open() {
    let region = Value::unknown();
    let after = Value::object([("region", region)]);
    let planned = change(&catalogue(), (None, &after), &[]);
    assert!(planned.refused.is_empty() && planned.known.is_empty());
    for name in ["candidates", "server_type", "location", "hourly_cost", "ipv4", "name"] {
        assert!(planned.unknown.contains(&name.into()), "{name}");
    }
}

#[test]
fn what_the_api_adds_or_leaves_out_is_no_reason_to_fail() {
    let lenient = catalogue_with(|json| {
        let types = json["server_types"].as_array_mut().expect("types");
        types.push(json!("not a type"));
        types.push(json!({ "name": "dog1" }));
        for of in types.iter_mut().filter(|of| of.is_object()) {
            of["architecture_of_tomorrow"] = json!({ "x": 1 });
            of.as_object_mut().expect("an object").remove("locations");
        }
        json["images"][0]["deprecated"] = json!(false);
    });
    // Without places, the whole type's deprecation counts, and prices say where it is sold.
    assert_eq!(candidates(&new(&lenient, json!({}))), ["cpx32 in ash"]);
    assert_eq!(
        lenient.standing(lenient.server_type("cx33").expect("cx33"), "ash"),
        Standing::NotOffered
    );
    let nothing = shelves::catalogue(&Answers::default(), jiff::Timestamp::UNIX_EPOCH);
    assert!(nothing.is_err_and(|e| e.to_string().contains("/server_types")));
}

fn arguments() -> impl Strategy<Value = Json> {
    let regions =
        prop::sample::subsequence(vec!["fsn1", "nbg1", "hel1", "ash", "hil", "sin"], 1..4);
    let sizes = (0u64..20, 0u64..70, 0u64..400);
    (regions.prop_shuffle(), sizes).prop_map(|(regions, (vcpus, memory, disk))| {
        let mut size = serde_json::Map::new();
        if vcpus > 0 {
            size.insert("vcpus".into(), vcpus.into());
        }
        if memory > 0 {
            size.insert("memory".into(), format!("{memory}GiB").into());
        }
        if disk > 0 {
            size.insert("disk".into(), format!("{disk}GiB").into());
        }
        json!({ "region": regions, "size": size })
    })
}

proptest! {
    #[test]
    fn what_a_size_is_offered_fits_is_on_sale_and_nothing_cheaper_does(arguments in arguments()) {
        let catalogue = catalogue();
        let wish = Wish::of(&TERMS, &sandbox(arguments), &[]).expect("known");
        let need = Need { size: wish.size.expect("a size"), architectures: vec!["x86".into()], ..Need::default() };
        let offered = offer(&catalogue, &wish).map(|offered| offered.candidates).unwrap_or_default();
        for candidate in &offered {
            let of = catalogue.server_type(&candidate.server_type).expect("a type");
            prop_assert!(need.is_met_by(of));
            prop_assert!(catalogue.standing(of, &candidate.location).is_orderable());
            prop_assert!(wish.regions.contains(&candidate.location));
            for other in catalogue.server_types.iter().filter(|other| need.is_met_by(other)) {
                let is_sold = catalogue.standing(other, &candidate.location) == Standing::Sold;
                let price = catalogue.hourly(other, &candidate.location);
                prop_assert!(!is_sold || !candidate.in_stock || price >= candidate.hourly);
            }
        }
        // Only a region where nothing fits has no candidate.
        for region in wish.regions.iter().filter(|r| offered.iter().all(|c| c.location != **r)) {
            let fits = catalogue.server_types.iter().filter(|of| need.is_met_by(of));
            prop_assert_eq!(fits.filter(|of| catalogue.standing(of, region).is_orderable()).count(), 0);
        }
    }
}
