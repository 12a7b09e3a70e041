//! This process's terminal: whether there is one, how wide, how coloured, and
//! the only place that writes to it.

use std::io::{BufRead, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

/// Why data could not be written to standard output, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// What output goes to.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Standard output may be coloured.
    pub color: bool,
    /// Standard error may be coloured.
    pub color_errors: bool,
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// In columns; 80 where there is no terminal.
    pub width: usize,
}

impl Terminal {
    /// Looks at this process's streams and environment.
    pub fn of_this_process(no_color: bool) -> Self {
        let stdout = std::io::stdout().is_terminal();
        let stderr = std::io::stderr().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let forced = set("CLICOLOR_FORCE");
        let never = no_color || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let may = |terminal: bool| !never && (forced || (terminal && !is_dumb));
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self {
            color: may(stdout),
            color_errors: may(stderr),
            stdin: std::io::stdin().is_terminal(),
            stdout,
            stderr,
            width: width.max(20),
        }
    }

    /// Writes data. A reader that has gone away is no error; a full disk is, as
    /// [`Terminal::lost`] tells.
    pub fn out(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                let _ = LOST.set(error.to_string());
            }
            _ => {}
        }
    }

    /// Returns why data could not be written, where that happened.
    pub fn lost(&self) -> Option<&'static str> {
        LOST.get().map(String::as_str)
    }

    /// Writes talk.
    pub fn say(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Asks a question and returns the line that was typed; nothing at its end.
    pub fn ask(&self, question: &str) -> Option<String> {
        self.say(question);
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim().to_owned())
    }

    /// Reads all of standard input.
    pub fn read_input(&self) -> std::io::Result<String> {
        std::io::read_to_string(std::io::stdin())
    }
}
