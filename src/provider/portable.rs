//! What is the same of a resource on every platform: its schema, and checks of
//! arguments that the schema cannot say. Pure; what is unknown is not complained of.

mod tools;

use std::collections::BTreeSet;

use super::name::is_dns_label;
use super::size::BYTES_RULE;
use super::{ResourceConfig, network, sandbox, snapshot, ssh_key};
use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::ResourceSchema;
use crate::value::Value;

/// Returns the shape that a resource type has on every platform.
pub fn schema(kind: ResourceType) -> &'static ResourceSchema {
    match kind {
        ResourceType::SshKey => ssh_key::schema(),
        ResourceType::Network => network::schema(),
        ResourceType::Snapshot => snapshot::schema(),
        ResourceType::Sandbox => sandbox::schema(),
    }
}

/// Checks a resource's portable arguments. `writable` names the directories in
/// which a sandbox's `file` and `sync` may write; nothing means anywhere.
pub fn check(config: &ResourceConfig<'_>, writable: Option<&[&str]>) -> Diagnostics {
    let mut check = Check { config, problems: Diagnostics::new() };
    check.name();
    check.labels();
    match config.kind {
        ResourceType::SshKey => check.ssh_key(),
        ResourceType::Network => check.network(),
        ResourceType::Snapshot => check.snapshot(),
        ResourceType::Sandbox => check.sandbox(writable),
    }
    check.problems
}

/// Says that a platform cannot honour an argument, and which ones can.
pub fn unsupported(
    config: &ResourceConfig<'_>,
    argument: &str,
    platform: &str,
    honouring: &[&str],
) -> Diagnostic {
    let others = match honouring {
        [] => "No provider of this build can.".to_owned(),
        [one] => format!("The provider `{one}` can."),
        many => format!("Providers that can: `{}`.", many.join("`, `")),
    };
    let detail = format!(
        "The provider `{platform}` cannot honour `{argument}`. {others} Remove the argument, or \
         choose another provider."
    );
    Diagnostic::error("unsupported-argument", "Argument not supported by the provider")
        .detail(detail)
        .at((config.range_of)(argument))
        .address(config.address)
}

/// Tells whether a value asks for nothing, so that every platform honours it.
pub fn asks_nothing(value: &Value) -> bool {
    match value.revealed() {
        Value::Null(_) | Value::Bool(false) => true,
        Value::Object(attributes) => attributes.values().all(asks_nothing),
        Value::Map(_, elements) => elements.is_empty(),
        other => other.as_elements().is_some_and(<[Value]>::is_empty),
    }
}

/// A check in progress; each resource type adds its own.
pub(super) struct Check<'a> {
    pub(super) config: &'a ResourceConfig<'a>,
    problems: Diagnostics,
}

impl Check<'_> {
    fn sandbox(&mut self, writable: Option<&[&str]>) {
        let attributes = self.config.attributes;
        self.duration("ttl", attributes.get("ttl"));
        self.size();
        self.keys("ssh_keys", elements(attributes, "ssh_keys"));
        self.env();
        self.files(writable);
        self.syncs(writable);
        self.steps("provision", "run", elements(attributes, "provision"));
        self.ready();
        self.ports();
        self.tools();
    }

    /// Notes a problem at a path such as `provision[0].timeout`.
    pub(super) fn problem(&mut self, code: &'static str, path: &str, detail: String) {
        let range = (self.config.range_of)(path);
        let problem = Diagnostic::error(code, summary(code)).detail(detail).at(range);
        self.problems.push(problem.address(self.config.address));
    }

    fn name(&mut self) {
        let Some(name) = self.config.attributes.get("name").and_then(Value::as_str) else { return };
        if !is_dns_label(name) {
            let detail = format!(
                "`{name}` is not a host name: use 1 to 63 lower-case letters, digits and inner hyphens."
            );
            self.problem("invalid-name", "name", detail);
        }
    }

    pub(super) fn duration(&mut self, path: &str, value: Option<&Value>) {
        let Some(text) = value.and_then(Value::as_str) else { return };
        if crate::duration::parse(text).is_none_or(|duration| duration.is_zero()) {
            let detail = format!(
                "`{path}` is \"{text}\". Write numbers with units (s, m, h, d, w), such as `90s` or `1h30m`."
            );
            self.problem("invalid-duration", path, detail);
        }
    }

    fn size(&mut self) {
        let Some(size) = self.config.attributes.get("size") else { return };
        let vcpus = size.get("vcpus").and_then(Value::as_number);
        if vcpus.is_some_and(|count| count.to_u64().is_none_or(|count| count == 0)) {
            let detail = "`vcpus` must be a whole number above zero.";
            self.problem("invalid-size", "size.vcpus", detail.to_owned());
        }
        for name in ["memory", "disk"] {
            let text = size.get(name).and_then(Value::as_str);
            if let Some(text) = text.filter(|text| super::size::bytes(text).is_none()) {
                let detail = format!("`{name}` is \"{text}\". Write {BYTES_RULE}.");
                self.problem("invalid-size", &format!("size.{name}"), detail);
            }
        }
    }

    fn labels(&mut self) {
        for (key, value) in members(self.config.attributes, "labels") {
            let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
            if key.starts_with("sandplan-") {
                let detail =
                    format!("`{key}` begins with `sandplan-`, which is reserved for ownership.");
                self.problem("invalid-label", "labels", detail);
            } else if !is_label(name) || key.len() > 253 + name.len() {
                let detail = format!("The key `{key}` is not a label: {LABEL_RULE}");
                self.problem("invalid-label", "labels", detail);
            }
            if value.as_str().is_some_and(|text| !text.is_empty() && !is_label(text)) {
                let detail = format!("The value of `{key}` is not a label: {LABEL_RULE}");
                self.problem("invalid-label", "labels", detail);
            }
        }
    }

    fn env(&mut self) {
        for (name, value) in members(self.config.attributes, "env") {
            if !is_variable(name) {
                let detail = format!(
                    "`{name}` cannot name an environment variable: use letters, digits and `_`, \
                     not a digit first, and none that shells set themselves (UID, EUID, PPID, …)."
                );
                self.problem("invalid-env-name", "env", detail);
            }
            if value.as_str().is_some_and(|text| text.contains('\0')) {
                let detail = format!("The value of `{name}` contains a NUL character.");
                self.problem("invalid-env-value", "env", detail);
            }
        }
    }

    fn files(&mut self, writable: Option<&[&str]>) {
        for (path, file) in members(self.config.attributes, "file") {
            let at = format!("file[{path:?}]");
            self.path(&at, path, writable);
            let mode = file.get("mode").and_then(Value::as_str);
            if let Some(mode) = mode.filter(|mode| !is_mode(mode)) {
                let detail = format!("\"{mode}\" is not an octal mode such as \"0644\".");
                self.problem("invalid-mode", &format!("{at}.mode"), detail);
            }
        }
    }

    fn syncs(&mut self, writable: Option<&[&str]>) {
        let mut seen = BTreeSet::new();
        for (index, sync) in elements(self.config.attributes, "sync").iter().enumerate() {
            let Some(to) = sync.get("to").and_then(Value::as_str) else { continue };
            let at = format!("sync[{index}].to");
            self.path(&at, to, writable);
            if !seen.insert(to) {
                let detail = format!("Two `sync` blocks have the destination {to}.");
                self.problem("duplicate-step", &at, detail);
            }
        }
    }

    fn path(&mut self, at: &str, path: &str, writable: Option<&[&str]>) {
        let plain = path.starts_with('/')
            && !path.contains('\0')
            && path.split('/').all(|part| part != ".." && part != ".");
        if !plain {
            let detail = format!("`{path}` is not an absolute path without `.` and `..`.");
            return self.problem("invalid-path", at, detail);
        }
        let Some(places) = writable else { return };
        let is_inside = |place: &&str| {
            path.strip_prefix(*place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !places.iter().any(is_inside) {
            let detail = format!(
                "{path} cannot be written in a sandbox of this provider. Choose a path under {}.",
                places.join(", ")
            );
            self.problem("invalid-path", at, detail);
        }
    }

    /// Checks the commands of labelled blocks, whose labels must differ.
    fn steps(&mut self, block: &str, command: &str, steps: &[Value]) {
        let mut seen = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            let at = format!("{block}[{index}]");
            let name = step.get("name").and_then(Value::as_str).unwrap_or_default();
            if !name.is_empty() && !seen.insert(name) {
                let detail = format!("Two `{block}` blocks are called \"{name}\".");
                self.problem("duplicate-step", &at, detail);
            }
            if !is_step_name(name) {
                let detail = format!(
                    "\"{name}\" cannot name a step: use up to 100 letters, digits, `.`, `_` and `-`."
                );
                self.problem("invalid-step-name", &at, detail);
            }
            if step.get(command).and_then(Value::as_elements).is_some_and(<[Value]>::is_empty) {
                let detail = format!("`{command}` of \"{name}\" is empty: name a command.");
                self.problem("empty-command", &format!("{at}.{command}"), detail);
            }
            self.duration(&format!("{at}.timeout"), step.get("timeout"));
        }
    }

    fn ready(&mut self) {
        let Some(ready) = self.config.attributes.get("ready") else { return };
        self.duration("ready.timeout", ready.get("timeout"));
        self.steps("ready.probe", "exec", elements(ready, "probe"));
        let choice = ready.get("on_failure").and_then(Value::as_str);
        if let Some(choice) = choice.filter(|choice| !["keep", "destroy"].contains(choice)) {
            let detail = format!("\"{choice}\" is neither \"keep\" nor \"destroy\".");
            self.problem("invalid-on-failure", "ready.on_failure", detail);
        }
    }

    fn ports(&mut self) {
        for (name, port) in members(self.config.attributes, "port") {
            for side in ["guest", "host"] {
                let number = port.get(side).and_then(Value::as_number);
                let good = |n: u64| (1..=65535).contains(&n);
                if number.is_some_and(|number| !number.to_u64().is_some_and(good)) {
                    let detail = format!("`{side}` of port \"{name}\" is not between 1 and 65535.");
                    self.problem("invalid-port", &format!("port[{name:?}].{side}"), detail);
                }
            }
        }
    }
}

const LABEL_RULE: &str = "use 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit \
                          at both ends; a key may have a prefix before `/`.";

fn summary(code: &str) -> &'static str {
    match code {
        "invalid-name" => "Invalid name",
        "invalid-duration" => "Invalid duration",
        "invalid-label" => "Invalid label",
        "invalid-env-name" => "Invalid environment variable name",
        "invalid-env-value" => "Invalid environment variable value",
        "invalid-size" => "Invalid size",
        "invalid-mode" => "Invalid file mode",
        "invalid-path" => "Invalid path in the sandbox",
        "duplicate-step" => "Duplicate provisioning step",
        "invalid-step-name" => "Invalid provisioning step name",
        "empty-command" => "Empty command",
        "invalid-package" => "Invalid package name",
        "invalid-toolchain" => "Invalid toolchain",
        "invalid-agent" => "Invalid agent",
        "invalid-mirror" => "Invalid mirror",
        "invalid-on-failure" => "Invalid failure behaviour",
        "invalid-public-key" => "Invalid SSH public key",
        "invalid-cidr" => "Invalid range of addresses",
        _ => "Invalid port number",
    }
}

pub(super) fn is_label(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len())
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || "-_.".contains(c))
}

/// Tells whether a name can be an environment variable that a shell exports.
pub fn is_variable(name: &str) -> bool {
    const SET_BY_SHELLS: [&str; 6] =
        ["BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !SET_BY_SHELLS.contains(&name)
}

/// A step's name is the name of its log.
fn is_step_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_mode(mode: &str) -> bool {
    (3..=4).contains(&mode.len()) && mode.chars().all(|c| c.is_digit(8))
}

pub(super) fn elements<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_elements).unwrap_or_default()
}

pub(super) fn members<'a>(
    value: &'a Value,
    name: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let attributes = value.get(name).and_then(Value::as_attributes);
    attributes.into_iter().flat_map(|all| all.iter().map(|(key, value)| (&**key, value)))
}
