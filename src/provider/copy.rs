//! Copies files into and out of any sandbox that can run `tar`.
//!
//! Every path of the sandbox is resolved inside it, by its own programs, and
//! what comes out of it is unpacked into a fresh directory first: a link that a
//! sandbox has planted never makes this process read or write anywhere else.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use tokio::net::unix::pipe;

use super::{
    Exec, ExecIo, ExecOutcome, ExecRequest, Files, Machine, ProviderError, ProviderErrorKind,
};

/// Whatever runs commands copies files.
#[async_trait]
impl<E: Exec> Files for E {
    async fn upload(&self, machine: &Machine, from: &Path, to: &str) -> Result<(), ProviderError> {
        upload(self, machine, from, to).await
    }

    async fn download(
        &self,
        machine: &Machine,
        from: &str,
        to: &Path,
    ) -> Result<(), ProviderError> {
        download(self, machine, from, to).await
    }
}

/// What stands at a destination, and in the directory above it.
const LOOK: &str = r#"if [ -d "$1" ]; then echo directory
elif [ -e "$1" ] || [ -L "$1" ]; then echo file
elif [ -d "$2" ]; then echo free
else echo nowhere; fi"#;

const SEND: &str = r#"if [ -e "$1/$2" ] || [ -L "$1/$2" ]; then
exec tar --create --sparse --file=- --directory="$1" -- "./$2"; fi
exit 44"#;
const NO_SUCH_FILE: i32 = 44;

/// Copies a file or directory into a sandbox, with `cp -r`'s rules.
pub async fn upload(
    exec: &dyn Exec,
    machine: &Machine,
    from: &Path,
    to: &str,
) -> Result<(), ProviderError> {
    let metadata = fs::symlink_metadata(from).map_err(|error| unreadable(from, &error))?;
    let landing = land(exec, machine, to, metadata.is_dir()).await?;
    let name = match (&landing.name, own_name(from)) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) => name,
        (None, None) => ".".to_owned(),
    };
    let entries = tree(from, &name)?;
    unpack_inside(exec, machine, &landing.directory, entries).await
}

/// Copies a file or directory out of a sandbox, with `cp -r`'s rules.
pub async fn download(
    exec: &dyn Exec,
    machine: &Machine,
    from: &str,
    to: &Path,
) -> Result<(), ProviderError> {
    let (above, name) = split(from);
    let target = match (to.is_dir(), name) {
        (true, ".") => fs::canonicalize(to).map_err(|error| unwritable(to, &error))?,
        (true, name) => to.join(name),
        (false, _) => to.to_owned(),
    };
    if fs::metadata(&target).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Err(rejected(format!(
            "{} is neither a file nor a directory, and is left as it is.",
            target.display()
        )));
    }
    let above_target = parent(&target);
    let fresh = tempfile::Builder::new().prefix(".sandplan-").tempdir_in(&above_target);
    let fresh = fresh.map_err(|error| unwritable(&above_target, &error))?;
    receive(exec, machine, [&above, name], fresh.path()).await?;
    let source = if name == "." { fresh.path().to_owned() } else { fresh.path().join(name) };
    let wants_directory = to.as_os_str().as_encoded_bytes().ends_with(b"/");
    if wants_directory && !source.is_dir() && !to.is_dir() {
        return Err(rejected(format!("{} is not a directory.", to.display())));
    }
    settle(&source, &target).map_err(|error| unwritable(&target, &error))
}

/// A file, directory or link of this machine, and its name in an archive.
pub struct Entry {
    pub path: PathBuf,
    pub name: PathBuf,
}

/// Unpacks files of this machine in a directory inside, over what is there.
pub async fn unpack_inside(
    exec: &dyn Exec,
    machine: &Machine,
    directory: &str,
    entries: Vec<Entry>,
) -> Result<(), ProviderError> {
    let (reader, writer) = io::pipe().map_err(broken)?;
    let input = pipe::Receiver::from_owned_fd(reader.into()).map_err(broken)?;
    let packing = tokio::task::spawn_blocking(move || pack(entries, writer));
    let argv = [
        "tar",
        "--extract",
        "--preserve-permissions",
        "--no-same-owner",
        "--delay-directory-restore",
        "--file=-",
        &format!("--directory={directory}"),
    ];
    let io = ExecIo::Stream { input: Box::new(input), output: Box::new(tokio::io::sink()) };
    let outcome = exec.exec(request(machine, &argv, io)).await?;
    let packed = packing.await.map_err(|error| broken(io::Error::other(error)))?;
    match packed {
        // The reader gave up, and said why.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(broken(error)),
        _ => succeeded(&outcome, "written"),
    }
}

/// Where a copy is to go inside.
struct Landing {
    directory: String,
    /// The name there; the source's own when absent.
    name: Option<String>,
}

async fn land(
    exec: &dyn Exec,
    machine: &Machine,
    to: &str,
    from_directory: bool,
) -> Result<Landing, ProviderError> {
    let (above, name) = split(to);
    let argv = ["/bin/sh", "-c", LOOK, "sh", to, &above];
    let outcome = exec.exec(request(machine, &argv, ExecIo::Capture(None))).await?;
    succeeded(&outcome, "looked at")?;
    let named = || Landing { directory: above.clone(), name: Some(name.to_owned()) };
    match String::from_utf8_lossy(&outcome.stdout).trim() {
        "directory" => Ok(Landing { directory: to.to_owned(), name: None }),
        "file" if from_directory => {
            Err(rejected(format!("{to} is a file in the sandbox, and the source is a directory.")))
        }
        "file" | "free" if !from_directory && to.ends_with('/') => {
            Err(rejected(format!("There is no directory {to} in the sandbox.")))
        }
        "file" | "free" => Ok(named()),
        _ => Err(rejected(format!("There is no directory {above} in the sandbox."))),
    }
}

/// Splits a path inside into the directory above and the name, like dirname and basename.
fn split(path: &str) -> (String, &str) {
    let trimmed = path.trim_end_matches('/');
    let (above, name) = match trimmed.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((above, name)) => (above, name),
        None => (".", trimmed),
    };
    match name {
        "" | "." | ".." => (if path.is_empty() { "." } else { path }.to_owned(), "."),
        name => (above.to_owned(), name),
    }
}

/// Returns a source's own name; nothing for `.` and `..`, whose contents are meant.
fn own_name(path: &Path) -> Option<String> {
    match path.components().next_back() {
        Some(Component::Normal(name)) if !ends_with_dot(path) => {
            Some(name.to_string_lossy().into_owned())
        }
        _ => None,
    }
}

/// `Path` drops a last `/.`, which means something here.
fn ends_with_dot(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/.")
}

/// Lists a file or a whole directory under a name in an archive. Sockets cannot be copied.
fn tree(from: &Path, name: &str) -> Result<Vec<Entry>, ProviderError> {
    let mut entries = Vec::new();
    for found in walkdir::WalkDir::new(from).follow_links(false).sort_by_file_name() {
        let found = found.map_err(|error| rejected(format!("{error}.")))?;
        let below = found.path().strip_prefix(from).unwrap_or(Path::new(""));
        let is_top = below.as_os_str().is_empty();
        // Joining with nothing would add a slash, which means a directory.
        let name = if is_top { PathBuf::from(name) } else { Path::new(name).join(below) };
        let kind = found.file_type();
        if kind.is_dir() || kind.is_file() || kind.is_symlink() {
            entries.push(Entry { path: found.into_path(), name });
        }
    }
    Ok(entries)
}

fn pack(entries: Vec<Entry>, writer: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(writer);
    archive.follow_symlinks(false);
    for entry in entries {
        archive.append_path_with_name(&entry.path, &entry.name)?;
    }
    archive.into_inner()?.flush()
}

async fn receive(
    exec: &dyn Exec,
    machine: &Machine,
    [above, name]: [&str; 2],
    fresh: &Path,
) -> Result<(), ProviderError> {
    let (reader, writer) = io::pipe().map_err(broken)?;
    let output = pipe::Sender::from_owned_fd(writer.into()).map_err(broken)?;
    let fresh = fresh.to_owned();
    let unpacking = tokio::task::spawn_blocking(move || unpack(reader, &fresh));
    let argv = ["/bin/sh", "-c", SEND, "sh", above, name];
    let input = Box::new(tokio::io::empty());
    let outcome = exec
        .exec(request(machine, &argv, ExecIo::Stream { input, output: Box::new(output) }))
        .await;
    let unpacked = unpacking.await.map_err(|error| broken(io::Error::other(error)))?;
    match outcome {
        Ok(outcome) if outcome.code == NO_SUCH_FILE => {
            let above = above.trim_end_matches('/');
            Err(rejected(format!("There is no {above}/{name} in the sandbox.")))
        }
        Ok(outcome) => succeeded(&outcome, "read").and(unpacked.map_err(broken)),
        Err(error) => Err(unpacked.map_err(broken).err().unwrap_or(error)),
    }
}

/// Unpacks what a sandbox sent: nothing lands outside of the directory, and
/// no set-user-id bit is kept.
fn unpack(mut reader: impl io::Read, fresh: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(&mut reader);
    archive.set_preserve_permissions(false);
    let unpacked = archive.unpack(fresh);
    // An archive ends before its padding does; the sender must not find the pipe closed.
    io::copy(&mut reader, &mut io::sink())?;
    unpacked
}

/// Moves what was received to its place. Directories are merged, links that
/// stand in the way are replaced, never followed.
fn settle(source: &Path, target: &Path) -> io::Result<()> {
    let is_dir = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    if !is_dir(source) || !is_dir(target) {
        return rename_anyway(source, target);
    }
    for child in fs::read_dir(source)? {
        let child = child?;
        settle(&child.path(), &target.join(child.file_name()))?;
    }
    Ok(())
}

/// Renames also a directory that its owner may not write, which the kernel refuses.
fn rename_anyway(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    let locked = metadata.is_dir() && metadata.permissions().mode() & 0o200 == 0;
    if !locked {
        return fs::rename(from, to);
    }
    fs::set_permissions(from, Permissions::from_mode(0o700))?;
    fs::rename(from, to)?;
    fs::set_permissions(to, metadata.permissions())
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn request(machine: &Machine, argv: &[&str], io: ExecIo) -> ExecRequest {
    ExecRequest {
        machine: machine.clone(),
        argv: argv.iter().map(|word| word.to_string()).collect(),
        env: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        workdir: None,
        timeout: None,
        io,
    }
}

fn succeeded(outcome: &ExecOutcome, done: &str) -> Result<(), ProviderError> {
    if outcome.code == 0 {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
    Err(rejected(format!("The files could not be {done} in the sandbox: {said}")))
}

fn rejected(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Rejected, message)
}

fn broken(error: io::Error) -> ProviderError {
    rejected(format!("The files could not be copied: {error}."))
}

fn unreadable(path: &Path, error: &io::Error) -> ProviderError {
    rejected(format!("{} cannot be read: {error}.", path.display()))
}

fn unwritable(path: &Path, error: &io::Error) -> ProviderError {
    rejected(format!("{} cannot be written: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_as_dirname_and_basename_do() {
        for (path, above, name) in [
            ("/a/b", "/a", "b"),
            ("/a/", "/", "a"),
            ("a", ".", "a"),
            ("a/b/", "a", "b"),
            ("/", "/", "."),
            ("a/.", "a/.", "."),
            ("", ".", "."),
        ] {
            assert_eq!(split(path), (above.to_owned(), name), "{path}");
        }
    }
}
