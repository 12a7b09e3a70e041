use super::*;

#[tokio::test]
async fn a_snapshot_brings_files_back_and_outlives_its_sandbox() {
    let bench = Bench::plain().await;
    bench
        .says(
            "echo 1 >a; mkdir d; ln -s /etc d/l; chmod 700 d; echo w >/workspace/w; echo t >/tmp/t",
        )
        .await;
    let saved = bench.local.snapshot(&bench.id, "warm").await.unwrap();
    assert_eq!((saved.name.as_str(), &saved.sandbox), ("warm", &bench.id));
    assert!(saved.bytes > 0);
    assert_eq!(
        Snapshots::snapshots(&bench.local, &bench.id).await.unwrap(),
        std::slice::from_ref(&saved)
    );

    bench.says("echo 2 >a; rm -r d; echo x >b; rm /workspace/w; echo u >/tmp/t").await;
    bench.local.restore(&bench.id, "warm").await.unwrap();
    let now = bench.says("cat a /workspace/w /tmp/t; ls; readlink d/l; stat -c '%a %u' d").await;
    assert_eq!(now, "1\nw\nu\na\nd\n/etc\n700 1000");

    bench.local.delete(bench.deletion()).await.unwrap();
    let other = bench.local.create(creation("op-3", Value::null())).await.unwrap().remote_id;
    let error = bench.local.restore(&other, "warm").await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::NotFound, "{error}");
    bench.local.restore(&other, saved.id.as_str()).await.unwrap();
    let cat = ExecRequest { machine: Machine::of(other), ..bench.request(&["cat", "a"]) };
    assert_eq!(Exec::exec(&bench.local, cat).await.unwrap().stdout, b"1\n");
}

#[tokio::test]
async fn a_snapshots_name_is_taken_once_for_each_sandbox() {
    let bench = Bench::plain().await;
    bench.local.snapshot(&bench.id, "warm").await.unwrap();
    let error = bench.local.snapshot(&bench.id, "warm").await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::AlreadyExists);
    let other = bench.local.create(creation("op-3", Value::null())).await.unwrap();
    bench.local.snapshot(&other.remote_id, "warm").await.unwrap();
    assert_eq!(Snapshots::snapshots(&bench.local, &bench.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_nothing_is_saved() {
    let bench = Bench::plain().await;
    bench.says("echo 1 >locked; chmod 0 locked").await;
    let error = bench.local.snapshot(&bench.id, "warm").await.unwrap_err();
    assert!(error.message.contains("home/agent/locked"), "{error}");
    assert_eq!(Snapshots::snapshots(&bench.local, &bench.id).await.unwrap(), []);
    assert_eq!(std::fs::read_dir(bench.data.path().join("staging")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_restore_ends_what_runs() {
    let bench = Bench::plain().await;
    bench.local.snapshot(&bench.id, "warm").await.unwrap();
    let (told, mut lines) = unbounded_channel();
    let mut request = bench.request(&["sh", "-c", "echo up; sleep 987654"]);
    request.io = ExecIo::Capture(Some(told));
    let local = bench.local.clone();
    let running = tokio::spawn(async move { Exec::exec(&local, request).await });
    lines.recv().await.unwrap();
    bench.local.restore(&bench.id, "warm").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().code, 137);
}
