//! Makes a directory in a sandbox equal to one here, sending only differences.
//!
//! What was put there is written down in the sandbox, so that a later sync
//! removes that, and never a file that somebody else made.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::journal::DIRECTORY;
use super::manifest::{Changes, Manifest};
use super::pending::{hex, sync_hash};
use super::runner::{End, Run, command_at, owner_of};
use crate::provider::copy::{Entry, unpack_inside};
use crate::provider::sandbox::Sync;
use crate::provider::{ExecIo, ExecOutcome, ProviderError, ProviderErrorKind};

const READ: &str = r#"mkdir -p -- "$1/sync" && if [ -e "$1/sync/$2" ]; then cat "$1/sync/$2"; fi"#;
const WRITE: &str = r#"cat >"$1/sync/.$2" && mv -f "$1/sync/.$2" "$1/sync/$2""#;
const REMOVE: &str = r#"cd -- "$1" 2>/dev/null || exit 0; xargs -0 -r rm -f --"#;
const REMOVE_DIRECTORIES: &str =
    r#"cd -- "$1" 2>/dev/null || exit 0; xargs -0 -r rmdir -- 2>/dev/null; exit 0"#;
const FORGET: &str = r#"rm -f -- "$1/sync/$2""#;
const REMOVE_EMPTY: &str = r#"rmdir -- "$1" 2>/dev/null; exit 0"#;
const MAKE_DIRECTORY: &str = r#"mkdir -p -- "$1""#;

/// Syncs, and returns the hash that it is done under.
pub async fn sync(run: &Run<'_>, sync: &Sync) -> Result<(End, String), ProviderError> {
    let from = run.base_dir.join(&sync.from);
    let manifest = match describe(&from, &sync.exclude).await {
        Ok(manifest) => manifest,
        Err(why) => return Ok((End::failed(why), String::new())),
    };
    let hash = sync_hash(&manifest.digest());
    if sync.digest.as_ref().is_some_and(|planned| *planned != manifest.digest()) {
        let why = format!("`{}` has changed since it was planned; plan again", sync.from);
        return Ok((End::failed(why), hash));
    }
    let place = Destination::of(&sync.to, &manifest);
    let end = bring(run, &place, (&from, &manifest)).await?;
    Ok((end, hash))
}

/// Removes what a sync put there.
pub async fn remove(run: &Run<'_>, to: &str) -> Result<End, ProviderError> {
    let key = key(to);
    let old = match read(run, &key).await? {
        Ok(old) => old,
        Err(end) => return Ok(end),
    };
    let place = Destination::of(to, &old);
    let end = apply_removals(run, &place, &Manifest::default().changed(&old)).await?;
    if end.rc == 0 {
        shell(run, (DIRECTORY, FORGET), &[DIRECTORY, &key], Vec::new()).await?;
        shell(run, (to, REMOVE_EMPTY), &[to], Vec::new()).await?;
    }
    Ok(end)
}

/// Where a sync goes.
struct Destination {
    directory: String,
    /// The name of the old manifest.
    key: String,
    /// The name in the directory, when the source is one file.
    only: Option<String>,
}

impl Destination {
    fn of(to: &str, manifest: &Manifest) -> Self {
        if !manifest.entries().contains_key("") {
            return Self { directory: to.to_owned(), key: key(to), only: None };
        }
        let (directory, name) = to.trim_end_matches('/').rsplit_once('/').unwrap_or(("", to));
        let directory = if directory.is_empty() { "/" } else { directory };
        Self { directory: directory.to_owned(), key: key(to), only: Some(name.to_owned()) }
    }

    /// Returns a manifest's path as a path in the directory.
    fn name<'a>(&'a self, path: &'a str) -> &'a str {
        self.only.as_deref().unwrap_or(path)
    }
}

async fn bring(
    run: &Run<'_>,
    place: &Destination,
    (from, manifest): (&Path, &Manifest),
) -> Result<End, ProviderError> {
    let old = match read(run, &place.key).await? {
        Ok(old) => old,
        Err(end) => return Ok(end),
    };
    let make = (&*place.directory, MAKE_DIRECTORY);
    let made = shell(run, make, &[&place.directory], Vec::new()).await?;
    if made.code != 0 {
        return Ok(End::of(&made));
    }
    let changes = manifest.changed(&old);
    let end = apply_removals(run, place, &changes).await?;
    if end.rc != 0 {
        return Ok(end);
    }
    let entry = |path: &String| Entry {
        path: if path.is_empty() { from.to_owned() } else { from.join(path) },
        name: place.name(path).into(),
    };
    let entries: Vec<_> = changes.send.iter().map(entry).collect();
    if !entries.is_empty() {
        let owner = owner_of(run, &place.directory);
        match unpack_inside(run.exec, &owner, &place.directory, entries).await {
            Err(error) if error.kind == ProviderErrorKind::Rejected => {
                return Ok(End::failed(error.message));
            }
            sent => sent?,
        }
    }
    let text = serde_json::to_vec(manifest).unwrap_or_default();
    let written = shell(run, (DIRECTORY, WRITE), &[DIRECTORY, &place.key], text).await?;
    Ok(End::of(&written))
}

async fn describe(from: &Path, exclude: &[String]) -> Result<Manifest, String> {
    let (from, exclude) = (from.to_owned(), exclude.to_vec());
    let described = tokio::task::spawn_blocking(move || Manifest::of(&from, &exclude)).await;
    described.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Reads what was put there, nothing where that was damaged.
async fn read(run: &Run<'_>, key: &str) -> Result<Result<Manifest, End>, ProviderError> {
    let outcome = shell(run, (DIRECTORY, READ), &[DIRECTORY, key], Vec::new()).await?;
    Ok(match outcome.code {
        0 => Ok(serde_json::from_slice(&outcome.stdout).unwrap_or_default()),
        _ => Err(End::of(&outcome)),
    })
}

async fn apply_removals(
    run: &Run<'_>,
    place: &Destination,
    changes: &Changes,
) -> Result<End, ProviderError> {
    let scripts = [(REMOVE, &changes.remove), (REMOVE_DIRECTORIES, &changes.remove_directories)];
    for (script, paths) in scripts {
        if paths.is_empty() {
            continue;
        }
        let names = paths.iter().flat_map(|path| [place.name(path).as_bytes(), b"\0"].concat());
        let outcome =
            shell(run, (&place.directory, script), &[&place.directory], names.collect()).await?;
        if outcome.code != 0 {
            return Ok(End::of(&outcome));
        }
    }
    Ok(End::default())
}

/// Runs a script as whoever may change a path.
async fn shell(
    run: &Run<'_>,
    (path, script): (&str, &str),
    arguments: &[&str],
    input: Vec<u8>,
) -> Result<ExecOutcome, ProviderError> {
    let argv = [&["/bin/sh", "-c", script, "sh"], arguments].concat();
    run.exec.exec(command_at(run, path, &argv, ExecIo::Feed(input))).await
}

fn key(to: &str) -> String {
    hex(&Sha256::digest(to.trim_end_matches('/').as_bytes())[..8])
}
