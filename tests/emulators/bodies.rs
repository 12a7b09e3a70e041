//! Bodies: real machines behind servers.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::client::{make_server, order, post, send, start, until};
use crate::hetzner::Running;
use crate::hetzner::settings::Settings;
use crate::quick;

/// A port that needs no root and that no sshd of the machine has.
pub const PORT: u16 = 2247;

/// A machine of one's own: keys to log in with, and a pinned host key.
pub struct Keys {
    place: tempfile::TempDir,
}

impl Keys {
    pub fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for name in ["login", "host", "other"] {
            let mut keygen = Command::new("ssh-keygen");
            let file = place.path().join(name);
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file);
            assert!(keygen.status().unwrap().success());
        }
        Self { place }
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path().join(name)).unwrap()
    }

    /// Runs a command on a server, trusting nothing but the key `pinned`.
    fn ssh(&self, server: &Value, pinned: &str, command: &str) -> Output {
        let address = server["public_net"]["ipv4"]["ip"].as_str().unwrap();
        self.ssh_to((address, PORT), "root", pinned, command)
    }

    /// Runs a command at an address, trusting nothing but the key `pinned`.
    pub fn ssh_to(&self, at: (&str, u16), user: &str, pinned: &str, command: &str) -> Output {
        let (address, port) = at;
        let known = self.place.path().join("known_hosts");
        let line = format!("[{address}]:{port} {}", self.read(&format!("{pinned}.pub")));
        std::fs::write(&known, line).unwrap();
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known.display()));
        ssh.args(["-o", "ConnectionAttempts=20", "-p", &port.to_string()]);
        ssh.arg("-i").arg(self.place.path().join("login"));
        ssh.arg(format!("{user}@{address}")).arg(command).output().unwrap()
    }

    pub fn user_data(&self, host: &str, runcmd: Value) -> String {
        let config = json!({
            "ssh_keys": {"ed25519_private": self.read(host), "ed25519_public": self.read(&format!("{host}.pub"))},
            "ssh_authorized_keys": [self.read("login.pub")],
            "write_files": [{"path": "/opt/hello", "content": "aGVsbG8K", "encoding": "b64", "permissions": "0755"}],
            "runcmd": runcmd,
        });
        format!("#cloud-config\n{config}\n")
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn start_with_bodies(place: &Path) -> Running {
    let bodies = Some(place.join("bodies"));
    start(Settings { bodies, body_port: PORT, ..quick() }).await
}

async fn act(to: &Running, server: &Value, action: &str, body: Value) {
    let path = format!("/servers/{}", server["id"]);
    let reply = post(to, &format!("{path}/actions/{action}"), body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    until(to, &path, |body| body["server"]["locked"] == false).await;
}

/// Bodies need root here; elsewhere, subordinate ids. Where there is neither,
/// nothing can be shown.
pub fn can_have_bodies() -> bool {
    rustix::process::geteuid().is_root() || Path::new("/usr/bin/newuidmap").exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_carries_out_the_user_data_and_is_reached_with_the_pinned_key() {
    if !can_have_bodies() {
        eprintln!("skipped: bodies need root or subordinate ids");
        return;
    }
    let (keys, place) = (Keys::new(), tempfile::tempdir().unwrap());
    let to = start_with_bodies(place.path()).await;
    let mut wanted = order("alive");
    wanted["user_data"] =
        json!(keys.user_data("host", json!(["false", ["sh", "-c", "cp /opt/hello /opt/copied"]])));
    let server = make_server(&to, wanted).await;
    let finished = "cloud-init status --wait; cat /opt/copied; hostname; exit 7";
    let output = keys.ssh(&server, "host", finished);
    assert_eq!(said(&output), "status: done\nhello\nalive\n", "{output:?}");
    assert_eq!(output.status.code(), Some(7));
    assert!(!keys.ssh(&server, "other", "true").status.success(), "a wrong host key is taken");

    keys.ssh(&server, "host", "touch /root/kept");
    act(&to, &server, "reset", Value::Null).await;
    assert_eq!(said(&keys.ssh(&server, "host", "ls /root")), "kept\n");

    let taken =
        post(&to, &format!("/servers/{}/actions/create_image", server["id"]), json!({})).await;
    until(&to, &format!("/images/{}", taken.body["image"]["id"]), |body| {
        body["image"]["status"] == "available"
    })
    .await;
    let mut wanted = order("again");
    wanted["image"] = taken.body["image"]["id"].clone();
    wanted["user_data"] = json!(keys.user_data("other", json!([])));
    let again = make_server(&to, wanted).await;
    assert_eq!(said(&keys.ssh(&again, "other", "ls /root; hostname")), "kept\nagain\n");

    let user_data = keys.user_data("other", json!([]));
    let rebuild = json!({"image": "debian-12", "user_data": user_data});
    act(&to, &server, "rebuild", rebuild).await;
    let release = "ls /root; . /etc/os-release; echo $ID $VERSION_ID";
    assert_eq!(said(&keys.ssh(&server, "other", release)), "debian 12\n");

    send(&to, "DELETE", &format!("/servers/{}", server["id"]), Value::Null).await.unwrap();
    let disk = place.path().join("bodies").join(server["id"].to_string());
    while disk.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    to.stop().await;
}
