//! What is to be installed in a sandbox beside packages, as plain data: tools,
//! agents, and where they come from.

use super::sandbox::{elements, text};
use crate::value::Value;

/// The `toolchain` block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toolchain {
    pub docker: Docker,
    pub node: Node,
    pub python: bool,
    pub playwright: Option<Playwright>,
}

/// Where Docker comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Docker {
    #[default]
    Off,
    /// Docker's own packages.
    Official,
    /// The distribution's `docker.io`.
    Distro,
}

/// Where Node comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Node {
    #[default]
    Off,
    /// NodeSource's packages of a major version, such as `24`.
    Major(String),
    /// The distribution's `nodejs` and `npm`.
    Distro,
}

/// Playwright, and the browsers that are installed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playwright {
    /// Never empty: `chromium` where none is named.
    pub browsers: Vec<String>,
    /// The newest where none is named.
    pub version: Option<String>,
}

/// The `mirrors` block: the base address of each kind of repository; the public
/// one where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mirrors {
    pub apt: Option<String>,
    pub npm: Option<String>,
    pub docker: Option<String>,
    pub node: Option<String>,
    pub pypi: Option<String>,
    pub playwright: Option<String>,
}

/// A coding agent that sandplan can install.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownAgent {
    /// The label of its block.
    pub name: &'static str,
    /// Its npm package.
    pub package: &'static str,
    /// The command that it brings.
    pub command: &'static str,
    /// The oldest major version of Node that its current releases run on. npm
    /// installs an old release on an older one, and calls that a success.
    pub node: u32,
}

/// The coding agents that sandplan can install, all from npm.
pub const AGENTS: [KnownAgent; 3] = [
    KnownAgent {
        name: "claude-code",
        package: "@anthropic-ai/claude-code",
        command: "claude",
        node: 22,
    },
    KnownAgent { name: "codex", package: "@openai/codex", command: "codex", node: 16 },
    KnownAgent { name: "opencode", package: "opencode-ai", command: "opencode", node: 18 },
];

/// The oldest major version of Node that Playwright runs on.
pub const PLAYWRIGHT_NODE: u32 = 18;

/// The browsers that Playwright brings itself.
pub const BROWSERS: [&str; 4] = ["chromium", "chromium-headless-shell", "firefox", "webkit"];

impl KnownAgent {
    /// Finds an agent by the label of its block.
    pub fn find(name: &str) -> Option<&'static Self> {
        AGENTS.iter().find(|agent| agent.name == name)
    }
}

impl Toolchain {
    /// Reads the block. Parts that are unknown or wrong count as absent.
    pub fn from_value(block: &Value) -> Self {
        Self {
            docker: block.get("docker").map(docker).unwrap_or_default(),
            node: block.get("node").map(node).unwrap_or_default(),
            python: block.get("python").and_then(Value::as_bool).unwrap_or_default(),
            playwright: block.get("playwright").filter(|value| is_object(value)).map(playwright),
        }
    }
}

impl Node {
    /// Returns the major version, where the file says it.
    pub fn major(&self) -> Option<u32> {
        match self {
            Self::Major(major) => major.parse().ok(),
            Self::Off | Self::Distro => None,
        }
    }
}

impl Mirrors {
    /// Reads the block; a slash at the end of an address is dropped.
    pub fn from_value(block: &Value) -> Self {
        let base = |name| text(block, name).map(|url| url.trim_end_matches('/').to_owned());
        Self {
            apt: base("apt"),
            npm: base("npm"),
            docker: base("docker"),
            node: base("node"),
            pypi: base("pypi"),
            playwright: base("playwright"),
        }
    }
}

fn is_object(value: &Value) -> bool {
    value.as_attributes().is_some()
}

fn docker(value: &Value) -> Docker {
    match (value.as_bool(), value.as_str()) {
        (Some(true), _) | (_, Some("true")) => Docker::Official,
        (_, Some("distro")) => Docker::Distro,
        _ => Docker::Off,
    }
}

/// A version may be written as a number or as text.
fn node(value: &Value) -> Node {
    let number = value.as_number().and_then(|number| number.to_u64());
    match (number, value.as_str()) {
        (Some(major), _) => Node::Major(major.to_string()),
        (_, Some("distro")) => Node::Distro,
        (_, Some(major)) if is_major(major) => Node::Major(major.to_owned()),
        _ => Node::Off,
    }
}

/// Tells whether a text is a major version of Node: `24`.
pub fn is_major(text: &str) -> bool {
    text.parse().is_ok_and(|major: u32| (12..=99).contains(&major)) && !text.starts_with('+')
}

fn playwright(value: &Value) -> Playwright {
    let browsers = elements(value, "browsers").iter().filter_map(Value::as_str);
    let mut browsers: Vec<_> = browsers.map(str::to_owned).collect();
    if browsers.is_empty() {
        browsers.push(BROWSERS[0].to_owned());
    }
    Playwright { browsers, version: text(value, "version") }
}
