//! What a directory of this machine holds, so that only differences are sent.
//!
//! Reads files and writes none. Links are described, never followed.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::pending::hex;

/// What a directory holds, by path relative to it (`/` between parts); a single
/// file is at the empty path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(BTreeMap<String, Entry>);

/// One thing in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    File { mode: u32, size: u64, sha256: String },
    Directory { mode: u32 },
    Link { target: String },
}

/// What is to be done so that one directory holds what another does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Files, links and directories to send, parents first.
    pub send: Vec<String>,
    /// Files and links to remove.
    pub remove: Vec<String>,
    /// Directories to remove if nothing else is in them, the deepest first.
    pub remove_directories: Vec<String>,
}

/// Why a directory could not be described.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("`{}` does not exist", .0.display())]
    Missing(PathBuf),
    #[error("`{pattern}` is not a pattern: {why}")]
    Pattern { pattern: String, why: String },
    #[error("the name of `{}` is not UTF-8", .0.display())]
    Name(PathBuf),
    #[error("`{}` cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
}

impl Manifest {
    /// Describes a directory or file, without what the patterns (as in
    /// `.gitignore`) exclude. Sockets, pipes and devices are left out.
    pub fn of(from: &Path, exclude: &[String]) -> Result<Self, ManifestError> {
        let metadata = fs::metadata(from).map_err(|_| ManifestError::Missing(from.to_owned()))?;
        if !metadata.is_dir() {
            let entries = describe(from, &metadata)?.map(|entry| (String::new(), entry));
            return Ok(Self(entries.into_iter().collect()));
        }
        let excluded = patterns(from, exclude)?;
        let mut entries = BTreeMap::new();
        let walk = walkdir::WalkDir::new(from).min_depth(1).follow_links(false);
        let is_wanted = |entry: &walkdir::DirEntry| {
            !excluded.matched(entry.path(), entry.file_type().is_dir()).is_ignore()
        };
        // The root may be a link to a directory, which is meant as that directory.
        for found in walk.into_iter().filter_entry(is_wanted) {
            let found = found.map_err(|error| unreadable(from, error.into()))?;
            let metadata = found.metadata().map_err(|error| unreadable(from, error.into()))?;
            let name = relative(from, found.path())?;
            entries.extend(describe(found.path(), &metadata)?.map(|entry| (name, entry)));
        }
        Ok(Self(entries))
    }

    /// Returns a digest that differs when anything in the directory does.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(text)[..16])
    }

    /// Lists what was put there, by path.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.0
    }

    /// Says what has to be done where the old one stands. Only what the old one
    /// lists is ever removed.
    pub fn changed(&self, old: &Manifest) -> Changes {
        let mut changes = Changes::default();
        for (path, entry) in &self.0 {
            if old.0.get(path) != Some(entry) {
                changes.send.push(path.clone());
            }
        }
        for (path, entry) in old.0.iter().rev().filter(|(path, _)| is_inside(path)) {
            let is_directory = |entry: &Entry| matches!(entry, Entry::Directory { .. });
            let stays =
                self.0.get(path).is_some_and(|new| is_directory(new) == is_directory(entry));
            match is_directory(entry) {
                _ if stays => {}
                true => changes.remove_directories.push(path.clone()),
                false => changes.remove.push(path.clone()),
            }
        }
        changes
    }
}

/// A manifest that was kept in a sandbox may have been changed there.
fn is_inside(path: &str) -> bool {
    let parts = || path.split('/');
    path.is_empty() || parts().all(|part| !["", ".", ".."].contains(&part) && !part.contains('\0'))
}

fn patterns(from: &Path, exclude: &[String]) -> Result<Gitignore, ManifestError> {
    let wrong = |pattern: &str, error: ignore::Error| ManifestError::Pattern {
        pattern: pattern.to_owned(),
        why: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new(from);
    for pattern in exclude {
        builder.add_line(None, pattern).map_err(|error| wrong(pattern, error))?;
    }
    builder.build().map_err(|error| wrong(&exclude.join(" "), error))
}

fn relative(from: &Path, path: &Path) -> Result<String, ManifestError> {
    let relative = path.strip_prefix(from).ok().and_then(Path::to_str);
    relative.map(str::to_owned).ok_or_else(|| ManifestError::Name(path.to_owned()))
}

fn describe(path: &Path, metadata: &Metadata) -> Result<Option<Entry>, ManifestError> {
    let mode = metadata.permissions().mode() & 0o7777;
    let kind = metadata.file_type();
    let fail = |error| unreadable(path, error);
    Ok(if kind.is_dir() {
        Some(Entry::Directory { mode })
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(fail)?;
        let target = target.to_str().ok_or_else(|| ManifestError::Name(path.to_owned()))?;
        Some(Entry::Link { target: target.to_owned() })
    } else if kind.is_file() {
        let mut digest = Sha256::new();
        let mut file = File::open(path).map_err(fail)?;
        let size = io::copy(&mut file, &mut Hashing(&mut digest)).map_err(fail)?;
        Some(Entry::File { mode, size, sha256: hex(&digest.finalize()) })
    } else {
        None
    })
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unreadable(path: &Path, error: io::Error) -> ManifestError {
    ManifestError::Unreadable { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        directory
    }

    fn manifest(directory: &tempfile::TempDir, exclude: &[&str]) -> Manifest {
        let exclude: Vec<_> = exclude.iter().map(|pattern| pattern.to_string()).collect();
        Manifest::of(directory.path(), &exclude).unwrap()
    }

    fn paths(manifest: &Manifest) -> Vec<&str> {
        manifest.entries().keys().map(String::as_str).collect()
    }

    #[test]
    fn excludes_mean_what_they_mean_in_gitignore() {
        let from = directory(&[
            ("a.log", ""),
            ("d/a.log", ""),
            ("d/keep.log", ""),
            ("n/x", ""),
            ("d/n", ""),
        ]);
        assert_eq!(
            paths(&manifest(&from, &["*.log", "!keep.log", "/n/"])),
            ["d", "d/keep.log", "d/n"]
        );
        assert_eq!(paths(&manifest(&from, &["n", "/a.log"])), ["d", "d/a.log", "d/keep.log"]);
    }

    #[test]
    fn links_are_described_and_not_followed() {
        let from = directory(&[]);
        std::os::unix::fs::symlink("/etc", from.path().join("l")).unwrap();
        let link = Entry::Link { target: "/etc".into() };
        assert_eq!(
            manifest(&from, &[]).entries().iter().collect::<Vec<_>>(),
            [(&"l".to_owned(), &link)]
        );
    }

    #[test]
    fn only_differences_are_sent_and_only_our_own_is_removed() {
        let from = directory(&[("a", "1"), ("d/b", "1"), ("d/c", "1")]);
        let old = manifest(&from, &[]);
        assert_eq!(old.changed(&old), Changes::default());
        fs::write(from.path().join("a"), "2").unwrap();
        fs::remove_dir_all(from.path().join("d")).unwrap();
        fs::write(from.path().join("d"), "now a file").unwrap();
        let new = manifest(&from, &[]);
        assert_ne!(new.digest(), old.digest());
        let changes = new.changed(&old);
        assert_eq!(changes.send, ["a", "d"]);
        assert_eq!(changes.remove, ["d/c", "d/b"]);
        assert_eq!(changes.remove_directories, ["d"]);
    }

    #[test]
    fn a_forged_manifest_removes_nothing_outside() {
        let forged: Manifest = serde_json::from_str(
            r#"{"../x": {"link": {"target": ""}}, "/x": {"link": {"target": ""}}}"#,
        )
        .unwrap();
        assert_eq!(Manifest::default().changed(&forged), Changes::default());
    }

    #[test]
    fn a_single_file_is_at_the_empty_path() {
        let from = directory(&[("a", "1")]);
        let manifest = Manifest::of(&from.path().join("a"), &[]).unwrap();
        assert_eq!(paths(&manifest), [""]);
    }

    #[test]
    fn a_missing_source_is_named() {
        let error = Manifest::of(Path::new("/nonexistent"), &[]).unwrap_err();
        assert_eq!(error.to_string(), "`/nonexistent` does not exist");
    }
}
