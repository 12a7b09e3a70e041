//! Who uses the sandboxes of this machine, and whether this machine can have any.

use std::collections::BTreeMap;
use std::path::Path;

use super::jail::{Identity, Jail};
use super::launch::Launch;
use super::run;
use crate::provider::{Account, ExecIo, ProviderError, ProviderErrorKind};

/// The oldest bubblewrap that has the options used (`--clearenv`, `--perms`).
const OLDEST: (u32, u32) = (0, 5);

/// What is said where bubblewrap is not installed.
pub const MISSING: &str = "bubblewrap (`bwrap`) is not installed. Sandboxes on this machine \
    need it. Install it with `apt install bubblewrap`, `dnf install bubblewrap` or \
    `pacman -S bubblewrap`.";

const FORBIDDEN: &str = "This machine does not allow the namespaces that a sandbox consists of. \
    Where `sysctl kernel.unprivileged_userns_clone` is 0, or `sysctl \
    kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu 24.04), set it to the other value \
    or give bubblewrap an AppArmor profile with `userns`; where `sysctl \
    user.max_user_namespaces` is 0, raise it. Inside a container, start that one with user \
    namespaces allowed (`--security-opt seccomp=unconfined --security-opt \
    apparmor=unconfined`), or use another provider.";

/// Explains why a jail could not be built, from what bubblewrap said.
pub fn explain(said: &str) -> String {
    match said.lines().last() {
        Some(last) => format!("The sandbox could not be entered: {last}. {FORBIDDEN}"),
        None => format!("The sandbox could not be entered. {FORBIDDEN}"),
    }
}

/// Checks that sandboxes work here, by starting one, and says whose they are.
pub async fn whoami(bwrap: &Path, data_dir: &Path) -> Result<Account, ProviderError> {
    let version = version(bwrap).await?;
    probe(bwrap, identity()).await?;
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy().into_owned();
    let user = user();
    let data = data_dir.display();
    Ok(Account {
        summary: format!("user {user} on {host}, bubblewrap {version}, data in {data}"),
        details: vec![
            ("user".to_owned(), user),
            ("host".to_owned(), host),
            ("bubblewrap".to_owned(), version),
            ("data".to_owned(), data.to_string()),
        ],
    })
}

fn user() -> String {
    let uid = nix::unistd::Uid::effective();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

/// Returns as whom the probe runs: root becomes nobody in particular.
fn identity() -> Identity {
    match rustix::process::geteuid().is_root() {
        true => Identity::Root { uid: super::store::FIRST_UID, gid: super::store::FIRST_UID },
        false => Identity::Ordinary,
    }
}

async fn version(bwrap: &Path) -> Result<String, ProviderError> {
    let unavailable = |message: String| ProviderError::new(ProviderErrorKind::Unavailable, message);
    let output = tokio::process::Command::new(bwrap).arg("--version").output().await;
    let output = output.map_err(|_| unavailable(MISSING.to_owned()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().trim_start_matches("bubblewrap ").to_owned();
    match parse(&version) {
        Some(number) if number < OLDEST => Err(unavailable(format!(
            "bubblewrap {version} is too old: sandplan needs {}.{} or newer.",
            OLDEST.0, OLDEST.1
        ))),
        _ => Ok(version),
    }
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

async fn probe(bwrap: &Path, identity: Identity) -> Result<(), ProviderError> {
    let jail =
        Jail { host_name: "probe".to_owned(), shares_network: false, binds: Vec::new(), identity };
    let io = ExecIo::Capture(None);
    let (env, argv) = (BTreeMap::new(), ["true".to_owned()]);
    let launch = Launch {
        bwrap,
        jail: &jail,
        argv: &argv,
        env: &env,
        workdir: Some("/"),
        stdio: run::stdio(&io),
    };
    run::finish(launch.start().await?, io, None).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(parse("0.11.0") > Some(OLDEST));
        assert!(parse("0.4.1") < Some(OLDEST));
        assert_eq!(parse("unknown"), None);
    }

    #[tokio::test]
    async fn a_missing_bubblewrap_is_explained_with_its_remedy() {
        let error = whoami(Path::new("/nonexistent/bwrap"), Path::new("/")).await.unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Unavailable);
        assert!(error.message.contains("apt install bubblewrap"), "{error}");
    }
}
