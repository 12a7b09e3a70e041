//! The host key is ours alone, from the first connection to the last.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::Stage;
use crate::support::{Ran, SANDPLAN};

const BOX: &str = r#"
sandbox "box" {
  file "/home/agent/note" { content = "one\n" }
  provision "mark" { run = ["sh", "-c", "echo marked > mark"] }
}
"#;

/// How many runs are killed, and how far apart.
const KILLS: u32 = 18;
const APART: Duration = Duration::from_millis(40);
/// How long the platform takes to change labels, so that many kills fall into it.
const RELABELLING: u64 = 150;
const AT_ONCE: u32 = 3;

/// Makes another host key in the body, and lets sshd take it.
const CHANGE: &str = "cd /etc/ssh && rm ssh_host_ed25519_key* && \
    ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && \
    ssh-keygen -lf ssh_host_ed25519_key.pub && kill -HUP $(cat /run/sshd.pid)";

fn fingerprint(stage: &Stage) -> String {
    let key = stage.place("pins").join("key");
    fs::write(&key, shown(stage)).unwrap();
    let mut keygen = stage.command("ssh-keygen");
    second_word(&Ran::of(keygen.arg("-lf").arg(key)).exits(0).stdout)
}

fn second_word(text: &str) -> String {
    text.split_whitespace().nth(1).unwrap().to_owned()
}

/// The host key that the state knows.
fn shown(stage: &Stage) -> String {
    let shown = stage.sandplan("show -json").exits(0).stdout;
    let found = shown.split("\"host_key\":").nth(1).unwrap();
    found.split('"').nth(1).unwrap().to_owned()
}

/// Waits until sshd has started anew and shows another key than the state knows.
fn await_another_key(stage: &Stage) {
    let (address, known) = (stage.address(), shown(stage));
    loop {
        let mut scan = stage.command("ssh-keyscan");
        let seen = Ran::of(scan.args(["-t", "ed25519", &address])).stdout;
        if seen.contains("ssh-ed25519") && !seen.contains(&known) {
            return;
        }
    }
}

#[test]
fn the_host_key_of_the_user_data_is_replaced_at_the_first_connection() {
    let Some(stage) = Stage::new(BOX) else { return };
    stage.apply();
    let server = stage.server();
    let labels = server["labels"].as_object().unwrap();
    assert!(labels.contains_key("sandplan-host-key"), "{labels:?}");
    assert!(!labels.keys().any(|key| key.contains("once")), "{labels:?}");
    let in_force = stage.as_root("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout;
    let key = in_force.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    assert_eq!(shown(&stage), key);
    assert!(!server["_user_data"].as_str().unwrap().contains(&key), "the first key is in force");
    assert_eq!(stage.exec("cat mark").exits(0).stdout, "marked\n");
}

#[test]
fn a_server_with_another_host_key_is_sent_nothing() {
    let Some(stage) = Stage::new(BOX) else { return };
    stage.apply();
    let known = fingerprint(&stage);
    let other = second_word(&stage.as_root(CHANGE).stdout);
    await_another_key(&stage);
    stage.configure(&BOX.replace("one", "two"));
    let refusals = [
        (stage.exec("touch /tmp/sent"), 125),
        (stage.sandplan("console box"), 125),
        (stage.sandplan("cp sandboxes.hcl box:/tmp/sent"), 1),
        (stage.sandplan("apply -auto-approve"), 1),
    ];
    for (refused, code) in refusals {
        refused.exits(code).says(&known).says(&other);
    }
    assert_eq!(stage.as_root("ls /tmp; cat /home/agent/note").stdout, "one\n");
}

#[test]
fn a_run_that_is_killed_while_the_host_key_is_replaced_leaves_a_server_that_can_be_reached() {
    let rounds: Vec<u32> = (0..KILLS).collect();
    std::thread::scope(|scope| {
        for part in rounds.chunks((KILLS / AT_ONCE) as usize) {
            scope.spawn(move || part.iter().for_each(|round| kill_and_go_on(APART * *round)));
        }
    });
}

fn kill_and_go_on(after: Duration) {
    let Some(stage) = Stage::new(BOX) else { return };
    stage.delay("PUT", "/servers/{id}", RELABELLING);
    let mut apply = stage.command(SANDPLAN);
    apply.args(["apply", "-auto-approve"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut apply = apply.spawn().unwrap();
    while stage.objects()["servers"].as_array().unwrap().is_empty() {
        assert!(apply.try_wait().unwrap().is_none(), "nothing was made");
    }
    let until = Instant::now() + after;
    while Instant::now() < until && apply.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    apply.kill().unwrap();
    apply.wait().unwrap();
    let before: Value = stage.server();
    eprintln!("killed {after:?} after the order: {:?}", before["labels"].as_object().unwrap().keys().filter(|k| k.contains("key")).collect::<Vec<_>>());
    let said = stage.sandplan("apply -auto-approve");
    assert_eq!(said.code, 0, "killed {after:?} after the order, labels {}: {said:?}", before["labels"]);
    let server = stage.server();
    assert_eq!(server["id"], before["id"], "killed {after:?} after the order");
    assert!(!server["labels"].to_string().contains("once"), "{}", server["labels"]);
    assert_eq!(stage.exec("cat mark").exits(0).stdout, "marked\n");
    stage.sandplan("plan -detailed-exitcode").exits(0);
}
