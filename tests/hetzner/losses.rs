//! What the provider says of calls of which nobody knows how they ended, and
//! what it makes of servers that were left half-way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandplan::address::ResourceType;
use sandplan::object::{OperationId, Ownership, ProviderRef, RemoteId, RemoteObject};
use sandplan::provider::cloud::labels::WORDS;
use sandplan::provider::hetzner::access::Access;
use sandplan::provider::hetzner::{Hetzner, Settings};
use sandplan::provider::{
    Committed, CreateRequest, ListRequest, Provider, ProviderError, ProvisionRequest, Reporter,
    UpdateRequest,
};
use sandplan::ssh::Identities;
use sandplan::value::{AttributePath, Value};
use serde_json::Value as Json;

use crate::{LONG, World, hasty, world};

const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEZnHlBT1c6Q0eYv0JzJ6yYqH2JdO1c9oV3m1r8Wv4aF me";

/// The provider in a world, and where its own key is.
struct Stage {
    world: World,
    provider: Hetzner,
    _home: tempfile::TempDir,
}

async fn stage() -> Stage {
    let (world, home) = (world().await, tempfile::tempdir().unwrap());
    let access_key = Some(home.path().join("id_ed25519"));
    let settings = Settings {
        access: Ok(Access::new(Some(&world.emulator.url()), Some("token")).unwrap()),
        tuning: hasty(),
        regions: vec![],
        identities: Identities { access_key, agent: None, files: vec![] },
        clock: Arc::new(jiff::Timestamp::now),
        notices: sandplan::provider::Reporter::silent(),
    };
    let provider = Hetzner::new(ProviderRef::of("hetzner"), settings);
    Stage { world, provider, _home: home }
}

fn ownership(address: &str) -> Ownership {
    Ownership {
        project: "p".to_owned(),
        lineage: "l".into(),
        address: address.parse().unwrap(),
        operation: OperationId::from("0123456789"),
        expires_at: None,
    }
}

fn sandbox(image: &str) -> Value {
    let texts = [("server_type", "cpx32"), ("location", "ash"), ("hourly_cost", "1 EUR")];
    let candidate = Value::object(texts.map(|(name, text)| (name, Value::from(text))));
    Value::object([("image", Value::from(image)), ("candidates", Value::tuple([candidate]))])
}

impl Stage {
    async fn create(
        &self,
        address: &str,
        attributes: Value,
    ) -> Result<RemoteObject, ProviderError> {
        let ownership = ownership(address);
        let request = CreateRequest {
            operation: ownership.operation.clone(),
            kind: ownership.address.kind(),
            ownership,
            attributes,
            reporter: Reporter::silent(),
        };
        self.provider.create(request).await
    }

    async fn update(
        &self,
        id: &RemoteId,
        (before, after): (Value, Value),
        changed: &str,
    ) -> Result<RemoteObject, ProviderError> {
        let ownership = ownership("sandbox.a");
        let request = UpdateRequest {
            operation: ownership.operation.clone(),
            kind: ResourceType::Sandbox,
            remote_id: id.clone(),
            ownership,
            before,
            attributes: after,
            changed: vec![AttributePath::attribute(changed)],
            reporter: Reporter::silent(),
        };
        self.provider.update(request).await
    }

    async fn listed(&self) -> Vec<RemoteObject> {
        let request = ListRequest { kind: ResourceType::Sandbox, project: None };
        self.provider.list(request).await.unwrap()
    }

    async fn objects(&self) -> Json {
        let text = reqwest::get(format!("{}/_objects", self.world.emulator.url())).await.unwrap();
        serde_json::from_slice(&text.bytes().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_key_of_which_nobody_can_say_whose_it_is_stays_open() {
    let stage = stage().await;
    let key = || Value::object([("public_key", Value::from(PUBLIC_KEY))]);
    stage.create("ssh_key.a", key()).await.unwrap();
    stage.world.fault(r#"{"kind": "cut_before", "method": "GET", "path": "/ssh_keys"}"#).await;
    let error = stage.create("ssh_key.b", key()).await.unwrap_err();
    assert_eq!(error.committed, Committed::Unknown, "{error}");
}

#[tokio::test]
async fn a_snapshot_whose_answer_was_lost_is_waited_for() {
    let stage = stage().await;
    let server = stage.world.server("a").await;
    let arguments = || Value::object([("sandbox", Value::from(server.id.to_string()))]);
    let cut = r#"{"kind": "cut_after", "path": "/servers/{id}/actions/create_image", "times": 1}"#;
    stage.world.fault(cut).await;
    let made = stage.create("snapshot.s", arguments()).await.unwrap();
    let images = stage.objects().await["images"].clone();
    assert_eq!(images[0]["id"].to_string(), made.remote_id.as_str());
    assert_eq!(
        (images[0]["status"].as_str(), images.as_array().unwrap().len()),
        (Some("available"), 1)
    );
}

#[tokio::test]
async fn a_snapshot_of_which_nobody_can_say_anything_stays_open() {
    let stage = stage().await;
    let server = stage.world.server("a").await;
    let cut = r#"{"kind": "cut_after", "path": "/servers/{id}/actions/create_image"}"#;
    stage.world.fault(cut).await;
    stage.world.fault(r#"{"kind": "cut_before", "method": "GET", "path": "/images"}"#).await;
    let arguments = Value::object([("sandbox", Value::from(server.id.to_string()))]);
    let error = stage.create("snapshot.s", arguments).await.unwrap_err();
    assert_eq!(error.committed, Committed::Unknown, "{error}");
}

#[tokio::test]
async fn a_server_that_is_off_is_reported_and_the_next_update_switches_it_on() {
    let stage = stage().await;
    let made = stage.create("sandbox.a", sandbox("ubuntu-24.04")).await.unwrap();
    assert_eq!(stage.listed().await[0].attributes.get("status"), None, "the state knows better");
    let id = made.remote_id.as_str().parse().unwrap();
    for switch in ["shutdown", "poweroff"] {
        let actions = match switch {
            "shutdown" => stage.world.client.shut_down(id).await.unwrap(),
            _ => stage.world.client.power_off(id).await.unwrap(),
        };
        stage.world.client.wait(&actions, LONG, |_| {}).await.unwrap();
        let off = stage.listed().await[0].attributes.get("status").cloned();
        assert_eq!(off, Some(Value::from("off")), "{switch}");
        let same = || sandbox("ubuntu-24.04");
        stage.update(&made.remote_id, (same(), same()), "status").await.unwrap();
        assert_eq!(stage.objects().await["servers"][0]["status"], "running", "{switch}");
    }
}

#[tokio::test]
async fn a_server_that_never_starts_is_not_waited_for_till_the_end() {
    let stage = stage().await;
    stage.world.fault(r#"{"kind": "cut_after", "method": "POST", "path": "/servers"}"#).await;
    stage.world.fault(r#"{"kind": "action_fails", "command": "start_server"}"#).await;
    let began = Instant::now();
    let error = stage.create("sandbox.a", sandbox("ubuntu-24.04")).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(matches!(error.committed, Committed::Partially(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_fails_to_start_after_all_is_not_provisioned() {
    let stage = stage().await;
    stage.world.fault(r#"{"kind": "action_fails", "command": "start_server"}"#).await;
    let made = stage.world.order("a").await.object;
    assert!(made.comes_up(), "{}", made.status);
    let request = ProvisionRequest {
        operation: OperationId::from("0123456789"),
        remote_id: RemoteId::from(made.id.to_string()),
        attributes: sandbox("ubuntu-24.04"),
        done: vec![],
        base_dir: "/".into(),
        reporter: Reporter::silent(),
    };
    let error = stage.provider.provision(request).await.unwrap_err();
    assert!(error.message.contains("still `off`"), "{error}");
}

#[tokio::test]
async fn before_a_rebuild_both_host_keys_are_pinned_and_after_it_the_new_one() {
    let stage = stage().await;
    let made = stage.create("sandbox.a", sandbox("ubuntu-24.04")).await.unwrap();
    let keys = |objects: &Json| {
        let all: BTreeMap<String, String> =
            serde_json::from_value(objects["servers"][0]["labels"].clone()).unwrap();
        assert!(WORDS.ownership(&all).is_some());
        let key = |name: &str| all.get(name).cloned();
        (key("sandplan-host-key"), key("sandplan-once-key"))
    };
    let (_, first) = keys(&stage.objects().await);
    let refuse = r#"{"kind": "status", "status": 422, "code": "invalid_input", "path": "/servers/{id}/actions/rebuild", "times": 1}"#;
    stage.world.fault(refuse).await;
    let change = || (sandbox("ubuntu-24.04"), sandbox("debian-12"));
    let error = stage.update(&made.remote_id, change(), "image").await.unwrap_err();
    assert_eq!(error.committed, Committed::No);
    let (old, new) = keys(&stage.objects().await);
    assert!(old == first && new != first, "{old:?} {new:?}");
    stage.update(&made.remote_id, change(), "image").await.unwrap();
    let (old, last) = keys(&stage.objects().await);
    assert!(old.is_none() && last.is_some() && last != new);
}
