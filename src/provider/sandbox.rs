//! The portable shape of a sandbox, the same on every platform, and its typed view.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::toolchain::{Mirrors, Toolchain};
use crate::address::ResourceType;
use crate::schema::{Attribute, Block, BlockSchema, Nesting, ResourceSchema};
use crate::value::{ObjectAttribute, Type, Value};

/// Returns the portable schema of a sandbox.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> =
        LazyLock::new(|| ResourceSchema { version: 1, block: block() });
    &SCHEMA
}

fn block() -> BlockSchema {
    BlockSchema { attributes: [arguments(), computed()].concat(), blocks: blocks() }
}

fn arguments() -> Vec<Attribute> {
    let strings = || Type::list(Type::String);
    let size = ["vcpus", "memory", "disk"].map(|name| {
        let kind = if name == "vcpus" { Type::Number } else { Type::String };
        (Arc::from(name), ObjectAttribute { kind, optional: true })
    });
    vec![
        Attribute::optional("name", Type::String, "Name on the platform.").or_computed(),
        Attribute::optional(
            "image",
            Type::String,
            "Operating system image, such as `ubuntu-24.04`.",
        ),
        Attribute::optional(
            "size",
            Type::Object(Arc::new(size.into_iter().collect())),
            "Portable size: `{ vcpus = 4, memory = \"8GiB\", disk = \"60GiB\" }`.",
        ),
        Attribute::optional("region", Type::Dynamic, "Where it runs: a region or an ordered list.")
            .replaces(),
        Attribute::optional("from", Type::String, "Snapshot to start from.")
            .refers_to(ResourceType::Snapshot)
            .replaces(),
        Attribute::optional("packages", strings(), "Packages of the distribution to install."),
        Attribute::optional("ttl", Type::String, "How long it may live: `8h`, `30m`, `2d`."),
        Attribute::optional("env", Type::map(Type::String), "Environment of every command."),
        Attribute::optional("labels", Type::map(Type::String), "Labels on the platform's object."),
        Attribute::optional("ssh_keys", strings(), "SSH keys that may log in.")
            .refers_to(ResourceType::SshKey),
        Attribute::optional(
            "network",
            Type::String,
            "A network, or `none` for no network at all where the platform can do that.",
        )
        .refers_to(ResourceType::Network),
    ]
}

fn computed() -> Vec<Attribute> {
    let text = |name, doc| Attribute::computed(name, Type::String, doc);
    vec![
        text("id", "Id on the platform."),
        text("status", "`ready`, `provisioning`, `failed` or `tainted`."),
        text("ipv4", "Public IPv4 address."),
        text("ipv6", "Public IPv6 address."),
        text("host_key", "SSH host key that is pinned."),
        text("ssh_command", "Command line that opens a shell."),
        text("created_at", "When it was created (RFC 3339)."),
        text("expires_at", "When its TTL ends (RFC 3339)."),
        text("hourly_cost", "Price per hour with its currency, or `unknown`."),
        Attribute::computed("urls", Type::map(Type::String), "Address of each `port`."),
    ]
}

fn blocks() -> Vec<Block> {
    let strings = || Type::list(Type::String);
    let text = |name, doc| Attribute::optional(name, Type::String, doc);
    let block = |name: &str, nesting, attributes, blocks, doc| Block {
        name: name.into(),
        nesting,
        schema: BlockSchema { attributes, blocks },
        doc,
    };
    let run = Attribute::required("run", strings(), "Command and its arguments.");
    let exec = Attribute::required("exec", strings(), "Command that must exit 0.");
    let probe = block(
        "probe",
        Nesting::List { labelled: true },
        vec![exec, text("timeout", "How long to keep trying.")],
        vec![],
        "Must pass before the sandbox counts as ready.",
    );
    let playwright = Type::Object(Arc::new(
        [
            ("browsers".into(), ObjectAttribute { kind: strings(), optional: true }),
            ("version".into(), ObjectAttribute { kind: Type::String, optional: true }),
        ]
        .into(),
    ));
    vec![
        block(
            "toolchain",
            Nesting::Single,
            vec![
                Attribute::optional("docker", Type::Dynamic, "`true`, `false` or `\"distro\"`."),
                Attribute::optional("node", Type::Dynamic, "Major version, or `\"distro\"`."),
                Attribute::optional("python", Type::Bool, "Python with pip and venv."),
                Attribute::optional("playwright", playwright, "Playwright and its browsers."),
            ],
            vec![],
            "Tools to install.",
        ),
        block(
            "agent",
            Nesting::Map,
            vec![text("version", "Exact version; its `--version` output is checked.")],
            vec![],
            "A coding agent to install.",
        ),
        block(
            "mirrors",
            Nesting::Single,
            vec![
                text("apt", "Base of the distribution's packages."),
                text("npm", "npm registry."),
                text("docker", "Base of Docker's packages."),
                text("node", "Base of NodeSource's packages."),
                text("pypi", "Python package index."),
                text("playwright", "Where Playwright's browsers come from."),
            ],
            vec![],
            "Repositories for closed networks.",
        ),
        block(
            "ready",
            Nesting::Single,
            vec![
                text("timeout", "How long all probes together may take; 5m by default."),
                text("on_failure", "`keep` (default) or `destroy`."),
            ],
            vec![probe],
            "When the sandbox counts as ready.",
        ),
        block(
            "file",
            Nesting::Map,
            vec![
                Attribute::required("content", Type::String, "Text of the file."),
                text("mode", "Octal permissions; `0644` by default."),
            ],
            vec![],
            "A file in the sandbox; the label is its absolute path.",
        ),
        block(
            "sync",
            Nesting::List { labelled: false },
            vec![
                Attribute::required("from", Type::String, "Directory or file on this machine."),
                Attribute::required("to", Type::String, "Absolute path in the sandbox."),
                Attribute::optional(
                    "exclude",
                    strings(),
                    "Patterns to leave out, as in .gitignore.",
                ),
                Attribute::computed("digest", Type::String, "Digest of what is to be there."),
            ],
            vec![],
            "Keeps a directory in the sandbox equal to one here.",
        ),
        block(
            "provision",
            Nesting::List { labelled: true },
            vec![run, text("timeout", "Ends the step; 10m by default.")],
            vec![],
            "A step that runs once, and again when it or one before it changes.",
        ),
        block(
            "port",
            Nesting::Map,
            vec![
                Attribute::required("guest", Type::Number, "Port in the sandbox."),
                Attribute::optional("host", Type::Number, "Port on this machine."),
            ],
            vec![],
            "A port to reach from here.",
        ),
    ]
}

/// A sandbox's arguments, wholly known, with sensitive ones readable: what a
/// provider works from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sandbox {
    pub name: Option<String>,
    pub packages: Vec<String>,
    pub toolchain: Toolchain,
    /// The exact version of each agent, by name.
    pub agents: BTreeMap<String, String>,
    pub mirrors: Mirrors,
    pub ssh_keys: Vec<String>,
    pub ttl: Option<Duration>,
    pub env: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub network: Option<String>,
    pub files: Vec<File>,
    pub syncs: Vec<Sync>,
    pub provision: Vec<Provision>,
    pub ready: Ready,
    pub ports: BTreeMap<String, Port>,
}

/// One `file` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute, in the sandbox.
    pub path: String,
    pub content: String,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
}

/// One `sync` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    pub from: String,
    pub to: String,
    pub exclude: Vec<String>,
    /// Digest of the manifest that was planned.
    pub digest: Option<String>,
}

/// One `provision` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    pub name: String,
    pub run: Vec<String>,
    pub timeout: Duration,
}

/// The `ready` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub timeout: Duration,
    pub probes: Vec<Probe>,
    pub destroy_on_failure: bool,
}

/// One `probe` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub name: String,
    pub exec: Vec<String>,
    pub timeout: Option<Duration>,
}

/// One `port` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub guest: u16,
    pub host: Option<u16>,
}

impl Default for Ready {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(300), probes: Vec::new(), destroy_on_failure: false }
    }
}

impl Sandbox {
    /// Reads the typed view of a sandbox's attributes. Parts that are unknown or
    /// of a wrong type (which decoding has refused) count as absent.
    pub fn from_value(attributes: &Value) -> Self {
        Self {
            name: text(attributes, "name"),
            packages: texts(attributes, "packages"),
            toolchain: attributes.get("toolchain").map(Toolchain::from_value).unwrap_or_default(),
            agents: members(attributes, "agent")
                .filter_map(|(name, agent)| Some((name.to_owned(), text(agent, "version")?)))
                .collect(),
            mirrors: attributes.get("mirrors").map(Mirrors::from_value).unwrap_or_default(),
            ssh_keys: texts(attributes, "ssh_keys"),
            ttl: duration(attributes, "ttl"),
            env: text_map(attributes.get("env")),
            labels: text_map(attributes.get("labels")),
            network: text(attributes, "network"),
            files: members(attributes, "file").map(|(path, f)| file(path, f)).collect(),
            syncs: elements(attributes, "sync").iter().map(sync).collect(),
            provision: elements(attributes, "provision").iter().map(provision).collect(),
            ready: attributes.get("ready").map(ready).unwrap_or_default(),
            ports: members(attributes, "port")
                .map(|(name, p)| (name.to_owned(), port(p)))
                .collect(),
        }
    }
}

fn file(path: &str, block: &Value) -> File {
    let mode = text(block, "mode").and_then(|m| u32::from_str_radix(&m, 8).ok());
    File {
        path: path.to_owned(),
        content: text(block, "content").unwrap_or_default(),
        mode: mode.unwrap_or(0o644),
    }
}

fn sync(block: &Value) -> Sync {
    Sync {
        from: text(block, "from").unwrap_or_default(),
        to: text(block, "to").unwrap_or_default(),
        exclude: texts(block, "exclude"),
        digest: text(block, "digest"),
    }
}

fn provision(block: &Value) -> Provision {
    Provision {
        name: text(block, "name").unwrap_or_default(),
        run: texts(block, "run"),
        timeout: duration(block, "timeout").unwrap_or(Duration::from_secs(600)),
    }
}

fn ready(block: &Value) -> Ready {
    let probe = |block: &Value| Probe {
        name: text(block, "name").unwrap_or_default(),
        exec: texts(block, "exec"),
        timeout: duration(block, "timeout"),
    };
    Ready {
        timeout: duration(block, "timeout").unwrap_or(Ready::default().timeout),
        probes: elements(block, "probe").iter().map(probe).collect(),
        destroy_on_failure: text(block, "on_failure").as_deref() == Some("destroy"),
    }
}

fn port(block: &Value) -> Port {
    let number = |name| {
        let number = block.get(name).and_then(Value::as_number).and_then(|n| n.to_u64());
        number.and_then(|n| u16::try_from(n).ok())
    };
    Port { guest: number("guest").unwrap_or_default(), host: number("host") }
}

pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

pub(super) fn texts(value: &Value, name: &str) -> Vec<String> {
    elements(value, name).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

pub(super) fn duration(value: &Value, name: &str) -> Option<Duration> {
    crate::duration::parse(value.get(name)?.as_str()?)
}

pub(super) fn elements<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_elements).unwrap_or_default()
}

pub(super) fn members<'a>(
    value: &'a Value,
    name: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let attributes = value.get(name).and_then(Value::as_attributes);
    attributes.into_iter().flat_map(|a| a.iter().map(|(k, v)| (&**k, v)))
}

pub(super) fn text_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let attributes = value.and_then(Value::as_attributes);
    attributes
        .into_iter()
        .flat_map(|a| a.iter())
        .filter_map(|(k, v)| Some((k.to_string(), v.as_str()?.to_owned())))
        .collect()
}
