use std::collections::BTreeMap;

use super::*;
use crate::provider::toolchain::{Mirrors, Toolchain};

fn everything() -> Sandbox {
    Sandbox {
        packages: vec!["jq".into(), "ripgrep".into()],
        toolchain: Toolchain {
            docker: Docker::Official,
            node: Node::Major("24".into()),
            python: true,
            playwright: Some(Playwright { browsers: vec!["chromium".into()], version: None }),
        },
        agents: [("codex".into(), "0.1.0".into()), ("claude-code".into(), "2.1.329".into())].into(),
        ..Sandbox::default()
    }
}

fn names(steps: &[Setup]) -> Vec<&str> {
    steps.iter().map(|step| &step.name["setup:".len()..]).collect()
}

/// Which steps differ once a sandbox is changed.
fn changed(change: fn(&mut Sandbox)) -> Vec<String> {
    let mut sandbox = everything();
    let hashes = |steps: Vec<Setup>| -> BTreeMap<String, String> {
        steps.into_iter().map(|step| (step.name, step.hash)).collect()
    };
    let before = hashes(steps(&sandbox));
    change(&mut sandbox);
    let after = steps(&sandbox);
    let differ = after.into_iter().filter(|step| before.get(&step.name) != Some(&step.hash));
    differ.map(|step| step.name["setup:".len()..].to_owned()).collect()
}

#[test]
fn a_sandbox_that_asks_for_nothing_has_no_steps() {
    assert_eq!(steps(&Sandbox::default()), []);
}

#[test]
fn steps_come_in_the_order_in_which_they_need_each_other() {
    assert_eq!(
        names(&steps(&everything())),
        [
            "apt",
            "docker",
            "node",
            "python",
            "playwright",
            "agent:claude-code",
            "agent:codex",
            "verify"
        ]
    );
}

#[test]
fn only_what_changed_and_what_builds_upon_it_runs_again() {
    assert_eq!(changed(|_| {}), [""; 0]);
    assert_eq!(changed(|s| s.packages.push("git".into())), ["apt", "verify"]);
    assert_eq!(
        changed(|s| s.toolchain.node = Node::Major("22".into())),
        ["node", "playwright", "agent:claude-code", "agent:codex", "verify"]
    );
    assert_eq!(changed(|s| s.toolchain.docker = Docker::Distro), ["apt", "docker", "verify"]);
    assert_eq!(
        changed(|s| drop(s.agents.insert("codex".into(), "0.2.0".into()))),
        ["agent:codex", "verify"]
    );
    assert_eq!(changed(|s| s.toolchain.playwright = None), ["verify"]);
}

#[test]
fn another_repository_of_packages_alone_is_a_step_too() {
    let mirrors =
        Mirrors { apt: Some("http://mirror.example/debian".into()), ..Mirrors::default() };
    let sandbox = Sandbox { mirrors, ..Sandbox::default() };
    assert_eq!(names(&steps(&sandbox)), ["apt", "verify"]);
}

#[test]
fn public_repositories_are_used_unless_a_mirror_takes_their_place() {
    let find = |sandbox: &Sandbox, text: &str| {
        steps(sandbox).iter().filter(|step| step.script.contains(text)).count()
    };
    let mut sandbox = everything();
    assert_eq!(find(&sandbox, DOCKER), 1);
    assert_eq!(find(&sandbox, NODESOURCE), 1);
    let there = || Some("http://mirror.example/x".to_owned());
    sandbox.mirrors = Mirrors { docker: there(), node: there(), ..Mirrors::default() };
    assert_eq!(find(&sandbox, DOCKER) + find(&sandbox, NODESOURCE), 0);
}

#[test]
fn parameters_cannot_break_out_of_their_quotes() {
    assert_eq!(quoted("a'b $(c)"), r"'a'\''b $(c)'");
}

#[test]
fn names_of_steps_are_plain_in_json_and_in_a_list() {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-:".contains(c);
    for step in steps(&everything()) {
        assert!(step.name.chars().all(plain), "{}", step.name);
        assert_eq!(
            crate::provision::journal::log_path(&step.name),
            format!("{}/log/{}", crate::provision::journal::DIRECTORY, step.file())
        );
    }
}
