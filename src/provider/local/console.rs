//! An interactive shell in a sandbox, on a pseudo-terminal of its own.
//!
//! The sandbox never holds this process's terminal, only the far side of a
//! pair made for it; so it cannot push input into the caller's shell (TIOCSTI).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::jail::Identity;
use super::launch::{Progress, Running, exit_code};

/// A login shell that has the pseudo-terminal as its controlling terminal.
pub const LOGIN_SHELL: [&str; 5] = ["/usr/bin/setsid", "--ctty", "--wait", "/bin/bash", "-l"];

/// The caller's terminal.
pub struct Terminal {
    pub input: OwnedFd,
    pub output: OwnedFd,
}

impl Terminal {
    /// Takes this process's standard streams, if input is a terminal.
    pub fn of_this_process() -> io::Result<Option<Self>> {
        let (input, output) = (io::stdin(), io::stdout());
        if !rustix::termios::isatty(&input) {
            return Ok(None);
        }
        let input = input.as_fd().try_clone_to_owned()?;
        Ok(Some(Self { input, output: output.as_fd().try_clone_to_owned()? }))
    }
}

/// The two sides of a pseudo-terminal: ours, and the shell's.
pub struct Pair {
    near: OwnedFd,
    far: OwnedFd,
}

impl Pair {
    /// Makes a pair as large as the terminal, for the user that the shell will be.
    pub fn like(terminal: &Terminal, identity: Identity) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near = openpt(flags)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let far = ioctl_tiocgptpeer(&near, flags)?;
        if let Identity::Root { uid, gid } = identity {
            std::os::unix::fs::fchown(&far, Some(uid), Some(gid))?;
        }
        resize(&near, terminal);
        Ok(Self { near, far })
    }

    /// Returns the far side as a process's standard streams.
    pub fn stdio(&self) -> io::Result<[Stdio; 3]> {
        let far = || self.far.try_clone().map(Stdio::from);
        Ok([far()?, far()?, far()?])
    }
}

/// Makes our side as large as the caller's terminal, which the shell is told.
fn resize(near: &OwnedFd, terminal: &Terminal) {
    if let Ok(size) = tcgetwinsize(&terminal.input) {
        let _ = tcsetwinsize(near, size);
    }
}

/// Joins the terminal to the running shell until that ends; returns its exit code,
/// or nothing when the sandbox could not be entered. The terminal is as it was then.
pub async fn join(terminal: Terminal, pair: Pair, mut running: Running) -> io::Result<Option<i32>> {
    let Pair { near, far } = pair;
    drop(far);
    let _raw = Raw::enter(&terminal.input)?;
    let (wake, awake) = io::pipe()?;
    let until = Some(wake.into());
    let input = Copy { from: terminal.input.try_clone()?, to: near.try_clone()?, until };
    let output = Copy { from: near.try_clone()?, to: terminal.output.try_clone()?, until: None };
    let input = thread::Builder::new().spawn(move || input.run())?;
    let output = thread::Builder::new().spawn(move || output.run())?;
    let code = wait(&terminal, &near, &mut running).await;
    // The far side is closed now, so that the output's end is near.
    let ended = tokio::task::spawn_blocking(move || {
        let _ = output.join();
        drop(awake);
        let _ = input.join();
    });
    let _ = ended.await;
    let code = code?;
    Ok((running.progress() == Progress::Command).then_some(code))
}

async fn wait(terminal: &Terminal, near: &OwnedFd, running: &mut Running) -> io::Result<i32> {
    let mut resized = signal(SignalKind::window_change())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut ended_by = None;
    loop {
        tokio::select! {
            status = running.child.wait() => {
                let code = exit_code(status?);
                return Ok(ended_by.unwrap_or(code));
            }
            Some(()) = resized.recv() => resize(near, terminal),
            number = either(&mut terminate, &mut hangup) => {
                ended_by = Some(128 + number);
                running.signals.kill();
            }
        }
    }
}

async fn either(terminate: &mut Signal, hangup: &mut Signal) -> i32 {
    tokio::select! {
        Some(()) = terminate.recv() => 15,
        Some(()) = hangup.recv() => 1,
        else => std::future::pending().await,
    }
}

/// Copies bytes from one terminal to another.
struct Copy {
    from: OwnedFd,
    to: OwnedFd,
    /// Its end ends the copying.
    until: Option<OwnedFd>,
}

impl Copy {
    /// Copies until either side is closed.
    fn run(self) -> io::Result<()> {
        let Self { from, to, until } = self;
        let (mut from, mut to) = (File::from(from), File::from(to));
        let mut bytes = [0; 16 * 1024];
        while is_readable(&from, until.as_ref())? {
            match from.read(&mut bytes)? {
                0 => break,
                length => to.write_all(&bytes[..length])?,
            }
        }
        Ok(())
    }
}

/// Waits for input; false when there is to be no more.
fn is_readable(from: &File, until: Option<&OwnedFd>) -> io::Result<bool> {
    let mut sources = vec![PollFd::new(from, PollFlags::IN)];
    sources.extend(until.map(|until| PollFd::new(until, PollFlags::IN)));
    loop {
        match poll(&mut sources, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        if sources.get(1).is_some_and(|until| !until.revents().is_empty()) {
            return Ok(false);
        }
        return Ok(true);
    }
}

/// A terminal in raw mode, until dropped.
struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    fn enter(terminal: &OwnedFd) -> io::Result<Self> {
        let terminal = terminal.try_clone()?;
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}
