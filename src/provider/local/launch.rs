//! From a jail and a command to a running process: file descriptors, the
//! environment, and the pids by which it can be signalled.
//!
//! Secrets are in no command line: options, made-up files and the environment
//! travel through unnamed files in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::jail::{HOME, Jail, ThisMachine};
use super::spawner;
use crate::provider::{ProviderError, ProviderErrorKind, shell};

const OPTIONS_FD: i32 = 3;
const STATUS_FD: i32 = 4;
const PROGRESS_FD: i32 = 5;
const ENVIRONMENT_FD: i32 = 6;
const FIRST_FILE_FD: i32 = 10;

/// Runs as `agent`, first thing inside. It says that the jail stands, waits until
/// it is told to go on, enters the directory, says that too, takes on the
/// environment, and becomes the command by [`shell::BECOME`].
///
/// Bubblewrap binds its life to this process, and pid 1 inside binds its own just
/// before it sleeps. Where this process is killed before both are done, nothing
/// would end the command: it must not begin. So it waits until pid 1 sleeps, and
/// then for this process to answer. To ask whether anybody listens is not enough:
/// threads of a killed process end one by one, and the last has its files open.
const FIRST: &str = r#"bound() {
while read -r key state rest; do
[ "$key" != State: ] || { [ "$state" = S ]; return; }
done </proc/1/status
}
until bound; do :; done
printf . >&5 && read -r state <&5 || exit 1
unset -f bound; unset key state rest
cd -- "$1" || exit 1
shift; unset OLDPWD
printf . >&5 || exit 1
. /proc/self/fd/6
exec 3>&- 4>&- 5>&- 6>&-
"#;

/// A command to start in a jail.
pub struct Launch<'a> {
    pub bwrap: &'a Path,
    pub jail: &'a Jail,
    pub argv: &'a [String],
    pub env: &'a BTreeMap<String, String>,
    /// The directory inside to start in; the home directory when absent.
    pub workdir: Option<&'a str>,
    pub stdio: [Stdio; 3],
}

/// A command that was started.
pub struct Running {
    pub child: Child,
    pub signals: Signals,
    /// Whether the jail could be built.
    stands: bool,
    progress: UnixStream,
}

/// How a running sandbox's processes are signalled.
pub struct Signals {
    monitor: Option<Pid>,
    status: File,
}

/// How far the start of a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The jail could not be built.
    NoJail,
    /// The directory to start in is not there.
    NoDirectory,
    /// The command, or the search for it, ran.
    Command,
}

impl Launch<'_> {
    /// Starts the command.
    pub async fn start(self) -> Result<Running, ProviderError> {
        let bwrap = self.bwrap.display().to_string();
        let (command, status, progress) = self.prepare().map_err(cannot_prepare)?;
        let child = spawner::spawn(command).await.map_err(|error| cannot_start(&bwrap, &error))?;
        let monitor = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let signals = Signals { monitor, status };
        let stands = begin(&progress).await.map_err(cannot_prepare)?;
        Ok(Running { child, signals, stands, progress })
    }

    fn prepare(self) -> io::Result<(Command, File, UnixStream)> {
        let status = memory(b"")?;
        let (progress, told) = std::os::unix::net::UnixStream::pair()?;
        progress.set_nonblocking(true)?;
        let progress = UnixStream::from_std(progress)?;
        let mut mappings = vec![
            mapping(memory(&self.options())?, OPTIONS_FD),
            mapping(status.try_clone()?, STATUS_FD),
            mapping(told, PROGRESS_FD),
            mapping(memory(exports(self.env)?.as_bytes())?, ENVIRONMENT_FD),
        ];
        for (fd, file) in (FIRST_FILE_FD..).zip(self.jail.synthesised()) {
            mappings.push(mapping(memory(file.text.as_bytes())?, fd));
        }
        hide_inherited(&mut mappings)?;
        let mut command = self.command();
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        Ok((command, status, progress))
    }

    fn options(&self) -> Vec<u8> {
        let options = self.jail.options(FIRST_FILE_FD, &ThisMachine);
        options.iter().flat_map(|word| [word.as_encoded_bytes(), b"\0"].concat()).collect()
    }

    fn command(self) -> Command {
        let mut command = Command::new(self.bwrap);
        command.args(["--args", &OPTIONS_FD.to_string()]);
        command.args(["--json-status-fd", &STATUS_FD.to_string(), "--"]);
        command.args(self.jail.becoming_agent());
        let first = format!("{FIRST}{}", shell::BECOME);
        command.args(["/bin/sh", "-c", &first, "sandplan", self.workdir.unwrap_or(HOME)]);
        command.args(self.argv).env_clear().current_dir("/").process_group(0);
        let [stdin, stdout, stderr] = self.stdio;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        command
    }
}

impl Running {
    /// Says how far the start of a process came that has ended.
    pub fn progress(self) -> Progress {
        if !self.stands {
            return Progress::NoJail;
        }
        // Read directly: the runtime may not have noticed the last byte yet.
        match self.progress.into_std().and_then(|mut progress| progress.read(&mut [0])) {
            Ok(1) => Progress::Command,
            _ => Progress::NoDirectory,
        }
    }
}

/// Lets the command begin once the jail stands; false when it never will.
async fn begin(progress: &UnixStream) -> io::Result<bool> {
    loop {
        progress.readable().await?;
        match progress.try_read(&mut [0]) {
            Ok(0) => return Ok(false),
            // One byte always fits; who has gone since needs no answer.
            Ok(_) => return Ok(progress.try_write(b"\n").is_ok()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

impl Signals {
    /// Sends a signal to the command and its process group, as a terminal would.
    pub fn forward(&self, signal: Signal) {
        if let Some(group) = self.init().or(self.monitor) {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Ends every process of this command, by ending its pid namespace.
    pub fn kill(&self) {
        let _ = match (self.init(), self.monitor) {
            (Some(init), _) => rustix::process::kill_process(init, Signal::KILL),
            (None, Some(monitor)) => rustix::process::kill_process_group(monitor, Signal::KILL),
            (None, None) => Ok(()),
        };
    }

    /// Returns the process that is pid 1 inside, once bubblewrap has told it.
    fn init(&self) -> Option<Pid> {
        #[derive(serde::Deserialize)]
        struct Status {
            #[serde(rename = "child-pid")]
            child: i32,
        }
        let mut text = [0; 256];
        let length = self.status.read_at(&mut text, 0).ok()?;
        let line = text[..length].split(|byte| *byte == b'\n').next()?;
        Pid::from_raw(serde_json::from_slice::<Status>(line).ok()?.child)
    }
}

/// Returns the exit code as shells count it: 128 + n for signal n.
pub fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// Writes an environment as a script that exports it.
fn exports(env: &BTreeMap<String, String>) -> io::Result<String> {
    use std::fmt::Write;
    let base = [
        ("HOME", HOME),
        ("LANG", "C.UTF-8"),
        ("LOGNAME", "agent"),
        ("SHELL", "/bin/bash"),
        ("TERM", "dumb"),
        ("USER", "agent"),
    ];
    let base = base.into_iter().filter(|(name, _)| !env.contains_key(*name));
    let all = base.chain(env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut script = String::new();
    for (name, value) in all {
        writeln!(script, "export {name}={}", shell::quote(value)).map_err(io::Error::other)?;
    }
    Ok(script)
}

fn memory(content: &[u8]) -> io::Result<File> {
    let fd = rustix::fs::memfd_create("sandplan", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(fd);
    file.write_all(content)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn mapping(file: impl Into<OwnedFd>, child_fd: i32) -> FdMapping {
    FdMapping { parent_fd: file.into(), child_fd }
}

/// Covers the file descriptors that this process was started with, which would
/// otherwise be open inside. Everything opened since is closed on exec.
fn hide_inherited(mappings: &mut Vec<FdMapping>) -> io::Result<()> {
    for fd in inherited() {
        if !mappings.iter().any(|mapping| mapping.child_fd == *fd) {
            mappings.push(mapping(File::open("/dev/null")?, *fd));
        }
    }
    Ok(())
}

fn inherited() -> &'static [i32] {
    static INHERITED: std::sync::OnceLock<Vec<i32>> = std::sync::OnceLock::new();
    INHERITED.get_or_init(|| {
        let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        let fds = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        fds.filter(|fd| *fd > 2 && survives_exec(*fd)).collect()
    })
}

fn survives_exec(fd: i32) -> bool {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & CLOSE_ON_EXEC == 0)
}

fn cannot_prepare(error: io::Error) -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::Unavailable,
        format!("A command in the sandbox could not be prepared: {error}."),
    )
}

fn cannot_start(bwrap: &str, error: &io::Error) -> ProviderError {
    let message = match error.kind() {
        io::ErrorKind::NotFound => super::account::MISSING.to_owned(),
        _ => format!("`{bwrap}` could not be started: {error}."),
    };
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_cannot_break_out_of_its_quotes() {
        let env = BTreeMap::from([("A".to_owned(), "x'; touch /tmp/y; '\n".to_owned())]);
        let script = exports(&env).unwrap();
        assert!(script.ends_with("export A='x'\\''; touch /tmp/y; '\\''\n'\n"), "{script}");
    }
}
