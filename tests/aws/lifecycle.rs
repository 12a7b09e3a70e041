//! From a file to instances and back to nothing.

use crate::world::World;

#[test]
fn a_sandbox_is_planned_made_reached_and_destroyed() {
    let world = World::new(
        "provider \"aws\" {\n  prices = { \"t3.xlarge\" = 0.1664 }\n}\n\
         sandbox \"box\" {\n  provider = \"aws\"\n  ttl = \"2h\"\n  file \"/home/agent/note\" { content = \"one\\n\" }\n}\n",
    );
    let plan = world.sandplan("plan").exits(0);
    plan.says("\"t3.xlarge\"").says("0.1664 USD per hour, 0.3328 USD for its TTL of 2h");
    world.sandplan("apply -auto-approve").exits(0).says("file /home/agent/note ok");
    let instance = world.instance();
    assert_eq!(instance["instanceType"], "t3.xlarge");
    assert_eq!(instance["_ends_at_shutdown"], true);
    let tags = &instance["_tags"];
    assert_eq!(tags["sandplan-address"], "sandbox.box");
    assert!(tags["sandplan-host-key"].is_string() && tags["sandplan-once-key"].is_null(), "{tags}");
    world.is_settled();
    assert_eq!(world.sandplan("exec box -- cat note").exits(0).stdout, "one\n");
    world.sandplan("list").exits(0).says("ready").says("in 2h").says("0.1664 USD");
    world.sandplan("drift").exits(0);
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.instances().is_empty());
    assert!(world.all("volumes").is_empty());
}

#[test]
fn an_instance_asks_for_tokens_has_an_encrypted_disk_and_tags_on_all_that_it_has() {
    let world = World::new("");
    world.apply("sandbox \"a\" {\n  size = { disk = \"50GiB\" }\n  ttl = \"1h\"\n}\n").exits(0);
    world.is_settled();
    let instance = world.instance();
    let metadata = &instance["metadataOptions"];
    assert_eq!(metadata["httpTokens"], "required", "{instance:#}");
    let volume = world.all("volumes")[0].clone();
    assert_eq!(
        (&volume["size"], &volume["volumeType"]),
        (&"50".into(), &"gp3".into()),
        "{volume:#}"
    );
    assert_eq!(volume["_tags"]["sandplan-address"], "sandbox.a");
    let data = instance["_user_data"].as_str().unwrap();
    assert!(data.starts_with("#cloud-config\n") && data.contains("poweroff.target"), "{data}");
}

#[test]
fn the_example_can_be_planned() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/aws/sandboxes.hcl");
    let world = World::bodiless(&std::fs::read_to_string(example).unwrap());
    let plan = world.sandplan("plan").exits(0);
    plan.says("0.0864 USD").says("3 to add");
}

#[test]
fn a_plan_asks_little_and_an_empty_one_no_more() {
    let world = World::bodiless("sandbox \"a\" {\n  count = 3\n}\n");
    world.forget_requests();
    world.sandplan("plan").exits(0);
    assert!(world.requests() <= 10, "{}", world.get("/_requests"));
}

#[test]
fn user_data_that_is_too_large_is_refused_before_anything_is_asked() {
    let keys: Vec<String> = (0..400).map(|n| format!("\"ssh-ed25519 {}\"", noise(n))).collect();
    let world =
        World::bodiless(&format!("sandbox \"a\" {{\n  ssh_keys = [{}]\n}}\n", keys.join(", ")));
    world.sandplan("validate").exits(1).says("error[user-data-too-large]").says("16384");
    assert!(world.instances().is_empty());
}

/// A key that compresses as badly as real ones do.
fn noise(seed: u64) -> String {
    use base64::Engine;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0, 0, 0, 11];
    bytes.extend(b"ssh-ed25519");
    bytes.extend([0, 0, 0, 32]);
    bytes.extend((0..32).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state & 0xff).unwrap()
    }));
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
