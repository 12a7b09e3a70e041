//! Every way to credentials that Google's own tools know.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::Ran;
use crate::world::{TOKEN, World, told};

const ONE: &str = "sandbox \"a\" {}\n";

/// Serves on loopback for as long as the test runs.
fn serve(world: &World, router: Router) -> String {
    let listener = world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    world.runtime.spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A server that exchanges logins for tokens, as `oauth2.googleapis.com` does.
fn tokens(world: &World, status: u16, body: Value) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    let answer = move || async move { (status, Json(body.clone())) };
    serve(world, Router::new().route("/token", post(answer))) + "/token"
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

/// Passes requests on to the emulator with the token that it takes, and keeps those
/// that they came with.
fn gate(world: &World) -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (kept, url) = (seen.clone(), world.url.clone());
    let pass = move |method: Method, uri: Uri, headers: HeaderMap, body: String| async move {
        let bearer = headers["authorization"].to_str().unwrap().replace("Bearer ", "");
        kept.lock().unwrap().push(bearer);
        let request = reqwest::Client::new().request(method, format!("{url}{uri}"));
        let request = request.bearer_auth(TOKEN).header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status();
        (status, [("content-type", "application/json")], answer.text().await.unwrap())
            .into_response()
    };
    (serve(world, Router::new().fallback(pass)), seen)
}

#[test]
fn a_service_accounts_key_signs_each_token_itself() {
    let world = World::bodiless(ONE);
    let (url, seen) = gate(&world);
    let key = world.env.work().join("key");
    let mut generate = Command::new("ssh-keygen");
    generate.args(["-q", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", "", "-f"]).arg(&key);
    assert!(generate.status().unwrap().success());
    let account = json!({
        "type": "service_account", "project_id": "proving-ground", "private_key_id": "k1",
        "private_key": std::fs::read_to_string(&key).unwrap(),
        "client_email": "ci@proving-ground.iam.gserviceaccount.com", "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    world.env.write("account.json", account.to_string());
    let mut command = world.command("plan");
    command.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN").env_remove("GOOGLE_CLOUD_PROJECT");
    command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", url);
    command.env("GOOGLE_APPLICATION_CREDENTIALS", world.env.work().join("account.json"));
    Ran::of(&mut command).exits(0);
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty());
    for token in seen.iter() {
        let claims = token.split('.').nth(1).and_then(|part| {
            serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        });
        let claims = claims.unwrap();
        assert_eq!(claims["iss"], account["client_email"], "{claims}");
        assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform", "{claims}");
    }
}

#[test]
fn the_service_account_of_a_machine_gives_tokens() {
    let world = World::bodiless(ONE);
    let answer = |headers: HeaderMap| async move {
        let given = json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600});
        match headers.get("metadata-flavor").is_some_and(|flavor| flavor == "Google") {
            true => (StatusCode::OK, Json(given)),
            false => (StatusCode::FORBIDDEN, Json(Value::Null)),
        }
    };
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let machine = serve(&world, Router::new().route(path, get(answer)));
    let mut command = world.command("plan");
    command.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN");
    command.env("GCE_METADATA_HOST", machine.replace("http://", ""));
    Ran::of(&mut command).exits(0).says("1 to add");
}
