//! What is installed in a machine before anything of the user's runs: packages,
//! tools and agents, as shell scripts that run as root. Pure.
//!
//! Each script may run again without harm, and says on standard error why it
//! failed. `docs/decisions/0018-setup.md` says what reruns when.

use std::time::Duration;

use super::pending::hash;
use crate::provider::sandbox::Sandbox;
use crate::provider::toolchain::{Docker, KnownAgent, Node, Playwright};

/// Docker's own packages; a `linux/debian` is under it.
const DOCKER: &str = "https://download.docker.com";
/// NodeSource's packages; a `node_24.x` is under it.
const NODESOURCE: &str = "https://deb.nodesource.com";

/// What every script begins with, in the machine.
const COMMON: &str = "/var/lib/sandplan/setup/common";

/// One step of setting a machine up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setup {
    /// `setup:apt`, `setup:agent:codex`.
    pub name: String,
    /// A POSIX shell script.
    pub script: String,
    /// Digest of what it does: of its parameters, its revision, and of the steps it
    /// builds upon. Another wording of the script is no change.
    pub hash: String,
    pub timeout: Duration,
}

/// A script, and when it was last changed so that it has to run again where it ran.
struct Source {
    text: &'static str,
    revision: u32,
    minutes: u64,
}

const APT: Source = Source { text: include_str!("guest/apt.sh"), revision: 1, minutes: 30 };
const DOCKER_SETUP: Source =
    Source { text: include_str!("guest/docker.sh"), revision: 1, minutes: 15 };
const NODE: Source = Source { text: include_str!("guest/node.sh"), revision: 1, minutes: 15 };
const PYTHON: Source = Source { text: include_str!("guest/python.sh"), revision: 1, minutes: 5 };
const PLAYWRIGHT: Source =
    Source { text: include_str!("guest/playwright.sh"), revision: 1, minutes: 30 };
const AGENT: Source = Source { text: include_str!("guest/agent.sh"), revision: 1, minutes: 15 };
const VERIFY: Source = Source { text: include_str!("guest/verify.sh"), revision: 1, minutes: 5 };

/// Lists the steps that a sandbox asks for, in order; none where it asks for nothing.
pub fn steps(sandbox: &Sandbox) -> Vec<Setup> {
    let packages = packages(sandbox);
    if packages.is_empty() && sandbox.mirrors.apt.is_none() {
        return Vec::new();
    }
    let mut steps = vec![apt(sandbox, &packages)];
    steps.extend(docker(sandbox));
    let node = node(sandbox);
    let python = python(sandbox);
    let playwright = sandbox
        .toolchain
        .playwright
        .as_ref()
        .map(|wanted| playwright(sandbox, wanted, node.as_ref().or(python.as_ref())));
    let agents: Vec<_> = agents(sandbox, node.as_ref()).collect();
    steps.extend([node, python, playwright].into_iter().flatten());
    steps.extend(agents);
    steps.push(verify(sandbox, &steps));
    steps
}

impl Setup {
    /// Returns the name of the step's script and log: `setup-apt`.
    pub fn file(&self) -> String {
        self.name.replace(':', "-")
    }

    /// Makes a step of a script, its parameters, and the step that it builds upon.
    fn new(name: &str, source: &Source, parameters: &[(&str, &str)], upon: Option<&Self>) -> Self {
        let revision = source.revision.to_string();
        let upon = upon.map_or("", |step| step.hash.as_str());
        let parts = parameters.iter().flat_map(|(name, value)| [*name, *value]);
        let set = parameters.iter().map(|(name, value)| format!("{name}={}\n", quoted(value)));
        let set: String = set.collect();
        Self {
            name: format!("setup:{name}"),
            // Parameters come later: /etc/os-release sets `VERSION` and others.
            script: format!("#!/bin/sh\nset -eu\n. {COMMON}\n{set}{}", source.text),
            hash: hash(["setup", name, &revision, upon].into_iter().chain(parts)),
            timeout: Duration::from_secs(source.minutes * 60),
        }
    }
}

/// Lists all packages of the distribution that are needed, without repetition.
fn packages(sandbox: &Sandbox) -> Vec<&str> {
    let tools = &sandbox.toolchain;
    let asked = sandbox.packages.iter().map(String::as_str);
    let mut names: Vec<&str> = asked.collect();
    if tools.docker == Docker::Distro {
        names.push("docker.io");
    }
    if tools.node == Node::Distro {
        names.extend(["nodejs", "npm"]);
    }
    if tools.python {
        names.extend(["python3", "python3-pip", "python3-venv", "pipx"]);
    }
    if tools.docker == Docker::Official || matches!(tools.node, Node::Major(_)) {
        names.extend(["ca-certificates", "curl"]);
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

fn apt(sandbox: &Sandbox, packages: &[&str]) -> Setup {
    let packages = packages.join(" ");
    let mirror = sandbox.mirrors.apt.as_deref().unwrap_or_default();
    Setup::new("apt", &APT, &[("PACKAGES", &packages), ("MIRROR", mirror)], None)
}

fn docker(sandbox: &Sandbox) -> Option<Setup> {
    let source = match sandbox.toolchain.docker {
        Docker::Off => return None,
        Docker::Official => "official",
        Docker::Distro => "distro",
    };
    let base = sandbox.mirrors.docker.as_deref().unwrap_or(DOCKER);
    Some(Setup::new("docker", &DOCKER_SETUP, &[("SOURCE", source), ("BASE", base)], None))
}

fn node(sandbox: &Sandbox) -> Option<Setup> {
    let major = match &sandbox.toolchain.node {
        Node::Off => return None,
        Node::Major(major) => major,
        Node::Distro => "",
    };
    let base = sandbox.mirrors.node.as_deref().unwrap_or(NODESOURCE);
    let npm = sandbox.mirrors.npm.as_deref().unwrap_or_default();
    Some(Setup::new("node", &NODE, &[("MAJOR", major), ("BASE", base), ("NPM", npm)], None))
}

fn python(sandbox: &Sandbox) -> Option<Setup> {
    let index = sandbox.mirrors.pypi.as_deref().unwrap_or_default();
    sandbox.toolchain.python.then(|| Setup::new("python", &PYTHON, &[("PYPI", index)], None))
}

/// Playwright comes from npm where there is Node, else from the Python index.
fn playwright(sandbox: &Sandbox, wanted: &Playwright, upon: Option<&Setup>) -> Setup {
    let via = if sandbox.toolchain.node == Node::Off { "pip" } else { "npm" };
    let browsers = wanted.browsers.join(" ");
    let version = wanted.version.as_deref().unwrap_or_default();
    let host = sandbox.mirrors.playwright.as_deref().unwrap_or_default();
    let parameters = [("VIA", via), ("VERSION", version), ("BROWSERS", &browsers), ("HOST", host)];
    Setup::new("playwright", &PLAYWRIGHT, &parameters, upon)
}

/// Lists the agents that are known, each with its version.
fn known(sandbox: &Sandbox) -> impl Iterator<Item = (&'static KnownAgent, &str)> {
    let asked = sandbox.agents.iter();
    asked.filter_map(|(name, version)| Some((KnownAgent::find(name)?, version.as_str())))
}

fn agents<'a>(sandbox: &'a Sandbox, node: Option<&'a Setup>) -> impl Iterator<Item = Setup> + 'a {
    known(sandbox).map(move |(agent, version)| {
        let oldest = agent.node.to_string();
        let parameters = [
            ("PACKAGE", agent.package),
            ("COMMAND", agent.command),
            ("VERSION", version),
            ("NODE", &oldest),
        ];
        Setup::new(&format!("agent:{}", agent.name), &AGENT, &parameters, node)
    })
}

/// Verifies all, and so builds upon every step.
fn verify(sandbox: &Sandbox, steps: &[Setup]) -> Setup {
    let tools = &sandbox.toolchain;
    let yes = |asked| if asked { "yes" } else { "" };
    let node = match &tools.node {
        Node::Off => "",
        Node::Major(major) => major,
        Node::Distro => "distro",
    };
    let agents: Vec<_> =
        known(sandbox).map(|(agent, version)| format!("{}={version}", agent.command)).collect();
    let parameters = [
        ("PACKAGES", &*sandbox.packages.join(" ")),
        ("DOCKER", yes(tools.docker != Docker::Off)),
        ("NODE", node),
        ("PYTHON", yes(tools.python)),
        ("PLAYWRIGHT", yes(tools.playwright.is_some())),
        ("AGENTS", &agents.join(" ")),
    ];
    let verify = Setup::new("verify", &VERIFY, &parameters, None);
    let all = steps.iter().chain([&verify]).map(|step| step.hash.as_str());
    Setup { hash: hash(all), ..verify }
}

/// Quotes a text for a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[path = "setup/tests.rs"]
mod tests;
