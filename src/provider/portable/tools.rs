//! Checks of what is to be installed: packages, tools, agents, mirrors.

use super::{Check, elements, members};
use crate::diagnostic::did_you_mean;
use crate::provider::toolchain::{
    AGENTS, BROWSERS, KnownAgent, Node, PLAYWRIGHT_NODE, Toolchain, is_major,
};
use crate::value::Value;

/// The Node of the distributions: Debian 12 and Ubuntu 24.04 have this one.
const DISTRO_NODE: u32 = 18;

impl Check<'_> {
    pub(super) fn tools(&mut self) {
        self.packages();
        self.toolchain();
        self.playwright();
        self.agents();
        self.mirrors();
    }

    fn packages(&mut self) {
        for (index, package) in elements(self.config.attributes, "packages").iter().enumerate() {
            let Some(name) = package.as_str().filter(|name| !is_package(name)) else { continue };
            let detail = format!(
                "\"{name}\" is no package of Debian or Ubuntu. A name has lower-case letters, \
                 digits, `+`, `-` and `.`, perhaps with `=VERSION`."
            );
            self.problem("invalid-package", &format!("packages[{index}]"), detail);
        }
    }

    fn tool(&self, name: &str) -> Option<&Value> {
        let value = self.config.attributes.get("toolchain")?.get(name)?.revealed();
        (!value.is_unknown() && !value.is_null()).then_some(value)
    }

    fn toolchain(&mut self) {
        if let Some(docker) = self.tool("docker") {
            let good = docker.as_bool().is_some()
                || docker.as_str().is_some_and(|text| ["distro", "true", "false"].contains(&text));
            if !good {
                let detail = "`docker` is true for Docker's own packages, \"distro\" for the \
                              distribution's, or false.";
                self.problem("invalid-toolchain", "toolchain.docker", detail.into());
            }
        }
        if self.tool("node").is_some_and(|node| !is_node(node)) {
            let detail = "`node` is a major version such as \"24\", or \"distro\" for the \
                          distribution's Node.";
            self.problem("invalid-toolchain", "toolchain.node", detail.into());
        }
    }

    fn playwright(&mut self) {
        let Some(playwright) = self.tool("playwright").cloned() else { return };
        for browser in elements(&playwright, "browsers").iter().filter_map(Value::as_str) {
            if !BROWSERS.contains(&browser) {
                let hint = did_you_mean(browser, BROWSERS).unwrap_or_else(all_browsers);
                let detail = format!("Playwright has no browser \"{browser}\": {hint}");
                self.problem("invalid-toolchain", "toolchain.playwright", detail);
            }
        }
        let version = playwright.get("version").and_then(Value::as_str);
        if let Some(version) = version.filter(|version| !is_exact(version)) {
            let detail = format!("\"{version}\" is no exact version such as \"1.56.0\".");
            self.problem("invalid-toolchain", "toolchain.playwright", detail);
        }
        let Some(tools) = self.known_toolchain() else { return };
        let detail = match (&tools.node, tools.python, tools.node.major()) {
            (Node::Off, false, _) => {
                "Playwright needs Node or Python: add `node = \"24\"` or `python = true`."
                    .to_owned()
            }
            (_, _, Some(major)) if major < PLAYWRIGHT_NODE => format!(
                "Playwright needs Node {PLAYWRIGHT_NODE} or newer, and `node` is \"{major}\"."
            ),
            _ => return,
        };
        self.problem("invalid-toolchain", "toolchain.playwright", detail);
    }

    fn agents(&mut self) {
        let named: Vec<_> = members(self.config.attributes, "agent")
            .map(|(name, agent)| (name.to_owned(), agent.get("version").cloned()))
            .collect();
        for (name, version) in named {
            let at = format!("agent[{name:?}]");
            match KnownAgent::find(&name) {
                Some(agent) => self.needs_node(agent, &at),
                None => {
                    let hint = did_you_mean(&name, AGENTS.map(|agent| agent.name));
                    let names = AGENTS.map(|agent| format!("`{}`", agent.name)).join(", ");
                    let hint = hint.unwrap_or_else(|| format!("there are {names}."));
                    let detail = format!("There is no agent \"{name}\": {hint}");
                    self.problem("invalid-agent", &at, detail);
                }
            }
            let version = version.unwrap_or_else(Value::null);
            let is_good = version.is_unknown() || version.as_str().is_some_and(is_exact);
            if !is_good {
                let detail = format!(
                    "The agent \"{name}\" needs an exact `version`, such as \"2.1.0\": what is \
                     installed is held against it."
                );
                self.problem("invalid-agent", &format!("{at}.version"), detail);
            }
        }
    }

    /// Checks that an agent will find a Node that it runs on.
    fn needs_node(&mut self, agent: &KnownAgent, at: &str) {
        let Some(tools) = self.known_toolchain() else { return };
        let (name, oldest) = (agent.name, agent.node);
        let detail = match (&tools.node, tools.node.major()) {
            (Node::Off, _) => format!(
                "The agent \"{name}\" needs Node {oldest} or newer: add `node = \"24\"` to `toolchain`."
            ),
            (Node::Distro, _) if oldest > DISTRO_NODE => format!(
                "The agent \"{name}\" needs Node {oldest} or newer, and the distribution's is \
                 {DISTRO_NODE} or older: set `node = \"24\"` in `toolchain`."
            ),
            (_, Some(major)) if major < oldest => format!(
                "The agent \"{name}\" needs Node {oldest} or newer, and `toolchain.node` is \"{major}\"."
            ),
            _ => return,
        };
        self.problem("invalid-agent", at, detail);
    }

    /// Returns the toolchain when it is known what it asks for. A snapshot may have
    /// brought what it does not ask for.
    fn known_toolchain(&self) -> Option<Toolchain> {
        let attributes = self.config.attributes;
        let absent = |name| attributes.get(name).is_none_or(Value::is_null);
        let Some(tools) = attributes.get("toolchain").filter(|tools| !tools.is_null()) else {
            return absent("from").then(Toolchain::default);
        };
        let is_known = |name: &str| tools.get(name).is_none_or(|value| !value.is_unknown());
        let known = !tools.is_unknown()
            && ["node", "python"].into_iter().all(is_known)
            && self.tool("node").is_none_or(is_node);
        (known && absent("from")).then(|| Toolchain::from_value(tools))
    }

    fn mirrors(&mut self) {
        for (name, url) in members(self.config.attributes, "mirrors") {
            let Some(url) = url.as_str().filter(|url| !is_address(url)) else { continue };
            let detail =
                format!("\"{url}\" is no address such as \"https://mirror.example/{name}\".");
            self.problem("invalid-mirror", &format!("mirrors.{name}"), detail);
        }
    }
}

fn is_node(value: &Value) -> bool {
    let number = value.as_number().map(|number| number.to_string());
    let text = number.as_deref().or(value.as_str()).unwrap_or_default();
    text == "distro" || is_major(text)
}

fn all_browsers() -> String {
    format!("there are {}.", BROWSERS.map(|name| format!("`{name}`")).join(", "))
}

/// A hyphen at the end would ask apt to remove the package.
fn is_package(text: &str) -> bool {
    let (name, version) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
    let (name, architecture) = name.split_once(':').unwrap_or((name, "any"));
    let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let in_version = |c: char| c.is_ascii_alphanumeric() || "+-.~:".contains(c);
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(in_name)
        && !name.ends_with('-')
        && !architecture.is_empty()
        && architecture.chars().all(|c| c.is_ascii_alphanumeric())
        && version.is_none_or(|version| !version.is_empty() && version.chars().all(in_version))
}

/// Three numbers, and perhaps a pre-release: no range, no tag.
fn is_exact(version: &str) -> bool {
    let (numbers, pre) = version.split_once('-').map_or((version, None), |(n, p)| (n, Some(p)));
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let in_pre = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && pre.is_none_or(|pre| !pre.is_empty() && pre.chars().all(in_pre))
}

/// What goes into sources.list and the settings of npm and pip as it is.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && rest.chars().all(|c| c.is_ascii_graphic() && !"\"'`\\<>#?@".contains(c))
    })
}
