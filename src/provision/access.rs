//! The environment of a machine of its own, which keys may log in, and the place for
//! code: changed in place, over the connection, so that none stands in user-data.

use std::collections::BTreeMap;

use super::poll::as_root;
use super::runner::{End, Run, command_at};
use super::setup::quoted;
use crate::provider::{ExecIo, ProviderError};

/// The environment of every command, as lines that a POSIX shell reads.
pub const ENV: &str = "/etc/sandplan/env";

/// The directory for code, which is the sandbox's own user's on every platform.
pub const WORKSPACE: &str = "/workspace";

const MAKE_WORKSPACE: &str = r#"[ -e "$1" ] || install -d -o agent -g agent "$1""#;

const WRITE_ENV: &str = r#"set -e; umask 022
mkdir -p "$(dirname "$1")" /etc/profile.d
new=$(mktemp "$1.XXXXXX"); trap 'rm -f "$new"' EXIT
cat >"$new"; chown root:agent "$new"; chmod 0640 "$new"; mv -fT "$new" "$1"; trap - EXIT
printf '[ ! -r %s ] || . %s\n' "$1" "$1" >/etc/profile.d/sandplan.sh"#;

/// Makes these the keys that may log in as this user, with those of sandplan itself
/// that are there already: other machines that work on the sandbox have theirs.
const WRITE_KEYS: &str = r#"set -eu; umask 077
cd "$1"; mkdir -p .ssh; chmod 0700 .ssh; cd .ssh
{ cat; grep ' sandplan$' authorized_keys 2>/dev/null || :; } | awk '!seen[$0]++' >authorized_keys.new
mv -fT authorized_keys.new authorized_keys"#;

/// As the user, so that nobody is led astray by a link in a home.
const AS_AGENT: &str =
    r#"exec setpriv --reuid=agent --regid=agent --init-groups -- /bin/sh -c "$1" sh "$2""#;

/// Makes the directory for code where there is none.
pub async fn make_workspace(run: &Run<'_>) -> Result<(), ProviderError> {
    let argv = ["/bin/sh", "-c", MAKE_WORKSPACE, "sh", WORKSPACE];
    run.exec.exec(as_root(run, &argv, ExecIo::Capture(None))).await.map(drop)
}

/// Writes the environment; for root and the sandbox's user alone.
pub async fn write_env(
    run: &Run<'_>,
    env: &BTreeMap<String, String>,
) -> Result<End, ProviderError> {
    let lines = env.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    write(run, &["/bin/sh", "-c", WRITE_ENV, "sh", ENV], lines.collect()).await
}

/// Writes the keys that may log in as the sandbox's user, and as root.
pub async fn write_keys(run: &Run<'_>, keys: &[String]) -> Result<End, ProviderError> {
    let lines: String = keys.iter().map(|key| format!("{}\n", key.trim_end())).collect();
    let root = write(run, &["/bin/sh", "-c", WRITE_KEYS, "sh", "/root"], lines.clone()).await?;
    if root.rc != 0 {
        return Ok(root);
    }
    write(run, &["/bin/sh", "-c", AS_AGENT, "sh", WRITE_KEYS, "/home/agent"], lines).await
}

async fn write(run: &Run<'_>, argv: &[&str], text: String) -> Result<End, ProviderError> {
    let request = command_at(run, ENV, argv, ExecIo::Feed(text.into()));
    run.exec.exec(request).await.map(|outcome| End::of(&outcome))
}
