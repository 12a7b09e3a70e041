//! What goes wrong at the API, in words, and never twice the same object.

use serde_json::json;

use crate::emulator::settings::Settings;
use crate::world::{TOKEN, World, told};

const ONE: &str = "sandbox \"a\" {}\n";

#[test]
fn a_token_that_does_not_work_exits_7_and_says_what_to_do() {
    let world = World::bodiless(ONE);
    let cases = [("", "no token"), ("short", "5 characters"), (&"x".repeat(64), "unauthorized")];
    for (token, text) in cases {
        for command in ["plan", "apply -auto-approve", "init", "drift", "list", "expire"] {
            let ran = world.with_token(token, command).exits(7);
            let said = told(&ran);
            assert!(said.contains(text), "{command}: {said}");
            assert!(said.contains("sandplan init") && said.contains("HCLOUD_TOKEN"), "{said}");
        }
    }
    let with_space = world.with_token("not a token\n", "plan").exits(7);
    assert!(told(&with_space).contains("token"), "{}", with_space.stderr);
    assert!(world.all("servers").is_empty());
}

#[test]
fn a_token_that_may_only_read_plans_but_cannot_apply() {
    let reader = "r".repeat(64);
    let settings = Settings { readonly_token: Some(reader.clone()), ..Settings::default() };
    let world = World::with(ONE, settings);
    world.with_token(&reader, "plan").exits(0);
    let ran = world.with_token(&reader, "apply -auto-approve").exits(7);
    assert!(told(&ran).contains("it needs read and write permission"), "{}", ran.stderr);
    assert!(world.all("servers").is_empty());
}

#[test]
fn init_says_what_the_token_opens() {
    let settings = Settings { rate_limit: 3600, ..Settings::default() };
    let world = World::with(ONE, settings);
    let ran = world.sandplan("init").exits(0).says("rate limit: 3600 calls an hour");
    ran.says("locations: fsn1, nbg1, hel1, ash, hil, sin").says("servers: 0");
}

#[test]
fn bursts_of_server_errors_are_ridden_out() {
    let world = World::new(ONE);
    world.fault(json!([
        {"kind": "status", "status": 503, "method": "GET", "every": 3},
        {"kind": "locked", "method": "PUT", "path": "/servers/{id}", "times": 1},
    ]));
    world.sandplan("apply -auto-approve").exits(0);
    world.no_faults();
    assert_eq!(world.all("servers").len(), 1);
    world.is_settled();
}

#[test]
fn a_lost_answer_never_makes_a_second_object() {
    let world = World::new("");
    let key = world.key("k");
    let all = format!(
        "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\nnetwork \"n\" {{\n  ingress {{ ssh = \
         [\"127.0.0.0/8\"] }}\n}}\nsandbox \"a\" {{\n  ssh_keys = [ssh_key.k]\n  network = \
         network.n\n}}\nsnapshot \"s\" {{\n  sandbox = sandbox.a\n}}\n"
    );
    for kind in ["cut_before", "cut_after"] {
        for path in ["/servers", "/ssh_keys", "/firewalls", "/servers/{id}/actions/create_image"] {
            let fault = json!([{"kind": kind, "method": "POST", "path": path, "times": 1}]);
            world.fault(fault);
            world.write(&all);
            let first = world.sandplan("apply -auto-approve");
            world.no_faults();
            if first.code != 0 {
                assert!(path.ends_with("create_image"), "{kind} {path}: {}", first.stderr);
                world.sandplan("apply -auto-approve").exits(0);
            }
            for objects in ["servers", "ssh_keys", "firewalls", "images"] {
                assert_eq!(world.all(objects).len(), 1, "{objects} after {kind} of {path}");
            }
            world.is_settled();
            world.sandplan("destroy -auto-approve").exits(0);
        }
    }
}

#[test]
fn a_protected_server_is_not_deleted_and_the_reason_is_said() {
    let world = World::new(ONE);
    world.sandplan("apply -auto-approve").exits(0);
    let protect = |on: bool| {
        let body = json!({"delete": on, "rebuild": on});
        world.act(&world.server(), "change_protection", body);
    };
    protect(true);
    let ran = world.sandplan("destroy -auto-approve").exits(1);
    assert!(told(&ran).contains("Lift the protection first"), "{}", ran.stderr);
    world.sandplan("list").exits(0).says("ready");
    protect(false);
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("servers").is_empty());
}

#[test]
fn a_run_that_is_killed_before_the_answer_leaves_one_server_that_is_adopted() {
    let world = World::new(ONE);
    world.fault(json!([
        {"kind": "delay", "method": "GET", "path": "/actions", "delay_ms": 60_000},
    ]));
    let mut run = world.command("apply -auto-approve").spawn().unwrap();
    world.until(|| world.all("servers").len() == 1);
    run.kill().unwrap();
    run.wait().unwrap();
    world.no_faults();
    let id = world.server()["id"].clone();
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.all("servers").len(), 1);
    world.is_settled();
    let survived = world.server()["id"] == id;
    assert!(survived, "the server was made anew");
}

#[test]
fn no_token_is_ever_written_anywhere() {
    let world = World::new(ONE);
    world.sandplan("apply -auto-approve").exits(0);
    world.sandplan("plan -out=p").exits(0);
    for below in ["work", "data", "home"] {
        let found = world.env.files_holding(below, TOKEN);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_rate_limit_is_waited_for_and_that_is_said() {
    let world = World::bodiless(ONE);
    world.fault(json!([
        {"kind": "status", "status": 429, "path": "/server_types", "retry_after": 2, "times": 1},
    ]));
    let ran = world.sandplan("plan").exits(0);
    assert!(told(&ran).contains("hetzner: rate limit reached, waiting 2 s"), "{}", ran.stderr);
}
