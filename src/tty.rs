//! This process's own standard streams, and the terminal that they may be.
//!
//! What an interactive shell needs, whoever runs it: raw mode that is always
//! taken back, and input that can be given up while nothing is typed. Nothing
//! here knows what is at the other end.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};

/// The caller's terminal.
pub struct Terminal {
    pub input: OwnedFd,
    pub output: OwnedFd,
}

impl Terminal {
    /// Takes this process's standard streams, if input is a terminal.
    pub fn of_this_process() -> io::Result<Option<Self>> {
        if !rustix::termios::isatty(io::stdin()) {
            return Ok(None);
        }
        Ok(Some(Self { input: standard_input()?, output: standard_output()? }))
    }

    /// Returns how large the terminal is, where it says so.
    pub fn size(&self) -> Option<Winsize> {
        tcgetwinsize(&self.input).ok()
    }
}

/// Returns this process's standard input under a number of its own.
pub fn standard_input() -> io::Result<OwnedFd> {
    io::stdin().as_fd().try_clone_to_owned()
}

/// Returns this process's standard output under a number of its own.
pub fn standard_output() -> io::Result<OwnedFd> {
    io::stdout().as_fd().try_clone_to_owned()
}

/// Returns this process's standard error under a number of its own.
pub fn standard_error() -> io::Result<OwnedFd> {
    io::stderr().as_fd().try_clone_to_owned()
}

/// A terminal in raw mode, until dropped.
pub struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    /// Puts a terminal in raw mode.
    pub fn enter(terminal: &OwnedFd) -> io::Result<Self> {
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

/// Waits for input; false when `until` has ended, and there is to be no more.
pub fn is_readable(from: &File, until: Option<&OwnedFd>) -> io::Result<bool> {
    let mut sources = vec![PollFd::new(from, PollFlags::IN)];
    sources.extend(until.map(|until| PollFd::new(until, PollFlags::IN)));
    loop {
        match poll(&mut sources, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        return Ok(sources.get(1).is_none_or(|until| until.revents().is_empty()));
    }
}

/// What is typed or piped in, read by a thread that ends when this is dropped.
///
/// A read that is under way in tokio's own standard input cannot be given up,
/// and would keep a process from ending until somebody presses return.
pub struct Typed {
    chunks: Receiver<Vec<u8>>,
    _awake: io::PipeWriter,
}

impl Typed {
    /// Starts to read.
    pub fn from(input: OwnedFd) -> io::Result<Self> {
        let (wake, awake) = io::pipe()?;
        let (sender, chunks) = channel(4);
        thread::Builder::new().name("input".into()).spawn(move || {
            let (mut input, until) = (File::from(input), Some(wake.into()));
            let mut bytes = vec![0; 64 * 1024];
            while let Ok(true) = is_readable(&input, until.as_ref()) {
                let length = match input.read(&mut bytes) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) if is_temporary(&error) => continue,
                    Err(_) => break,
                };
                if sender.blocking_send(bytes[..length].to_vec()).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { chunks, _awake: awake })
    }

    /// Returns the next bytes; nothing at the end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.chunks.recv().await
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// What a terminal or a supervisor sends to this process. From the first call
/// of [`Signals::listen`] on, these no longer end this process by themselves.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    quit: unix::Signal,
    hangup: unix::Signal,
    resized: unix::Signal,
}

impl Signals {
    /// Starts to listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// Returns the next one that comes.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::INT,
            Some(()) = self.terminate.recv() => Signal::TERM,
            Some(()) = self.quit.recv() => Signal::QUIT,
            Some(()) = self.hangup.recv() => Signal::HUP,
            Some(()) = self.resized.recv() => Signal::WINCH,
            else => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn what_is_piped_in_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut typed = Typed::from(reader.into()).unwrap();
        writer.write_all(b"mine").unwrap();
        assert_eq!(typed.next().await.unwrap(), b"mine");
        drop(writer);
        assert_eq!(typed.next().await, None);
    }

    #[tokio::test]
    async fn a_reader_that_is_dropped_lets_go_of_its_input() {
        let (reader, writer) = io::pipe().unwrap();
        drop(Typed::from(reader.into()).unwrap());
        // Once nobody holds the reading side, writing fails.
        while (&writer).write_all(b"x").is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
