use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::*;
use crate::provider::Files;
use crate::ssh::tests::server::{Server, user};

struct Bench {
    _server: Server,
    guest: Guest,
    machine: Machine,
}

impl Bench {
    fn new() -> Self {
        let server = Server::start("");
        let guest = Guest {
            address: server.endpoint().address,
            port: server.port,
            pins: vec![server.host_key],
            users: Users { ordinary: user(), system: "nobody-at-all".to_owned() },
            connections: Connections::new(server.identities()),
        };
        Self { _server: server, guest, machine: Machine::of("1") }
    }

    fn request(&self, argv: &[&str]) -> ExecRequest {
        ExecRequest {
            machine: self.machine.clone(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::new(),
            workdir: None,
            timeout: Some(Duration::from_secs(60)),
            io: ExecIo::Capture(None),
        }
    }
}

#[tokio::test]
async fn whoever_is_to_run_a_command_logs_in() {
    let bench = Bench::new();
    let outcome = bench.guest.exec(bench.request(&["id", "-un"])).await.unwrap();
    assert_eq!(outcome.stdout, format!("{}\n", user()).as_bytes());
    let mut request = bench.request(&["true"]);
    request.machine = bench.machine.as_root();
    let error = bench.guest.exec(request).await.unwrap_err();
    assert!(error.message.contains("nobody-at-all@127.0.0.1"), "{error}");
    assert_eq!(Users::default(), Users { ordinary: "agent".into(), system: "root".into() });
}

#[tokio::test]
async fn files_and_directories_are_copied_in_and_out() {
    let bench = Bench::new();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let odd = here.path().join("it's $a \"d\"\nir");
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("run\\me *"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(odd.join("run\\me *"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("run\\me *", odd.join("-link")).unwrap();
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(odd.join("large"), &large).unwrap();
    let target = there.path().to_str().unwrap();
    bench.guest.upload(&bench.machine, &odd, target).await.unwrap();
    let landed = there.path().join(odd.file_name().unwrap());
    assert!(fs::read(landed.join("large")).unwrap() == large);
    assert_eq!(fs::metadata(landed.join("-link")).unwrap().permissions().mode() & 0o777, 0o750);

    let back = tempfile::tempdir().unwrap();
    let from = landed.to_str().unwrap();
    bench.guest.download(&bench.machine, from, back.path()).await.unwrap();
    let returned = back.path().join(odd.file_name().unwrap());
    assert!(fs::read(returned.join("large")).unwrap() == large);
    assert!(fs::symlink_metadata(returned.join("-link")).unwrap().is_symlink());
    let error = bench.guest.download(&bench.machine, "no/such", back.path()).await.unwrap_err();
    assert!(error.message.contains("no/such"), "{error}");
    let error = bench.guest.upload(&bench.machine, &odd, "/no/such/place").await.unwrap_err();
    assert!(error.message.contains("/no/such"), "{error}");
}

#[tokio::test]
async fn ports_are_brought_here_and_problems_told() {
    let bench = Bench::new();
    let (problems, mut told) = tokio::sync::mpsc::unbounded_channel();
    let from = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = from.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let forwarding = bench.guest.forward(&bench.machine, from, closed, problems);
    let knocking = async {
        let _stream = tokio::net::TcpStream::connect(here).await.unwrap();
        told.recv().await.unwrap()
    };
    tokio::select! {
        ended = forwarding => panic!("{ended:?}"),
        problem = knocking => assert!(problem.contains(&closed.to_string()), "{problem}"),
    }
}
