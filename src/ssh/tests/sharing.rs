use super::*;

#[tokio::test]
async fn fifty_commands_at_once_share_one_connection() {
    let bench = Bench::new();
    let all = (0..50).map(|n| {
        let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
        tokio::spawn(async move {
            let script = sh(&format!("sleep 0.05; echo {n}; exit {n}"));
            let outcome = connections.exec(&endpoint, &script, ExecIo::Capture(None), None).await;
            let outcome = outcome.unwrap();
            assert_eq!(outcome.code, n);
            assert_eq!(outcome.stdout, format!("{n}\n").as_bytes());
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(bench.server.logins(), 1, "{}", bench.server.log());
}

#[tokio::test]
async fn a_server_that_allows_few_sessions_is_asked_again() {
    let bench = Bench::with("MaxSessions 2");
    let all = (0..12).map(|n| {
        let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
        tokio::spawn(async move {
            let script = sh("sleep 0.05; echo served");
            let outcome = connections.exec(&endpoint, &script, ExecIo::Capture(None), None).await;
            assert_eq!(outcome.unwrap().stdout, b"served\n", "{n}");
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(bench.server.logins(), 1);
}

#[tokio::test]
async fn who_would_wait_for_ever_gets_a_connection_of_its_own() {
    let bench = Bench::new();
    let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
    let (told, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let sleeping: Vec<_> = (0..9)
        .map(|_| {
            let (connections, endpoint) = (connections.clone(), endpoint.clone());
            let io = ExecIo::Capture(Some(told.clone()));
            tokio::spawn(async move {
                connections.exec(&endpoint, &sh("echo up; sleep 74001"), io, None).await
            })
        })
        .collect();
    for _ in 0..9 {
        lines.recv().await.unwrap();
    }
    assert_eq!(bench.server.logins(), 1);
    assert_eq!(bench.says("echo served").await, "served\n");
    assert_eq!(bench.server.logins(), 2);
    sleeping.iter().for_each(tokio::task::JoinHandle::abort);
    until_gone("sleep 74001").await;
}

#[tokio::test]
async fn many_who_cannot_connect_fail_together() {
    let mut bench = Bench::new();
    bench.server.kill();
    let began = std::time::Instant::now();
    let all: Vec<_> = (0..50)
        .map(|_| {
            let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
            tokio::spawn(async move { connections.connect(&endpoint).await })
        })
        .collect();
    for one in all {
        let error = one.await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind, &error.committed),
            (ProviderErrorKind::Unavailable, &Committed::No)
        );
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_connection_that_was_lost_is_made_anew() {
    let mut bench = Bench::new();
    assert_eq!(bench.says("echo 1").await, "1\n");
    bench.server.kill();
    let error = bench.exec(&sh("true"), ExecIo::Capture(None)).await.unwrap_err();
    assert_eq!((error.kind, &error.committed), (ProviderErrorKind::Unavailable, &Committed::No));
    bench.server.launch();
    assert_eq!(bench.says("echo 2").await, "2\n");
    assert_eq!(bench.server.logins(), 2);
}
