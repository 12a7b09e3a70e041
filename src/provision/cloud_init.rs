//! What a platform hands to a machine at its first boot: cloud-init user-data, as
//! JSON, which is YAML too. Pure.
//!
//! No secret is in it but the private half of a host key that is used once: the
//! environment and the user's files go over the pinned connection.

use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::setup::Setup;
use super::{expiry, guest};

/// The file that says what sshd is like beyond the distribution's settings. The
/// first value of a setting counts, so it must come before others by name.
const SSHD: (&str, &str) =
    ("/etc/ssh/sshd_config.d/00-sandplan.conf", include_str!("guest/sshd.conf"));

/// What user-data is made of.
#[derive(Debug, Clone)]
pub struct UserData<'a> {
    pub host_key: HostKey<'a>,
    /// Public keys that may log in, one line each: as `agent`, and as root, so that
    /// whoever has one of them can go on with the machine. `agent` may become root anyway.
    pub keys: &'a [String],
    pub setup: &'a [Setup],
    /// When the machine switches itself off; nothing where it does not.
    pub expires_at: Option<Timestamp>,
}

/// The host key that a machine starts with; replaced over the first connection.
#[derive(Clone, Copy)]
pub struct HostKey<'a> {
    /// In OpenSSH's format, ed25519.
    pub private: &'a str,
    /// One line: `ssh-ed25519 AAAA…`.
    pub public: &'a str,
}

impl fmt::Debug for HostKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// User-data that is ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    bytes: Vec<u8>,
    /// What it is made of and how many bytes each takes, the biggest first.
    parts: Vec<(String, usize)>,
}

/// Says that user-data is longer than a platform takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The first-boot configuration has {size} bytes, and the platform takes {limit}. The biggest \
     parts are {}.",
    listed(parts)
)]
pub struct TooBig {
    /// In bytes.
    pub size: usize,
    /// In bytes.
    pub limit: usize,
    /// The three biggest parts, with their bytes.
    pub parts: Vec<(String, usize)>,
}

impl Rendered {
    /// Returns the user-data as text; what is compressed is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Returns the user-data.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Checks it against what a platform takes, in bytes.
    pub fn fits(&self, limit: usize) -> Result<(), TooBig> {
        if self.size() <= limit {
            return Ok(());
        }
        let parts = self.parts.iter().take(3).cloned().collect();
        Err(TooBig { size: self.size(), limit, parts })
    }
}

/// It holds a private key.
impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendered({} bytes)", self.size())
    }
}

/// Renders user-data as text: the same input, the same bytes.
pub fn user_data(data: &UserData<'_>) -> Rendered {
    let files = files(data.setup, packed);
    let parts = parts(data, &files);
    Rendered { bytes: text(data, files).into_bytes(), parts }
}

/// Renders user-data compressed, for platforms that take bytes: cloud-init unpacks it.
pub fn gzipped(data: &UserData<'_>) -> Rendered {
    // What is packed already packs worse as a part of the whole.
    let files = files(data.setup, plain);
    let parts = parts(data, &files);
    Rendered { bytes: gzip(text(data, files).as_bytes()), parts }
}

/// Names what user-data is made of, the biggest first.
fn parts(data: &UserData<'_>, files: &[Json]) -> Vec<(String, usize)> {
    let path = |file: &Json| file["path"].as_str().unwrap_or_default().to_owned();
    let mut parts: Vec<_> = files.iter().map(|file| (path(file), file.to_string().len())).collect();
    parts.push(("the SSH keys".to_owned(), data.keys.iter().map(|key| 2 * key.len()).sum()));
    parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    parts
}

fn text(data: &UserData<'_>, files: Vec<Json>) -> String {
    let mut body = access(data);
    body["write_files"] = files.into();
    if let Some(at) = data.expires_at {
        // Early, and at each boot: also where everything after it fails.
        body["bootcmd"] = json!([["/bin/sh", "-c", expiry::at_boot(at)]]);
    }
    if !data.setup.is_empty() {
        body["runcmd"] = json!([["/bin/sh", guest::RUNNER, guest::DIRECTORY]]);
    }
    format!("#cloud-config\n{body}\n")
}

/// Says who may log in, and by which host key the machine is known.
fn access(data: &UserData<'_>) -> Json {
    let agent = json!({
        "name": "agent",
        "homedir": "/home/agent",
        "shell": "/bin/bash",
        "lock_passwd": true,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": data.keys,
    });
    let root = json!({
        "name": "root",
        "lock_passwd": true,
        "ssh_authorized_keys": data.keys,
    });
    json!({
        "users": [agent, root],
        "disable_root": false,
        "ssh_pwauth": false,
        // A platform may ask for a new password at the first login, which nobody could give.
        "chpasswd": {"expire": false},
        "ssh_deletekeys": true,
        "ssh_genkeytypes": ["ed25519"],
        "ssh_keys": {
            "ed25519_private": data.host_key.private,
            "ed25519_public": data.host_key.public,
        },
    })
}

fn files(setup: &[Setup], file: fn(&str, &str) -> Json) -> Vec<Json> {
    let sshd = json!({"path": SSHD.0, "permissions": "0644", "content": SSHD.1});
    let guest = guest::files(setup).into_iter().map(|(path, content)| file(&path, &content));
    [sshd].into_iter().chain(guest).collect()
}

fn plain(path: &str, content: &str) -> Json {
    json!({"path": path, "permissions": "0700", "content": content})
}

/// Writes a file in whichever encoding takes fewer bytes.
fn packed(path: &str, content: &str) -> Json {
    let plain = plain(path, content);
    let packed = STANDARD.encode(gzip(content.as_bytes()));
    let packed =
        json!({"path": path, "permissions": "0700", "encoding": "gz+b64", "content": packed});
    if packed.to_string().len() < plain.to_string().len() { packed } else { plain }
}

/// Compresses without name and time, so that the same text gives the same bytes.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

fn listed(parts: &[(String, usize)]) -> String {
    let parts: Vec<_> = parts.iter().map(|(name, size)| format!("{name} ({size} bytes)")).collect();
    parts.join(", ")
}

#[cfg(test)]
#[path = "cloud_init/tests.rs"]
mod tests;
