//! From a file to a machine and back to nothing.

use crate::stage::Stage;

const SECRET: &str = "correct-horse-battery";
const CONTENT: &str = "staple-of-the-lake";

#[test]
fn a_sandbox_is_made_shown_and_destroyed_without_a_trace() {
    let Some(stage) = Stage::new("") else { return };
    let key = stage.public(&stage.key("user"));
    stage.configure(&format!(
        r#"
        ssh_key "user" {{ public_key = "{key}" }}
        network "fence" {{
          ingress {{ ssh = ["127.0.0.0/8"] }}
        }}
        sandbox "box" {{
          ttl      = "2h"
          ssh_keys = [ssh_key.user]
          network  = network.fence
          file "/home/agent/note" {{ content = "one\n" }}
        }}
        output "ssh" {{ value = sandbox.box.ssh_command }}
        "#
    ));
    stage.apply().says("Provisioning: file /home/agent/note ok").says("3 added");
    stage.sandplan("plan -detailed-exitcode").exits(0).says("No changes.");
    stage.sandplan("drift").exits(0);
    let address = stage.address();
    let said = stage.sandplan("list").exits(0);
    said.says(&address).says("ready").says("in 2h").says("0.026061 EUR");
    stage
        .sandplan("show")
        .exits(0)
        .says(&format!("ipv4        = \"{address}\""))
        .says("host_key    = \"ssh-ed25519 AAAA")
        .says("hourly_cost = \"0.026061 EUR\"")
        .says("expires_at  = \"")
        .says(&format!("agent@{address}"));
    assert_eq!(["servers", "ssh_keys", "firewalls"].map(|kind| stage.count(kind)), [1, 1, 1]);
    stage.sandplan("destroy -auto-approve").exits(0).says("3 destroyed");
    let kinds = ["servers", "ssh_keys", "firewalls", "primary_ips", "images"];
    assert_eq!(
        kinds.map(|kind| stage.objects()[kind]
            .as_array()
            .unwrap()
            .iter()
            .filter(|o| o["type"] != "system")
            .count()),
        [0; 5]
    );
}

#[test]
fn secrets_reach_the_machine_and_nothing_else() {
    let Some(stage) = Stage::new(
        r#"
        variable "token" {
          type      = string
          sensitive = true
        }
        variable "content" {
          type      = string
          sensitive = true
        }
        sandbox "box" {
          env = { TOKEN = var.token }
          file "/home/agent/secret" {
            content = var.content
            mode    = "0600"
          }
          provision "speak" { run = ["sh", "-c", "echo token $TOKEN; cat ~/secret"] }
        }
        "#,
    ) else {
        return;
    };
    let vars = [format!("-var=token={SECRET}"), format!("-var=content={CONTENT}")];
    let run = |words: &[&str]| {
        let all: Vec<&str> = words.iter().copied().chain(vars.iter().map(String::as_str)).collect();
        stage.run(&all).exits(0)
    };
    let mut said = vec![run(&["plan", "-out=saved"]), run(&["apply", "-auto-approve", "-json"])];
    said.extend(
        [
            "show",
            "show -json",
            "list -json",
            "logs box",
            "logs box speak",
            "state pull",
            "show -json saved",
        ]
        .map(|line| stage.sandplan(line).exits(0)),
    );
    said.push(run(&["plan", "-json"]));
    assert_eq!(
        stage.exec("echo $TOKEN; cat secret").exits(0).stdout,
        format!("{SECRET}\n{CONTENT}")
    );
    let objects = stage.objects().to_string();
    for secret in [SECRET, CONTENT] {
        for ran in &said {
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(secret), "{ran:?}");
        }
        assert_eq!(stage.env.files_holding("work", secret), [] as [std::path::PathBuf; 0]);
        assert_eq!(stage.env.files_holding("data", secret), [] as [std::path::PathBuf; 0]);
        assert!(!objects.contains(secret), "the platform knows a secret");
    }
}
