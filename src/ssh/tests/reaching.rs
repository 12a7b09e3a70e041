use std::sync::Mutex;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

/// Writes down what is waited for.
#[derive(Default)]
struct Phases(Mutex<Vec<String>>);

impl Phases {
    fn tell(&self, phase: &str) {
        self.0.lock().unwrap().push(phase.to_owned());
    }

    fn told(&self) -> String {
        self.0.lock().unwrap().join("; ")
    }
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_later_is_waited_for_through_all_its_stages() {
    let mut server = Server::prepare("");
    let connections = Connections::new(server.identities());
    let phases = Phases::default();
    // First somebody hangs up at once, as a machine does whose sshd is not set up.
    let rude = TcpListener::bind(("127.0.0.1", server.port)).await.unwrap();
    let allowed = std::fs::read_to_string(server.path("authorized_keys")).unwrap();
    std::fs::write(server.path("authorized_keys"), "").unwrap();
    let endpoint = server.endpoint();
    let on_phase = |phase: &str| phases.tell(phase);
    let waiting = connections.wait_until_reachable(&endpoint, in_seconds(60), &on_phase);
    let booting = async {
        for answer in ["", "not a greeting\r\n"] {
            let (mut stream, _) = rude.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        drop(rude);
        // Nobody listens for a moment; then keys are not there yet.
        tokio::task::block_in_place(|| server.launch());
        while !server.log().contains("Connection closed by authenticating user")
            && !server.log().contains("Failed publickey")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        std::fs::write(server.path("authorized_keys"), allowed).unwrap();
    };
    let (reached, ()) = tokio::join!(waiting, booting);
    reached.unwrap();
    let told = phases.told();
    assert!(told.starts_with("waiting for the machine to answer; waiting for ssh"), "{told}");
    assert!(told.ends_with("waiting for the login to be allowed"), "{told}");
    // The connection is kept.
    let io = ExecIo::Capture(None);
    connections.exec(&endpoint, &sh("true"), io, None).await.unwrap();
    assert_eq!(server.logins(), 1);
}

#[tokio::test]
async fn another_host_key_is_not_waited_for() {
    let bench = Bench::new();
    let endpoint =
        Endpoint { pins: vec![host_key::generate().unwrap().1], ..bench.server.endpoint() };
    let began = Instant::now();
    let waited = bench.connections.wait_until_reachable(&endpoint, in_seconds(60), &|_| {}).await;
    assert_eq!(waited.unwrap_err().kind, ProviderErrorKind::Untrusted);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn what_was_missing_at_the_deadline_is_told() {
    let bench = Bench::new();
    std::fs::write(bench.server.path("authorized_keys"), "").unwrap();
    let endpoint = bench.server.endpoint();
    let error = bench.connections.wait_until_reachable(&endpoint, in_seconds(1), &|_| {}).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Denied, "{error}");
    assert!(error.message.contains("sandplan's own key"), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint { port: silent.local_addr().unwrap().port(), ..endpoint };
    let error = bench.connections.wait_until_reachable(&endpoint, in_seconds(1), &|_| {}).await;
    assert_eq!(error.unwrap_err().kind, ProviderErrorKind::Unavailable);
    drop(silent);
    let error = bench.connections.wait_until_reachable(&endpoint, in_seconds(1), &|_| {}).await;
    let error = error.unwrap_err();
    assert!(error.message.contains("refused"), "{error}");
}
