//! Every way to credentials that AWS's own tools know: `init` says whose they are.

use std::fs;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use serde_json::json;

use crate::support::Ran;
use crate::world::{ACCESS_KEY, REGION, World};

const ONE: &str = "sandbox \"a\" {}\n";
/// Nobody's variables, so that only what a test sets up is found.
const VARIABLES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];

/// Asks whose credentials they are, where only these variables and files say so.
#[track_caller]
fn is_found(world: &World, variables: &[(&str, &str)], files: &[(&str, &str)]) {
    let home = world.env.work().join("../aws-home");
    for (path, text) in files {
        let path = home.join(".aws").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = world.command("init");
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.env("HOME", &home).envs(variables.iter().copied());
    Ran::of(&mut command).exits(0).says("AWS account");
    command.args(["-provider=aws"]);
}

/// Serves on loopback for as long as the test runs.
fn serve(world: &World, router: Router) -> String {
    let listener = world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    world.runtime.spawn(async { axum::serve(listener, router).await });
    url
}

#[test]
fn a_profile_gives_key_and_region() {
    let world = World::bodiless(ONE);
    let config = format!("[profile work]\nregion = {REGION}\n");
    let keys = format!("[work]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = s\n");
    let files = [("config", &*config), ("credentials", &*keys)];
    is_found(&world, &[("AWS_PROFILE", "work")], &files);
    world.write("provider \"aws\" { profile = \"work\" }\nsandbox \"a\" {}\n");
    is_found(&world, &[], &files);
}

#[test]
fn a_program_gives_credentials() {
    let world = World::bodiless(ONE);
    let given = json!({"Version": 1, "AccessKeyId": ACCESS_KEY, "SecretAccessKey": "s"});
    let config = format!("[default]\nregion = {REGION}\ncredential_process = cat given.json\n");
    fs::write(world.env.work().join("given.json"), given.to_string()).unwrap();
    is_found(&world, &[], &[("config", &config)]);
}

#[test]
fn a_login_by_sso_gives_credentials() {
    let world = World::bodiless(ONE);
    let roles = get(|headers: HeaderMap| async move {
        let token = headers.get("x-amz-sso_bearer_token").map(|token| token.as_bytes());
        let given = json!({"roleCredentials": {
            "accessKeyId": ACCESS_KEY, "secretAccessKey": "s", "sessionToken": "t",
            "expiration": 4_102_444_800_000_i64,
        }});
        match token {
            Some(b"logged-in") => (StatusCode::OK, given.to_string()),
            _ => (StatusCode::UNAUTHORIZED, "{}".to_owned()),
        }
    });
    let portal = serve(&world, Router::new().route("/federation/credentials", roles));
    let config = format!(
        "[profile team]\nregion = {REGION}\nsso_session = org\nsso_account_id = 123456789012\n\
         sso_role_name = builder\n[sso-session org]\nsso_region = {REGION}\n\
         sso_start_url = https://example.com/start\n"
    );
    let token = json!({
        "accessToken": "logged-in", "expiresAt": "2100-01-01T00:00:00Z", "region": REGION,
        "startUrl": "https://example.com/start",
    });
    // The name is the SHA-1 of the session's name, as the AWS command line tool has it.
    let cached = "sso/cache/d23b5987504c1b3de484bf2e47c76f75abb794d3.json";
    let variables = [("AWS_PROFILE", "team"), ("AWS_ENDPOINT_URL_SSO", &*portal)];
    is_found(&world, &variables, &[("config", &config), (cached, &token.to_string())]);
}

#[test]
fn the_role_of_a_machine_gives_credentials() {
    let world = World::bodiless(ONE);
    let given = json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": ACCESS_KEY, "SecretAccessKey": "s", "Token": "t",
        "Expiration": "2100-01-01T00:00:00Z",
    });
    let allowed = |headers: &HeaderMap| {
        headers.get("x-aws-ec2-metadata-token").is_some_and(|token| token == "session")
    };
    let roles = "/latest/meta-data/iam/security-credentials/";
    let answer = move |text: String| {
        get(move |headers: HeaderMap| async move {
            match allowed(&headers) {
                true => (StatusCode::OK, text),
                false => (StatusCode::UNAUTHORIZED, String::new()),
            }
        })
    };
    let token = put(|| async { ([("x-aws-ec2-metadata-token-ttl-seconds", "21600")], "session") });
    let router = Router::new()
        .route("/latest/api/token", token)
        .route(roles, answer("runner".to_owned()))
        .route(&format!("{roles}runner"), answer(given.to_string()))
        .route("/latest/meta-data/placement/region", answer(REGION.to_owned()));
    let service = serve(&world, router);
    let variables =
        [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*service)];
    is_found(&world, &variables, &[]);
}
