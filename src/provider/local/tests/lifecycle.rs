use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test]
async fn creating_with_the_same_operation_makes_one_sandbox() {
    let bench = Bench::new(env(&[("A", "1")])).await;
    let (reporter, mut reports) = listener();
    let again = CreateRequest { reporter, ..creation("op-1", env(&[("A", "1")])) };
    let again = bench.local.create(again).await.unwrap();
    assert_eq!(again.remote_id, bench.id);
    assert_eq!(reports.recv().await.unwrap().1, Report::RemoteId(bench.id.clone()));
    let other = bench.local.create(creation("op-other", Value::null())).await.unwrap();
    assert_ne!(other.remote_id, bench.id);
    assert_eq!(bench.local.list(everything()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_creations_at_once_make_one_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let local = local(&data);
    let create = || local.create(creation("op-1", Value::null()));
    let (one, two, three) = tokio::join!(create(), create(), create());
    let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    assert!(one == two && two == three);
    assert_eq!(local.list(everything()).await.unwrap(), [one]);
}

#[tokio::test]
async fn a_sandbox_reports_what_it_was_made_of() {
    let bench = Bench::new(env(&[("A", "1")])).await;
    let object = bench.local.read(ResourceType::Sandbox, &bench.id).await.unwrap().unwrap();
    assert_eq!(object.ownership, Some(owner("op-1")));
    let text = |name| object.attributes.get(name).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(text("name").as_deref(), Some("review-ada"));
    assert_eq!(text("created_at").as_deref(), Some("2026-11-21T12:00:00Z"));
    assert_eq!(text("expires_at").as_deref(), Some("2026-11-21T20:00:00Z"));
    assert_eq!(text("hourly_cost").as_deref(), Some("0"));
    assert!(object.attributes.get("ssh_command").unwrap().is_null());
    assert!(object.attributes.get("status").is_none());
    let mode = fs::metadata(bench.path("sandbox.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_secret_variable_is_reported_as_secret() {
    let variables = Arc::new([("T".into(), Value::from("hunter2").sensitive())].into());
    let attributes = Value::object([("env", Value::Map(crate::value::Type::String, variables))]);
    let bench = Bench::new(attributes.clone()).await;
    let object = bench.local.read(ResourceType::Sandbox, &bench.id).await.unwrap().unwrap();
    assert_eq!(object.attributes.get("env"), attributes.get("env"));
    assert_eq!(bench.says("echo $T").await, "hunter2");
}

#[tokio::test]
async fn a_label_changed_by_hand_is_seen() {
    let labels = Value::string_map([("owner", "ada")]);
    let bench = Bench::new(Value::object([("labels", labels)])).await;
    let path = bench.path("sandbox.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"owner\": \"ada\"", "\"owner\": \"lin\"")).unwrap();
    let object = bench.local.list(everything()).await.unwrap().remove(0);
    assert_eq!(object.attributes.get("labels"), Some(&Value::string_map([("owner", "lin")])));
    assert!(object.ownership.is_some());
}

#[tokio::test]
async fn damage_is_listed_and_never_a_crash() {
    let bench = Bench::plain().await;
    let sandboxes = bench.data.path().join("sandboxes");
    for (name, text) in [
        ("sb-empty", ""),
        ("sb-binary", "\0\u{1}"),
        ("sb-list", "[1]"),
        ("sb-other", "{\"name\":\"x\"}"),
    ] {
        fs::create_dir(sandboxes.join(name)).unwrap();
        fs::write(sandboxes.join(name).join("sandbox.json"), text).unwrap();
    }
    fs::create_dir(sandboxes.join("sb-bare")).unwrap();
    fs::write(sandboxes.join("a-file"), "").unwrap();
    let text = fs::read_to_string(bench.path("sandbox.json")).unwrap();
    fs::write(bench.path("sandbox.json"), text.replace("sandplan-lineage", "lineage")).unwrap();
    let objects = bench.local.list(everything()).await.unwrap();
    let ids: Vec<_> = objects.iter().map(|object| object.remote_id.as_str()).collect();
    assert_eq!(
        ids,
        ["sb-bare", "sb-binary", "sb-empty", "sb-list", "sb-other", bench.id.as_str()]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert!(objects.iter().all(|object| object.ownership.is_none()));
    let damaged = RemoteId::from("sb-binary");
    let error = Exec::exec(
        &bench.local,
        ExecRequest { machine: Machine::of(damaged.clone()), ..bench.request(&["true"]) },
    );
    assert!(error.await.is_err());
    bench.local.delete(DeleteRequest { remote_id: damaged, ..bench.deletion() }).await.unwrap();
    assert_eq!(bench.local.list(everything()).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_project_sees_its_own_and_what_nobody_can_read() {
    let bench = Bench::plain().await;
    let foreign = Ownership { project: "q".into(), ..owner("op-q") };
    bench
        .local
        .create(CreateRequest { ownership: foreign, ..creation("op-q", Value::null()) })
        .await
        .unwrap();
    fs::create_dir(bench.data.path().join("sandboxes/sb-bare")).unwrap();
    let of_p = ListRequest { project: Some("p".into()), ..everything() };
    assert_eq!(bench.local.list(of_p).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_missing_data_directory_is_an_empty_listing() {
    let data = tempfile::tempdir().unwrap();
    let gone = Local::new(ProviderRef::of("local"), data.path().join("x"), local(&data).clock);
    assert_eq!(gone.list(everything()).await.unwrap(), []);
    assert_eq!(gone.read(ResourceType::Sandbox, &"sb-1".into()).await.unwrap(), None);
}

#[tokio::test]
async fn ids_lead_nowhere_but_to_sandboxes() {
    let bench = Bench::plain().await;
    for id in ["", ".", "..", "../sandboxes", "/etc", "a/b"] {
        assert!(bench.local.store.find(id).is_none(), "{id}");
    }
}

#[tokio::test]
async fn an_update_changes_what_the_platform_knows() {
    let bench = Bench::new(env(&[("A", "1")])).await;
    let after = Value::object([
        ("env", Value::string_map([("A", "2")])),
        ("name", Value::from("other")),
        ("network", Value::from("none")),
    ]);
    let request = UpdateRequest {
        operation: "op-2".into(),
        kind: ResourceType::Sandbox,
        remote_id: bench.id.clone(),
        ownership: Ownership { expires_at: None, ..owner("op-1") },
        before: env(&[("A", "1")]),
        attributes: after.clone(),
        changed: vec![AttributePath::attribute("env")],
        reporter: Reporter::silent(),
    };
    let updated = bench.local.update(request.clone()).await.unwrap();
    assert_eq!(
        bench.local.read(ResourceType::Sandbox, &bench.id).await.unwrap(),
        Some(updated.clone())
    );
    assert_eq!(updated.attributes.get("env"), after.get("env"));
    assert!(updated.attributes.get("expires_at").unwrap().is_null());
    assert_eq!(bench.says("echo $A; hostname").await, "2\nother");
    let gone = UpdateRequest { remote_id: "sb-gone".into(), ..request };
    assert_eq!(bench.local.update(gone).await.unwrap_err().kind, ProviderErrorKind::NotFound);
}

#[tokio::test]
async fn deletion_removes_whatever_the_sandbox_left() {
    let bench = Bench::plain().await;
    bench.says("mkdir -p ~/a/b; touch ~/a/b/c; chmod 0 ~/a/b ~/a; mkfifo ~/p; chmod 555 ~").await;
    // Deeper than a process may have directories open, and than a path may be long.
    bench
        .says("cd /workspace; perl -e 'for (1..3000) { mkdir \"dddd\"; chdir \"dddd\" or die }'")
        .await;
    bench.local.delete(bench.deletion()).await.unwrap();
    assert_eq!(bench.local.list(everything()).await.unwrap(), []);
    assert_eq!(fs::read_dir(bench.data.path().join("trash")).unwrap().count(), 0);
    bench.local.delete(bench.deletion()).await.unwrap();
}

#[tokio::test]
async fn deletion_follows_no_links() {
    let bench = Bench::plain().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "").unwrap();
    std::os::unix::fs::symlink(outside.path(), bench.path("home/link")).unwrap();
    bench.local.delete(bench.deletion()).await.unwrap();
    assert!(outside.path().join("kept").exists());
}

#[tokio::test]
async fn no_process_survives_deletion() {
    let bench = Bench::plain().await;
    let (told, mut lines) = unbounded_channel();
    let script = "setsid sh -c 'trap \"\" TERM INT HUP; sleep 987654' & echo up; wait";
    let mut request = bench.request(&["sh", "-c", script]);
    request.io = ExecIo::Capture(Some(told));
    // Another provider object, as another `sandplan exec` would have.
    let other = local(&bench.data);
    let running = tokio::spawn(async move { Exec::exec(&other, request).await });
    lines.recv().await.unwrap();
    bench.local.delete(bench.deletion()).await.unwrap();
    assert_eq!(super::running::survivors_of(&bench), 0);
    assert_eq!(running.await.unwrap().unwrap().code, 137);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sandboxes_are_made_at_once_and_listed() {
    // In memory: ext4 is slow for seconds where many files were just deleted.
    let data = tempfile::tempdir_in("/dev/shm").unwrap();
    let local = local(&data);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let local = local.clone();
        tasks.spawn(async move {
            local.create(creation(&format!("op-{number}"), env(&[("A", "1")]))).await
        });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(local.list(everything()).await.unwrap().len(), 1000);
}
