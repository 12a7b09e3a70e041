//! Where a command's input comes from and its output goes, whichever way was asked for.

use std::io::{self, Cursor};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedSender;

use crate::provider::ExecIo;
use crate::tty::{self, Typed};

const CHUNK: usize = 64 * 1024;

/// The three streams of a command.
pub struct Streams {
    pub input: Input,
    pub stdout: Sink,
    pub stderr: Sink,
    /// They are this process's own: so are its signals, and the end of a pipe.
    pub inherited: bool,
}

impl Streams {
    /// Makes what an [`ExecIo`] asks for.
    pub fn of(io: ExecIo) -> io::Result<Self> {
        let (input, stdout, stderr) = match io {
            ExecIo::Inherit => {
                return Ok(Self {
                    input: Input::Typed(Typed::from(tty::standard_input()?)?),
                    stdout: Sink::file(tty::standard_output()?),
                    stderr: Sink::file(tty::standard_error()?),
                    inherited: true,
                });
            }
            ExecIo::Capture(lines) => {
                (Input::Nothing, Sink::collect(lines.clone()), Sink::collect(lines))
            }
            ExecIo::Feed(bytes) => {
                (Input::reader(Cursor::new(bytes)), Sink::collect(None), Sink::collect(None))
            }
            ExecIo::Stream { input, output } => {
                (Input::Reader(input), Sink::Write(output), Sink::collect(None))
            }
        };
        Ok(Self { input, stdout, stderr, inherited: false })
    }
}

/// Where input comes from.
pub enum Input {
    Nothing,
    Reader(Box<dyn AsyncRead + Send + Unpin>),
    Typed(Typed),
}

impl Input {
    fn reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::Reader(Box::new(reader))
    }

    /// Returns the next bytes; nothing at the end.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Nothing => Ok(None),
            Self::Typed(typed) => Ok(typed.next().await),
            Self::Reader(reader) => {
                let mut bytes = Vec::with_capacity(CHUNK);
                let length = reader.read_buf(&mut bytes).await?;
                Ok((length > 0).then_some(bytes))
            }
        }
    }
}

/// Where output goes.
pub enum Sink {
    Collect(Collected),
    Write(Box<dyn AsyncWrite + Send + Unpin>),
    /// Nobody wants it any more.
    Gone,
}

/// What was collected, and who is told its lines.
#[derive(Default)]
pub struct Collected {
    bytes: Vec<u8>,
    /// How much of it was told.
    told: usize,
    lines: Option<UnboundedSender<String>>,
}

impl Sink {
    fn collect(lines: Option<UnboundedSender<String>>) -> Self {
        Self::Collect(Collected { lines, ..Collected::default() })
    }

    fn file(fd: std::os::fd::OwnedFd) -> Self {
        Self::Write(Box::new(tokio::fs::File::from_std(fd.into())))
    }

    /// Takes what came; waits while its reader is slow.
    pub async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Collect(collected) => collected.take(bytes),
            Self::Write(output) => {
                output.write_all(bytes).await?;
                output.flush().await?;
            }
            Self::Gone => {}
        }
        Ok(())
    }

    /// Says that nothing more comes.
    pub async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Collect(collected) => collected.tell_rest(),
            Self::Write(output) => output.shutdown().await?,
            Self::Gone => {}
        }
        Ok(())
    }

    /// Returns what was collected.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Collect(collected) => collected.bytes,
            _ => Vec::new(),
        }
    }
}

impl Collected {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let Some(lines) = &self.lines else { return };
        let Some(end) = self.bytes[self.told..].iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        for line in self.bytes[self.told..self.told + end].split(|byte| *byte == b'\n') {
            let _ = lines.send(String::from_utf8_lossy(line).into_owned());
        }
        self.told += end + 1;
    }

    /// Tells a last line that has no end.
    fn tell_rest(&mut self) {
        if let (Some(lines), true) = (self.lines.take(), self.told < self.bytes.len()) {
            let _ = lines.send(String::from_utf8_lossy(&self.bytes[self.told..]).into_owned());
        }
    }
}
