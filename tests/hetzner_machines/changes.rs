//! What changes in place, over the connection and at the platform.

use crate::stage::Stage;

fn with_key(key: &str) -> String {
    format!(
        r#"
        sandbox "box" {{
          ssh_keys = ["{key}"]
        }}
        "#
    )
}

#[test]
fn a_key_that_is_removed_logs_in_no_more_and_a_new_one_does() {
    let Some(stage) = Stage::new("") else { return };
    let (old, new) = (stage.key("old"), stage.key("new"));
    stage.configure(&with_key(&stage.public(&old)));
    stage.apply();
    for user in ["agent", "root"] {
        stage.ssh(user, &old, "true").exits(0);
        stage.ssh(user, &new, "true").exits(255);
    }
    let id = stage.server()["id"].clone();
    stage.configure(&with_key(&stage.public(&new)));
    stage.apply().says("step authorized_keys ok").says("1 changed");
    for user in ["agent", "root"] {
        stage.ssh(user, &old, "true").exits(255);
        stage.ssh(user, &new, "true").exits(0);
    }
    assert_eq!(stage.server()["id"], id);
    stage.exec("true").exits(0);
    stage.sandplan("plan -detailed-exitcode").exits(0);
}

#[test]
fn env_files_labels_ttl_and_name_change_in_place() {
    let Some(stage) = Stage::new(
        r#"
        sandbox "box" {
          ttl    = "2h"
          env    = { WHO = "ada", OLD = "yes" }
          labels = { team = "one" }
          file "/home/agent/kept" { content = "one\n" }
          file "/home/agent/gone" { content = "here\n" }
        }
        "#,
    ) else {
        return;
    };
    stage.apply();
    let before = stage.server();
    assert_eq!(stage.exec("echo $WHO $OLD; cat kept gone").stdout, "ada yes\none\nhere\n");
    stage.configure(
        r#"
        sandbox "box" {
          name   = "renamed"
          ttl    = "4h"
          env    = { WHO = "lin" }
          labels = { team = "two" }
          file "/home/agent/kept" { content = "two\n" }
        }
        "#,
    );
    stage.apply().says("1 changed");
    let said = stage.exec("echo $WHO $OLD; cat kept; test -e gone || echo no").exits(0);
    assert_eq!(said.stdout, "lin\ntwo\nno\n");
    let after = stage.server();
    assert_eq!((&after["id"], &after["name"]), (&before["id"], &"renamed".into()));
    assert_eq!(after["labels"]["team"], "two");
    assert_ne!(after["labels"]["sandplan-expires"], before["labels"]["sandplan-expires"]);
    stage.sandplan("list").exits(0).says("renamed").says("in 4h");
    stage.sandplan("plan -detailed-exitcode").exits(0);
}
