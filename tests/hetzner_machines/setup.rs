//! What cloud-init sets up: packages, tools and agents, with stand-ins that write down
//! how they were called.

use std::io::{BufRead, BufReader};

use crate::stage::Stage;

/// Writes a call down; packages come with what they bring.
const APT_GET: &str = r#"echo "apt-get $*" >>/var/log/tools
case " $* " in *" -s "*) exit 0 ;; esac
sleep 0.2
grep -q '^docker:' /etc/group || echo 'docker:x:990:' >>/etc/group
echo "Setting up $*"
"#;

const PYTHON: &str = r#"case "$1 $2" in
"-m venv") mkdir -p "$3/bin"; ln -s /usr/local/bin/python3 "$3/bin/python" ;;
"-m pip") echo "pip 24.0" ;;
*) [ "$1" = --version ] && echo "Python 3.12.3" || exec /usr/bin/python3 "$@" ;;
esac
"#;

/// An agent's version is the one that npm was last asked for.
pub const NPM: &str = r#"echo "npm $*" >>/var/log/tools
for last; do :; done
case $1 in
--version) echo 10.8.0 ;;
install) printf '#!/bin/sh\necho "%s (Claude Code)"\n' "${last##*@}" >/usr/local/bin/claude
  chmod 755 /usr/local/bin/claude; echo "added 1 package" ;;
esac
"#;

/// Puts every tool on the disks to come.
pub fn equip(stage: &Stage) {
    stage.tool("apt-get", APT_GET);
    stage.tool(
        "curl",
        "for last; do :; done\nwhile [ \"$1\" != -o ]; do shift; done\necho key >\"$2\"\n",
    );
    stage.tool("dpkg", "exit 0\n");
    stage.tool("dpkg-query", "exit 0\n");
    stage.tool("docker", "echo Docker version 27.0\n");
    stage.tool("node", "echo v24.1.0\n");
    stage.tool("npm", NPM);
    stage.tool("python3", PYTHON);
}

pub fn toolbox(packages: &str, version: &str) -> String {
    format!(
        r#"
        sandbox "box" {{
          packages = {packages}
          toolchain {{
            docker = "distro"
            node   = "24"
            python = true
          }}
          agent "claude-code" {{ version = "{version}" }}
          provision "last" {{ run = ["sh", "-c", "echo provisioned; echo x >> marks"] }}
        }}
        "#
    )
}

/// The calls that were written down, and forgets them.
fn calls(stage: &Stage) -> String {
    stage.as_root("cat /var/log/tools; : >/var/log/tools").stdout
}

#[test]
fn steps_are_told_while_later_ones_run() {
    let Some(stage) = Stage::new(&toolbox(r#"["jq"]"#, "2.1.329")) else { return };
    equip(&stage);
    stage.tool("docker", "until [ -e /root/go ]; do sleep 0.05; done\necho Docker 27\n");
    let mut apply = stage.spawn(&["apply", "-auto-approve"]);
    let mut lines = BufReader::new(apply.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("(setup:apt): Setting up -q install -- jq")));
    assert!(lines.any(|line| line.contains("step setup:apt ok")));
    stage.sandplan("list -refresh=false").exits(0);
    stage.as_root("touch /root/go");
    assert!(lines.any(|line| line.contains("step setup:docker ok")));
    assert!(lines.any(|line| line.contains("Apply complete!")));
    assert!(apply.wait().unwrap().success());
}

#[test]
fn packages_tools_and_agents_are_set_up_once_and_changed_in_place() {
    let Some(stage) = Stage::new(&toolbox(r#"["jq"]"#, "2.1.329")) else { return };
    equip(&stage);
    let said = stage.apply();
    let order = ["apt", "docker", "node", "python", "agent:claude-code", "verify"];
    let places = order.map(|step| {
        let line = format!("Provisioning: step setup:{step} ok");
        said.stderr.find(&line).unwrap_or_else(|| panic!("no {line} in {}", said.stderr))
    });
    assert!(places.is_sorted(), "{}", said.stderr);
    said.says("(setup:apt): Setting up -q install -- jq").says("(last): provisioned");
    let first = calls(&stage);
    assert!(first.contains("npm install --global"), "{first}");
    assert!(first.contains("@anthropic-ai/claude-code@2.1.329"), "{first}");

    stage.sandplan("plan -detailed-exitcode").exits(0);
    stage.apply();
    assert_eq!(calls(&stage), "");

    let id = stage.server()["id"].clone();
    stage.configure(&toolbox(r#"["jq"]"#, "2.1.400"));
    stage.apply().says("step setup:agent:claude-code ok");
    let second = calls(&stage);
    assert!(second.contains("@anthropic-ai/claude-code@2.1.400"), "{second}");
    assert!(!second.contains("apt-get -q install"), "{second}");
    assert_eq!(
        stage.exec("claude --version; cat marks").exits(0).stdout,
        "2.1.400 (Claude Code)\nx\n"
    );

    stage.configure(&toolbox(r#"["jq", "ripgrep"]"#, "2.1.400"));
    stage.apply().says("step setup:apt ok");
    let third = calls(&stage);
    assert!(third.contains("apt-get -q install -- jq ripgrep"), "{third}");
    assert!(!third.contains("npm install"), "{third}");
    assert_eq!(stage.server()["id"], id);
    stage.sandplan("plan -detailed-exitcode").exits(0);
}
