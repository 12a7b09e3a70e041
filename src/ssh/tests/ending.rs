use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use tokio::sync::mpsc::unbounded_channel;

use super::*;

#[tokio::test]
async fn a_command_whose_time_is_over_is_ended_and_what_it_said_is_kept() {
    let bench = Bench::new();
    let script = sh("trap '' TERM INT HUP; echo up; sh -c 'sleep 75001' & sleep 75001");
    let limit = Some(Duration::from_millis(800));
    let endpoint = bench.server.endpoint();
    let io = ExecIo::Capture(None);
    let outcome = bench.connections.exec(&endpoint, &script, io, limit).await.unwrap();
    assert_eq!((outcome.code, &outcome.stdout[..]), (124, &b"up\n"[..]));
    until_gone("sleep 75001").await;
}

#[tokio::test]
async fn time_also_ends_for_who_is_not_read() {
    let bench = Bench::new();
    let (output, _unread) = tokio::io::duplex(1024);
    let io = ExecIo::Stream { input: Box::new(tokio::io::empty()), output: Box::new(output) };
    let limit = Some(Duration::from_millis(500));
    let endpoint = bench.server.endpoint();
    let script = sh("yes 75002");
    let outcome = bench.connections.exec(&endpoint, &script, io, limit).await.unwrap();
    assert_eq!(outcome.code, 124);
    until_gone("yes 75002").await;
}

#[tokio::test]
async fn giving_up_a_running_command_ends_it() {
    let bench = Bench::new();
    let (told, mut lines) = unbounded_channel();
    let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
    let io = ExecIo::Capture(Some(told));
    let running = tokio::spawn(async move {
        connections.exec(&endpoint, &sh("trap '' TERM HUP; echo up; sleep 75003"), io, None).await
    });
    lines.recv().await.unwrap();
    assert!(is_running("sleep 75003"));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    bench.connections.settle().await;
    until_gone("sleep 75003").await;
}

#[tokio::test]
async fn giving_up_a_command_at_any_moment_of_its_start_leaves_nothing() {
    let bench = Bench::new();
    bench.connections.connect(&bench.server.endpoint()).await.unwrap();
    for moment in 0..30 {
        let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
        let running = tokio::spawn(async move {
            connections.exec(&endpoint, &sh("sleep 75004"), ExecIo::Capture(None), None).await
        });
        // Not to wait for anything: to hit each stage of a start once.
        tokio::time::sleep(Duration::from_millis(moment)).await;
        running.abort();
        let _ = running.await;
    }
    bench.connections.settle().await;
    until_gone("sleep 75004").await;
    assert_eq!(bench.says("echo served").await, "served\n");
}

#[tokio::test]
async fn a_connection_lost_in_the_midst_leaves_it_open_what_became_of_the_command() {
    let mut bench = Bench::new();
    let (told, mut lines) = unbounded_channel();
    let (connections, endpoint) = (bench.connections.clone(), bench.server.endpoint());
    let io = ExecIo::Capture(Some(told));
    let running = tokio::spawn(async move {
        connections.exec(&endpoint, &sh("echo up; sleep 3"), io, None).await
    });
    lines.recv().await.unwrap();
    bench.server.kill();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind, &error.committed),
        (ProviderErrorKind::Unavailable, &Committed::Unknown)
    );
    assert!(error.message.contains("lost"), "{error}");
}

/// Not a test: what the tests below start as a process of its own.
#[tokio::test]
async fn an_exec_of_another_process() {
    let Ok(script) = std::env::var("SANDPLAN_TEST_SSH") else { return };
    let bench = Bench::new();
    let endpoint = bench.server.endpoint();
    let io = ExecIo::Inherit;
    let outcome = bench.connections.exec(&endpoint, &sh(&script), io, None).await.unwrap();
    bench.connections.settle().await;
    std::fs::write(std::env::var("SANDPLAN_TEST_CODE").unwrap(), outcome.code.to_string()).unwrap();
}

/// Starts it, and returns it once it has said `up`.
fn elsewhere(script: &str, code: &Path, stdin: Stdio) -> (Child, ChildStdout) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ssh::tests::ending::an_exec_of_another_process", "--nocapture"])
        .env("SANDPLAN_TEST_SSH", script)
        .env("SANDPLAN_TEST_CODE", code)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.ends_with("up\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    (child, stdout)
}

fn send(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn signals_of_this_process_reach_the_command_once_and_leave_it_the_choice() {
    let code = tempfile::NamedTempFile::new().unwrap();
    let script = "n=0; trap 'n=$((n+1)); echo caught $n' INT; trap 'echo bye $n; exit 5' TERM; \
                  echo up; while :; do sleep 0.05; done";
    let (mut child, mut stdout) = elsewhere(script, code.path(), Stdio::null());
    send(&child, rustix::process::Signal::INT);
    let mut said = [0; 9];
    stdout.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"caught 1\n");
    send(&child, rustix::process::Signal::TERM);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("bye 1\n"), "{rest}");
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(code.path()).unwrap(), "5");
}

#[test]
fn this_process_s_own_streams_are_the_command_s() {
    let code = tempfile::NamedTempFile::new().unwrap();
    let script = "echo up; tr a-z A-Z; exit 6";
    let (mut child, mut stdout) = elsewhere(script, code.path(), Stdio::piped());
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"piped in\n").unwrap();
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("PIPED IN\n"), "{rest}");
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(code.path()).unwrap(), "6");
}

#[test]
fn a_command_whose_reader_has_gone_gets_a_broken_pipe() {
    let code = tempfile::NamedTempFile::new().unwrap();
    let (mut child, stdout) = elsewhere("echo up; exec yes", code.path(), Stdio::null());
    drop(stdout);
    child.wait().unwrap();
    assert_eq!(std::fs::read_to_string(code.path()).unwrap(), "141");
}
