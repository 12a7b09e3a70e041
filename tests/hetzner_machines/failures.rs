//! Ready means ready: what a step that fails leaves, and how it goes on.

use serde_json::Value;

use crate::setup::{equip, toolbox};
use crate::stage::Stage;

/// Sixty lines, of which the last forty are told; mended by a file.
const STUBBORN: &str = r#"echo "apt-get $*" >>/var/log/tools
[ ! -e /root/mended ] || { grep -q '^docker:' /etc/group || echo 'docker:x:990:' >>/etc/group; exit 0; }
case " $* " in *" -s "*) ;; *) exit 0 ;; esac
i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "line $i of the trouble" >&2; done
exit 100
"#;

#[test]
fn a_setup_step_that_fails_is_told_kept_and_gone_on_with() {
    let Some(stage) = Stage::new(&toolbox(r#"["jq"]"#, "2.1.329")) else { return };
    equip(&stage);
    stage.tool("apt-get", STUBBORN);
    let failed = stage.sandplan("apply -auto-approve").exits(5);
    let failed = failed.says("setup:apt").says("100").says("line 60 of the trouble");
    let (_, told) = failed.stderr.split_once("failed with exit code").unwrap();
    assert!(told.contains("line 21 of the trouble"), "{told}");
    assert!(!told.contains("line 20 of the trouble"), "{told}");
    stage.sandplan("list").exits(0).says("failed");
    let id = stage.server()["id"].clone();

    let again = stage.sandplan("apply -auto-approve -json").exits(5);
    let lines: Vec<Value> =
        again.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = lines.iter().find(|line| line["type"] == "step_failed").unwrap();
    let (step, tail) = (&told["hook"]["step"], told["hook"]["log_tail"].as_array().unwrap());
    assert_eq!((step, &told["hook"]["rc"]), (&"setup:apt".into(), &100.into()));
    assert_eq!((tail.len(), &tail[0]), (40, &"line 21 of the trouble".into()));
    assert!(lines.iter().any(|line| line["diagnostic"]["code"] == "not-ready"), "{lines:?}");
    stage.as_root("touch /root/mended");
    stage.apply().says("step setup:apt ok").says("step setup:verify ok");
    assert_eq!(stage.server()["id"], id);
    stage.sandplan("list").exits(0).says("ready");
    stage.sandplan("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_later_setup_step_that_fails_does_not_repeat_the_earlier_ones() {
    let Some(stage) = Stage::new(&toolbox(r#"["jq"]"#, "2.1.329")) else { return };
    equip(&stage);
    stage
        .tool("docker", "[ -e /root/mended ] || { echo no daemon >&2; exit 3; }\necho Docker 27\n");
    stage.sandplan("apply -auto-approve").exits(5).says("setup:docker").says("no daemon");
    stage.as_root("touch /root/mended; : >/var/log/tools");
    let said = stage.apply();
    assert!(!said.stderr.contains("(setup:apt)"), "{}", said.stderr);
    let calls = stage.as_root("cat /var/log/tools").stdout;
    assert!(!calls.contains("apt-get -q install -- jq"), "{calls}");
    assert_eq!(stage.exec("cat marks").exits(0).stdout, "x\n");
}

const STEPS: &str = r#"
sandbox "box" {
  ttl = "1h"
  provision "first" { run = ["sh", "-c", "echo x >> marks"] }
  provision "second" { run = ["sh", "-c", "i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i; done; test -e mended || exit 42"] }
  READY
}
"#;

#[test]
fn a_provision_step_that_fails_is_told_kept_and_gone_on_with() {
    let Some(stage) = Stage::new(&STEPS.replace("READY", "")) else { return };
    let failed = stage.sandplan("apply -auto-approve").exits(5);
    let failed = failed.says("second").says("42").says("line 50");
    let (_, told) = failed.stderr.split_once("failed with exit code").unwrap();
    assert!(told.contains("line 11\n") && !told.contains("line 10\n"), "{told}");
    let server = stage.server();
    stage.sandplan("list").exits(0).says("failed").says("in 1h").says("0.026061 EUR");
    stage.sandplan("logs box second").exits(0).says("line 1\n");
    stage.exec("touch mended").exits(0);
    stage.apply();
    assert_eq!(stage.exec("cat marks").exits(0).stdout, "x\n");
    assert_eq!(stage.server()["id"], server["id"]);
    stage.sandplan("list").exits(0).says("ready");
}

#[test]
fn a_sandbox_that_is_not_to_be_kept_is_destroyed_when_it_fails() {
    let ready = "ready { on_failure = \"destroy\" }";
    let Some(stage) = Stage::new(&STEPS.replace("READY", ready)) else { return };
    stage.sandplan("apply -auto-approve").exits(5).says("second").says("line 50");
    assert_eq!(["servers", "primary_ips"].map(|kind| stage.count(kind)), [0, 0]);
    stage.sandplan("state list").exits(0);
}
