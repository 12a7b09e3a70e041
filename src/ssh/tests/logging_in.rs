use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::server::secret;
use super::*;

/// A server that takes nobody yet, and a place for keys.
fn closed(config: &str) -> Server {
    let server = Server::start(config);
    std::fs::write(server.path("authorized_keys"), "").unwrap();
    server
}

fn run(program: &str, args: &[&str]) {
    let done = std::process::Command::new(program).args(args).stdout(Stdio::null()).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Makes a key file.
fn key(server: &Server, name: &str, options: &[&str]) -> PathBuf {
    let path = server.path(name);
    let file = path.to_str().unwrap();
    run("ssh-keygen", &[&["-q", "-C", name, "-f", file], options].concat());
    path
}

/// Lets a key in.
fn admit(server: &Server, key: &Path) {
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(server.path("authorized_keys"), public).unwrap();
}

async fn log_in(server: &Server, identities: Identities) -> Result<(), ProviderError> {
    Connections::new(identities).connect(&server.endpoint()).await
}

fn files(files: &[&PathBuf]) -> Identities {
    Identities {
        files: files.iter().map(|path| (*path).clone()).collect(),
        ..Identities::default()
    }
}

/// A real ssh-agent.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(server: &Server) -> Self {
        let socket = server.path("agent");
        let child = std::process::Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("these tests need openssh-client");
        // It says where it listens once it does.
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 8]).unwrap();
        Self { child, socket }
    }

    fn add(&self, key: &Path) {
        let added = std::process::Command::new("ssh-add")
            .args(["-q".as_ref(), key.as_os_str()])
            .env("SSH_AUTH_SOCK", &self.socket)
            .status();
        assert!(added.unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_server_with_another_host_key_gets_nothing_of_ours() {
    let bench = Bench::new();
    let (_, other) = host_key::generate().unwrap();
    let endpoint = Endpoint { pins: vec![other], ..bench.server.endpoint() };
    let error = bench.connections.connect(&endpoint).await.unwrap_err();
    assert_eq!((error.kind, &error.committed), (ProviderErrorKind::Untrusted, &Committed::No));
    for fingerprint in [other.fingerprint(), bench.server.host_key.fingerprint()] {
        assert!(error.message.contains(&fingerprint), "{error}");
    }
    assert!(error.message.contains("-replace"), "{error}");
    // Once more, so that the server has written down all that there was.
    bench.connections.connect(&bench.server.endpoint()).await.unwrap();
    let log = bench.server.log();
    let (first, _) = log.split_once("Accepted publickey").unwrap();
    // The test that looks whether it listens, the refusal, and the login.
    assert_eq!(first.matches("Connection from").count(), 3, "{log}");
    assert!(first.contains("Connection closed by 127.0.0.1"), "{log}");
    assert_eq!(bench.server.logins(), 1, "{log}");
    // No user name came before the key was known.
    assert!(!first.contains("Failed") && !first.contains("authenticating user"), "{log}");
}

#[tokio::test]
async fn any_of_several_pins_will_do_and_none_means_no() {
    let bench = Bench::new();
    let (_, other) = host_key::generate().unwrap();
    let own = bench.server.host_key;
    let pinned = |pins: &[HostKey]| Endpoint { pins: pins.into(), ..bench.server.endpoint() };
    bench.connections.connect(&pinned(&[other, own])).await.unwrap();
    // A connection that is open is no way around a pin.
    let error = bench.connections.connect(&pinned(&[other])).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Untrusted);
    let error = bench.connections.connect(&pinned(&[])).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Untrusted);
    assert_eq!(bench.server.logins(), 1);
}

#[tokio::test]
async fn a_server_without_an_ed25519_key_is_not_the_pinned_one() {
    let mut server = Server::prepare("");
    std::fs::remove_file(server.path("host_key")).unwrap();
    key(&server, "host_key", &["-t", "ecdsa", "-N", ""]);
    server.launch();
    let error = log_in(&server, server.identities()).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Untrusted);
    assert!(error.message.contains("ecdsa-sha2-nistp256"), "{error}");
}

#[tokio::test]
async fn key_files_of_every_kind_log_in() {
    let server = closed("");
    for (name, options) in [
        ("ed25519", &["-t", "ed25519", "-N", ""][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "384", "-N", ""]),
        ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
        ("rsa_pem", &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"]),
    ] {
        let path = key(&server, name, options);
        admit(&server, &path);
        log_in(&server, files(&[&path])).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let log = server.log();
    assert!(!log.contains("ssh-rsa SHA1"), "{log}");
}

#[tokio::test]
async fn keys_that_are_refused_or_locked_are_named() {
    let server = closed("");
    let missing = server.path("missing");
    let plain = key(&server, "plain", &["-t", "ed25519", "-N", ""]);
    let locked = key(&server, "locked", &["-t", "ed25519", "-N", "hunter2"]);
    let locked_pem =
        key(&server, "lockedpem", &["-t", "rsa", "-b", "2048", "-N", "hunter2", "-m", "PEM"]);
    let broken = server.path("broken");
    secret(&broken, "no key");
    admit(&server, &locked);
    let mut identities = files(&[&missing, &plain, &locked, &locked_pem, &broken]);
    identities.access_key = Some(server.path("id_ed25519"));
    identities.agent = Some(server.path("no-agent"));
    let error = log_in(&server, identities).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Denied);
    let message = &error.message;
    let (tried, not_tried) = message.split_once("Not tried:").unwrap();
    assert!(tried.contains("sandplan's own key") && tried.contains("plain"), "{message}");
    for said in [
        "locked has a passphrase",
        "lockedpem has a passphrase",
        "broken is no private",
        "no-agent cannot be asked",
    ] {
        assert!(not_tried.contains(said), "{said}: {message}");
    }
    assert!(!message.contains("missing"), "{message}");
    let error = log_in(&server, Identities::default()).await.unwrap_err();
    assert!(error.message.contains("no key to try"), "{error}");
}

#[tokio::test]
async fn an_agent_signs_with_keys_of_every_kind() {
    let server = closed("");
    let agent = Agent::start(&server);
    for (name, options) in [
        ("a1", &["-t", "ed25519", "-N", ""][..]),
        ("a2", &["-t", "rsa", "-b", "2048", "-N", ""]),
        ("a3", &["-t", "ecdsa", "-N", ""]),
    ] {
        let path = key(&server, name, options);
        agent.add(&path);
        admit(&server, &path);
        let identities = Identities { agent: Some(agent.socket.clone()), ..Identities::default() };
        log_in(&server, identities).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn an_agent_full_of_other_keys_does_not_hide_the_right_one() {
    // The server hangs up after three keys.
    let server = closed("MaxAuthTries 3");
    let agent = Agent::start(&server);
    for n in 0..7 {
        agent.add(&key(&server, &format!("k{n}"), &["-t", "ed25519", "-N", ""]));
    }
    let right = key(&server, "right", &["-t", "ed25519", "-N", ""]);
    admit(&server, &right);
    let identities = Identities { agent: Some(agent.socket.clone()), ..files(&[&right]) };
    log_in(&server, identities.clone()).await.unwrap();
    assert_eq!(server.logins(), 1);
    std::fs::write(server.path("authorized_keys"), "").unwrap();
    let error = log_in(&server, identities).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Denied, "{error}");
    assert!(error.message.contains("right") && error.message.contains("k6"), "{error}");
}

#[tokio::test]
async fn an_agent_that_has_died_is_left_out() {
    let server = Server::start("");
    let agent = Agent::start(&server);
    let socket = agent.socket.clone();
    drop(agent);
    let identities = Identities { agent: Some(socket), ..server.identities() };
    log_in(&server, identities).await.unwrap();
}
