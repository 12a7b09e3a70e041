//! An interactive shell in a sandbox, on a pseudo-terminal of its own.
//!
//! The sandbox never holds this process's terminal, only the far side of a
//! pair made for it; so it cannot push input into the caller's shell (TIOCSTI).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::tcsetwinsize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::jail::Identity;
use super::launch::{Progress, Running, exit_code};
use crate::tty::{Raw, Terminal, is_readable};

/// A login shell that has the pseudo-terminal as its controlling terminal. No signal is
/// ignored, as in any new session: who starts this process in the background may have
/// it ignore the interrupt, which no program that the shell starts could undo.
pub const LOGIN_SHELL: [&str; 7] =
    ["/usr/bin/env", "--default-signal", "/usr/bin/setsid", "--ctty", "--wait", "/bin/bash", "-l"];

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
    if let Some(size) = terminal.size() {
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
