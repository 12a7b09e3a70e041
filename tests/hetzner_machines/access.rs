//! Other ways in: any SSH client, and sandplan on another machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::stage::Stage;
use crate::support::{Ran, SANDPLAN};

fn configuration(key: &str, note: &str) -> String {
    format!(
        r#"
        sandbox "box" {{
          name     = "box"
          ssh_keys = ["{key}"]
          provision "note" {{ run = ["sh", "-c", "echo {note} > note"] }}
        }}
        output "ssh" {{ value = sandbox.box.ssh_command }}
        "#
    )
}

/// An ssh-agent that holds one key.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn with(stage: &Stage, key: &Path) -> Self {
        let socket = stage.place("agent").join("socket");
        let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).spawn().unwrap();
        let agent = Self { child, socket };
        while !agent.add(key) {
            std::thread::yield_now();
        }
        agent
    }

    fn add(&self, key: &Path) -> bool {
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket);
        add.output().unwrap().status.success()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn openssh_logs_in_with_what_sandplan_prints_and_refuses_another_host_key() {
    let Some(stage) = Stage::new("") else { return };
    let key = stage.key("user");
    stage.configure(&configuration(&stage.public(&key), "one"));
    stage.apply();
    let config = stage.env.work().join("ssh_config");
    let text = stage.sandplan("ssh-config box").exits(0).stdout;
    fs::write(&config, &text).unwrap();
    let through = |_: &str| {
        let mut ssh = stage.command("ssh");
        Ran::of(ssh.arg("-F").arg(&config).args(["-o", "BatchMode=yes", "box", "cat note; id -un"]))
    };
    assert_eq!(through("own key").exits(0).stdout, "one\nagent\n");

    let agent = Agent::with(&stage, &key);
    let command = stage.sandplan("output -raw ssh").exits(0).stdout;
    let line = format!("{command} -o BatchMode=yes");
    let shell = |line: &str| {
        Ran::of(stage.command("sh").args(["-c", line]).env("SSH_AUTH_SOCK", &agent.socket))
    };
    assert_eq!(shell(&format!("{line} cat note")).exits(0).stdout, "one\n");
    let by_file = format!("{line} -o IdentityAgent=none -i {} cat note", key.display());
    assert_eq!(shell(&by_file).exits(0).stdout, "one\n");

    let other = stage.public(&stage.key("other"));
    let pinned = text.split("ssh-ed25519 ").last().unwrap().split('"').next().unwrap();
    let changed = text.replace(pinned, other.split_whitespace().nth(1).unwrap());
    fs::write(&config, changed).unwrap();
    through("another pin").exits(255).says("Host key verification failed");
}

#[test]
fn another_machine_works_on_the_sandbox_with_the_users_key_and_locks_nobody_out() {
    let Some(stage) = Stage::new("") else { return };
    let key = stage.key("user");
    let public = stage.public(&key);
    stage.configure(&configuration(&public, "one"));
    stage.apply();
    let (home, agent) = (stage.place("elsewhere"), Agent::with(&stage, &key));
    let elsewhere = |words: &[&str]| {
        let mut command = stage.command(SANDPLAN);
        command.env("HOME", &home).env("XDG_DATA_HOME", home.join("data"));
        Ran::of(command.env("SSH_AUTH_SOCK", &agent.socket).args(words))
    };
    assert_eq!(elsewhere(&["exec", "box", "--", "cat", "note"]).exits(0).stdout, "one\n");
    stage.configure(&configuration(&public, "two"));
    elsewhere(&["apply", "-auto-approve"]).exits(0).says("step note ok");
    assert_eq!(stage.exec("cat note").exits(0).stdout, "two\n");
    stage.configure(&configuration(&public, "three"));
    stage.apply().says("step note ok");
    assert_eq!(elsewhere(&["exec", "box", "--", "cat", "note"]).exits(0).stdout, "three\n");
    elsewhere(&["plan", "-detailed-exitcode"]).exits(0);
    let stranger = |words: &[&str]| {
        let mut command = stage.command(SANDPLAN);
        command.env("HOME", &home).env("XDG_DATA_HOME", home.join("other"));
        Ran::of(command.args(words))
    };
    stranger(&["exec", "box", "--", "true"]).exits(125).says("key");
}
