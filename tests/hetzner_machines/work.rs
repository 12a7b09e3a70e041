//! Work in a machine: commands, files, ports, logs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::Stage;
use crate::support::Ran;

const AT_ONCE: usize = 50;

const BOX: &str = r#"
sandbox "box" {
  env = { GREETING = "hello world" }
  provision "talk" { run = ["sh", "-c", "echo said; echo complained >&2"] }
  port "app" { guest = 3000 }
  sync {
    from = "./fixtures"
    to   = "/home/agent/fixtures"
  }
}
"#;

fn stage() -> Option<Stage> {
    let stage = Stage::new(BOX)?;
    stage.env.write("fixtures/a", "a\n");
    stage.env.write("fixtures/deep/b", "b\n");
    stage.apply();
    Some(stage)
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

/// Reads one line of what a program prints.
fn line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn commands_have_their_streams_their_codes_and_the_sandboxs_environment() {
    let Some(stage) = stage() else { return };
    let said = stage.exec("echo out; echo err >&2; exit 9").exits(9);
    assert_eq!((&*said.stdout, &*said.stderr), ("out\n", "err\n"));
    assert_eq!(
        stage.exec("echo $GREETING; pwd; id -un").stdout,
        "hello world\n/home/agent\nagent\n"
    );
    let words = [
        "exec",
        "-e",
        "MORE=it's",
        "-workdir=/tmp",
        "box",
        "--",
        "sh",
        "-c",
        "echo \"$MORE\" \"$1\"; pwd",
        "sh",
        "a  b",
    ];
    assert_eq!(stage.run(&words).exits(0).stdout, "it's a  b\n/tmp\n");
    stage.run(&["exec", "box", "--", "no-such-command"]).exits(127);
    stage.run(&["exec", "box", "--", "/etc/passwd"]).exits(126);
    stage.run(&["exec", "nobody", "--", "true"]).exits(125).says("nobody");
    stage.exec("kill -TERM $$").exits(143);

    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut sort = stage.spawn(&["exec", "box", "--", "cat"]);
    let (mut stdin, sent) = (sort.stdin.take().unwrap(), input.clone());
    let feeder = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = sort.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
}

#[test]
fn ctrl_c_reaches_the_command_which_ends_as_it_likes() {
    let Some(stage) = stage() else { return };
    let script = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    let mut child = stage.spawn(&["exec", "box", "--", "sh", "-c", script]);
    assert_eq!(line(&mut child), "ready\n");
    interrupt(&child);
    let ran = Ran::from(child.wait_with_output().unwrap()).exits(7);
    assert_eq!(ran.stdout, "caught\n");
    let mut child =
        stage.spawn(&["exec", "box", "--", "sh", "-c", "echo ready; exec sleep 1000.5"]);
    assert_eq!(line(&mut child), "ready\n");
    interrupt(&child);
    Ran::from(child.wait_with_output().unwrap()).exits(130);
    let left = stage.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep [1]000'");
    assert_eq!(left.stdout, "0\n");
}

#[test]
fn many_commands_run_at_once() {
    let Some(stage) = stage() else { return };
    let children: Vec<Child> = (0..AT_ONCE)
        .map(|number| {
            let script = format!("cat; echo {number}; exit {number}");
            stage.spawn(&["exec", "box", "--", "sh", "-c", &script])
        })
        .collect();
    for (number, mut child) in children.into_iter().enumerate() {
        child.stdin.take().unwrap().write_all(b"in ").unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap()).exits(number as i32);
        assert_eq!(ran.stdout, format!("in {number}\n"));
    }
}

#[test]
fn files_are_copied_both_ways_and_synced() {
    let Some(stage) = stage() else { return };
    stage.env.write("tree/x", "x\n");
    stage.env.write("tree/y y/z", vec![7; 300_000]);
    stage.sandplan("cp tree box:copied").exits(0);
    stage.sandplan("cp tree/x box:/home/agent/single").exits(0);
    let said = stage.exec("cat copied/x single; wc -c <'copied/y y/z'; stat -c %U single").exits(0);
    assert_eq!(said.stdout, "x\nx\n300000\nagent\n");
    stage.sandplan("cp box:copied back").exits(0);
    assert_eq!(fs::read(stage.env.work().join("back/y y/z")).unwrap(), vec![7; 300_000]);
    stage.sandplan("cp box:nothing back2").exits(1).says("nothing");

    assert_eq!(stage.exec("cat fixtures/a fixtures/deep/b").stdout, "a\nb\n");
    stage.env.write("fixtures/a", "changed\n");
    fs::remove_file(stage.env.work().join("fixtures/deep/b")).unwrap();
    stage.sandplan("sync box").exits(0);
    assert_eq!(stage.exec("cat fixtures/a; ls fixtures/deep").stdout, "changed\n");
    stage.sandplan("plan -detailed-exitcode").exits(0);
}

/// A port of loopback that nobody has.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks for the file `page`, as often as it takes until somebody listens.
fn fetched(port: u16) -> String {
    loop {
        let mut text = String::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.write_all(b"GET /page HTTP/1.0\r\n\r\n").unwrap();
            drop(stream.read_to_string(&mut text));
        }
        if text.contains("200 OK") {
            return text;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn ports_are_brought_here_until_ctrl_c() {
    let Some(stage) = stage() else { return };
    stage.sandplan("port box nope").exits(64).says("`nope`");
    stage.exec("echo from the sandbox > page").exits(0);
    // Bodies share this machine's loopback, so the two ports must differ.
    let (here, there) = (free_port(), free_port());
    let serve = format!("exec python3 -m http.server {there} --bind 127.0.0.1");
    let server = stage.spawn(&["exec", "box", "--", "sh", "-c", &serve]);
    let mut forward = stage.spawn(&["port", "box", &format!("{here}:{there}")]);
    fetched(there);
    assert!(fetched(here).ends_with("from the sandbox\n"));
    interrupt(&server);
    server.wait_with_output().unwrap();
    // Nobody listens in the sandbox now; the forward says so and stays.
    let mut stream = TcpStream::connect(("127.0.0.1", here)).unwrap();
    let mut nothing = Vec::new();
    drop(stream.read_to_end(&mut nothing));
    assert!(nothing.is_empty());
    assert!(forward.try_wait().unwrap().is_none());
    interrupt(&forward);
    Ran::from(forward.wait_with_output().unwrap()).says(&format!("127.0.0.1:{here}")).exits(0);
}

#[test]
fn logs_show_what_steps_wrote() {
    let Some(stage) = stage() else { return };
    stage.sandplan("logs box").exits(0).says("==> talk <==").says("said\ncomplained");
    let said = stage.sandplan("logs box talk").exits(0);
    assert_eq!(said.stdout, "said\ncomplained\n");
    stage.sandplan("logs box nope").exits(1).says("provision:talk");
}
