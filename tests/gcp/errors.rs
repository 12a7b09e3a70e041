//! What goes wrong at the API, in words, and never twice the same object.

use serde_json::json;

use crate::support::Ran;
use crate::world::{TOKEN, World, told};

const ONE: &str = "sandbox \"a\" {}\n";

#[test]
fn credentials_that_are_missing_or_refused_exit_7_and_say_what_to_do() {
    let world = World::bodiless(ONE);
    let advice = "gcloud auth application-default login";
    let mut missing = world.command("plan");
    missing
        .env_remove("GOOGLE_OAUTH_ACCESS_TOKEN")
        .env_remove("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE");
    let mut file = world.command("plan");
    file.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN");
    file.env("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json");
    let mut anonymous = world.command("plan");
    anonymous.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN");
    let mut wrong = world.command("plan");
    wrong.env("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.another");
    for command in [&mut missing, &mut file, &mut anonymous, &mut wrong] {
        let words = told(&Ran::of(command).exits(7));
        assert!(words.contains(advice), "{words}");
        assert!(!words.contains("ya29"), "{words}");
    }
    let mut nowhere = world.command("plan");
    nowhere.env_remove("GOOGLE_CLOUD_PROJECT");
    Ran::of(&mut nowhere).exits(7).says("GOOGLE_CLOUD_PROJECT");
}

/// A server that exchanges logins for tokens, as `oauth2.googleapis.com` does.
fn tokens(world: &World, status: u16, body: serde_json::Value) -> String {
    use axum::http::StatusCode;
    use axum::{Json, Router, routing::post};
    let listener = world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let answer = move || async move { (status, Json(body.clone())) };
    let router = Router::new().route("/token", post(answer));
    world.runtime.spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/token")
}

#[test]
fn a_login_is_exchanged_for_a_token_and_one_that_is_refused_exits_7() {
    let world = World::bodiless(ONE);
    let good = json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600});
    let ended = json!({"error": "invalid_grant", "error_description": "Token has been revoked."});
    for (status, answer, code) in [(200, good, 0), (400, ended, 7)] {
        let login = json!({
            "type": "authorized_user", "client_id": "c", "client_secret": "s",
            "refresh_token": "hush", "token_uri": tokens(&world, status, answer),
        });
        world.env.write("login.json", login.to_string());
        let mut command = world.command("plan");
        command.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN");
        command.env("GOOGLE_APPLICATION_CREDENTIALS", world.env.work().join("login.json"));
        let words = told(&Ran::of(&mut command).exits(code));
        assert!(!words.contains("hush"), "{words}");
        assert_eq!(words.contains("gcloud auth application-default login"), code == 7, "{words}");
    }
}

#[test]
fn a_permission_that_is_missing_exits_7() {
    let world = World::bodiless(ONE);
    let fault = json!({
        "kind": "status", "status": 403, "code": "forbidden", "path": "/projects/*/zones",
        "message": "Required 'compute.zones.list' permission",
    });
    world.fault(json!([fault]));
    world.sandplan("plan").exits(7).says("compute.zones.list").says("roles/compute");
}

#[test]
fn an_endpoint_that_nobody_listens_at_exits_1() {
    let world = World::bodiless(ONE);
    let mut command = world.command("plan");
    command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "http://127.0.0.1:1");
    Ran::of(&mut command).exits(1).says("cannot be reached").says("Check the network");
}

#[test]
fn trouble_is_borne_and_the_rate_limit_waited_for() {
    let world = World::new(ONE);
    world.fault(json!([
        {"kind": "status", "status": 503, "every": 7},
        {"kind": "status", "status": 403, "code": "rateLimitExceeded", "nth": 4},
        {"kind": "status", "status": 429, "retry_after": 1, "nth": 9},
    ]));
    world.sandplan("apply -auto-approve").exits(0).says("rate limit reached, waiting");
    world.no_faults();
    assert_eq!(world.all("instances").len(), 1);
    world.is_settled();
}

#[test]
fn a_cut_connection_makes_no_second_instance_rule_or_key() {
    let world = World::new("");
    let key = world.key("k");
    let all = format!(
        "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\n\
         network \"n\" {{\n  ingress {{ ssh = [\"127.0.0.0/8\"] }}\n}}\n\
         sandbox \"a\" {{\n  count = 3\n  network = network.n\n  ssh_keys = [ssh_key.k]\n}}\n"
    );
    world.fault(json!([
        {"kind": "cut_after", "method": "POST", "every": 3},
        {"kind": "cut_before", "method": "POST", "every": 5},
    ]));
    world.apply(&all).exits(0);
    assert_eq!(world.all("instances").len(), 3);
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("instances").is_empty() && world.all("disks").is_empty());
    assert!(world.rules().is_empty(), "{:#?}", world.rules());
    world.no_faults();
    world.is_settled_empty();
}

#[test]
fn a_zone_that_does_not_answer_does_not_count_as_empty() {
    let world = World::new(ONE);
    world.sandplan("apply -auto-approve").exits(0);
    world.fault(json!([{"kind": "partial", "zone": "us-central1-a"}]));
    let words = told(&world.sandplan("plan").exits(1));
    assert!(words.contains("did not answer") || words.contains("us-central1-a"), "{words}");
    world.no_faults();
    world.is_settled();
}

#[test]
fn an_order_that_the_platform_gives_up_leaves_nothing() {
    let world = World::bodiless(ONE);
    world.fault(json!([{"kind": "operation_fails", "operation": "insert"}]));
    world.sandplan("apply -auto-approve").exits(1).says("INTERNAL_ERROR");
    assert!(world.all("instances").is_empty());
}

impl World {
    /// Insists that the platform holds nothing that is ours.
    fn is_settled_empty(&self) {
        self.write("");
        self.sandplan("drift").exits(0);
    }
}
