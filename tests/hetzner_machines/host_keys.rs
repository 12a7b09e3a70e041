//! The host key is ours alone, from the first connection to the last.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::stage::Stage;
use crate::support::{Ran, SANDPLAN};

const BOX: &str = r#"
sandbox "box" {
  file "/home/agent/note" { content = "one\n" }
  provision "mark" { run = ["sh", "-c", "echo marked > mark"] }
}
"#;

/// How far the replacement is when a run is killed, at the earliest.
const STAGES: [Progress; 5] = [
    Progress::Ordered,
    Progress::Made,
    Progress::BothLabelled,
    Progress::Installed,
    Progress::Done,
];

/// How many milliseconds after that; short steps of the replacement are in between.
const LATER: [u64; 4] = [0, 25, 50, 100];

/// How long the platform takes to change labels, so that many kills fall into it.
const RELABELLING: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Ordered,
    /// The new key is on the server's disk, beside the one in force.
    Made,
    BothLabelled,
    /// The new key is in force.
    Installed,
    /// Only the new key is in the labels.
    Done,
}

impl Progress {
    /// Sees how far it is; nothing without a server.
    fn of(stage: &Stage) -> Option<Self> {
        let objects = stage.objects();
        let server = &objects["servers"][0];
        let labels = server["labels"].as_object()?;
        let beside = format!("bodies/{}/root/etc/ssh/sandplan_host_key", server["id"]);
        let is_beside = stage.place("").join(beside).exists();
        let has = |key: &str| labels.contains_key(key);
        Some(match (has("sandplan-host-key"), has("sandplan-once-key")) {
            (false, _) if is_beside => Self::Made,
            (false, _) => Self::Ordered,
            (true, true) if is_beside => Self::BothLabelled,
            (true, true) => Self::Installed,
            (true, false) => Self::Done,
        })
    }
}

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
    std::thread::scope(|scope| {
        for later in LATER {
            scope.spawn(move || {
                STAGES.iter().for_each(|at| kill_and_go_on(*at, Duration::from_millis(later)))
            });
        }
    });
}

fn kill_and_go_on(at: Progress, later: Duration) {
    let Some(stage) = Stage::new(BOX) else { return };
    stage.delay("PUT", "/servers/{id}", RELABELLING);
    let mut apply = stage.command(SANDPLAN);
    apply.args(["apply", "-auto-approve"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut apply = apply.spawn().unwrap();
    while Progress::of(&stage).is_none_or(|seen| seen < at) {
        assert!(apply.try_wait().unwrap().is_none(), "it ended before it was {at:?}");
    }
    let until = Instant::now() + later;
    while Instant::now() < until {
        std::thread::yield_now();
    }
    apply.kill().unwrap();
    apply.wait().unwrap();
    let (seen, before) = (Progress::of(&stage), stage.server());
    let said = stage.sandplan("apply -auto-approve");
    assert_eq!(said.code, 0, "killed {later:?} after {at:?}, when it was {seen:?}: {said:?}");
    let server = stage.server();
    assert_eq!(server["id"], before["id"], "killed {later:?} after {at:?}");
    assert_eq!(Progress::of(&stage), Some(Progress::Done));
    assert_eq!(stage.exec("cat mark").exits(0).stdout, "marked\n");
}
