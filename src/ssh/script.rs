//! What the server's shell is told to run, and what it says before the command begins.
//!
//! Environment values are on nobody's command line: they are the first lines of
//! standard input, and a shell's `read` takes no byte beyond them. (Requests to
//! set variables are refused by most servers, and a file would have to be
//! removed again, even after a lost connection.) They end with an empty line,
//! for the lines themselves are never empty.
//!
//! Two lines on standard error tell how far the start came. The first names the
//! process group, by which the command can be signalled. A mark that nobody can
//! guess tells them from what else is written there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::Command;
use crate::provider::shell;

/// A sandbox's own environment, which its provisioning wrote.
const PROFILE: &str = "/etc/sandplan/env";

/// Arguments: the mark, the directory or nothing, the command.
const SCRIPT: &str = r#"sandplan_e= sandplan_n='
'
while IFS= read -r sandplan_l || exit 1; [ -n "$sandplan_l" ]; do
sandplan_e=$sandplan_e$sandplan_l$sandplan_n
done
IFS=' ' read -r sandplan_l sandplan_l sandplan_l sandplan_l sandplan_g sandplan_l </proc/$$/stat
echo "$1 $sandplan_g" >&2
[ ! -r PROFILE ] || . PROFILE
eval "$sandplan_e"
[ -z "$2" ] || cd -- "$2" || exit 1
unset OLDPWD sandplan_e sandplan_n sandplan_l sandplan_g
echo "$1" >&2
shift 2
"#;

/// Returns the line for the server's login shell, whichever shell that is.
pub fn line(mark: &str, command: &Command) -> String {
    let script = SCRIPT.replace("PROFILE", PROFILE) + shell::BECOME;
    let workdir = command.workdir.as_deref().unwrap_or_default();
    let mut line = format!("exec /bin/sh -c {} sh {mark} ", shell::quote(&script));
    line.push_str(&shell::quote(workdir));
    for word in &command.argv {
        line.push(' ');
        line.push_str(&shell::quote(word));
    }
    line
}

/// Returns the first lines of standard input: one for each variable, and an empty one.
pub fn preamble(env: &BTreeMap<String, String>) -> String {
    let mut lines = String::new();
    for (name, value) in env {
        let value = shell::quote(value).replace('\n', "'\"$sandplan_n\"'");
        let _ = writeln!(lines, "export {name}={value}");
    }
    lines.push('\n');
    lines
}

/// Returns a mark that nobody has seen before.
pub fn new_mark() -> String {
    format!("sandplan-{:032x}", rand::random::<u128>())
}

/// How far the start of a command came, read off its standard error.
#[derive(Debug)]
pub struct Start {
    mark: String,
    /// What came so far and is not the command's.
    held: Vec<u8>,
    /// Where the search for the next mark goes on.
    searched: usize,
    /// The process group, once the first line came.
    group: Option<String>,
    began: bool,
}

impl Start {
    /// Waits for a mark.
    pub fn new(mark: String) -> Self {
        Self { mark, held: Vec::new(), searched: 0, group: None, began: false }
    }

    /// Takes what came, and returns that part of it which is the command's own.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.began {
            return bytes.into();
        }
        self.held.extend_from_slice(bytes);
        while let Some(line) = self.marked_line() {
            if self.group.is_some() {
                self.began = true;
                return std::mem::take(&mut self.held).into();
            }
            let group = line.trim();
            let is_group = !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
            self.group = Some(if is_group { group.to_owned() } else { String::new() });
        }
        Cow::Borrowed(&[])
    }

    /// Cuts off all up to a whole line with the mark, and returns the rest of that line.
    fn marked_line(&mut self) -> Option<String> {
        let mark = self.mark.as_bytes();
        let found = self.held[self.searched..].windows(mark.len()).position(|part| part == mark);
        let Some(found) = found else {
            self.searched = self.held.len().saturating_sub(mark.len());
            return None;
        };
        let at = self.searched + found + mark.len();
        let end = at + self.held[at..].iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&self.held[at..end]).into_owned();
        self.held.drain(..=end);
        self.searched = 0;
        Some(line)
    }

    /// The process group, by which the command can be signalled, where it is known.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref().filter(|group| !group.is_empty())
    }

    /// Whether the script itself ran.
    pub fn ran(&self) -> bool {
        self.group.is_some()
    }

    /// Whether the command, or the search for it, began.
    pub fn began(&self) -> bool {
        self.began
    }

    /// What was said before the command began.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.held).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_told_from_the_command_wherever_it_is_cut() {
        let said = b"motd\nM 123\nnoise\nM\nM own\n";
        for cut in 0..said.len() {
            let mut start = Start::new("M".to_owned());
            let mut own = start.take(&said[..cut]).into_owned();
            own.extend_from_slice(&start.take(&said[cut..]));
            assert_eq!(String::from_utf8_lossy(&own), "M own\n", "cut at {cut}");
            assert_eq!(start.group(), Some("123"));
            assert!(start.began());
        }
    }

    #[test]
    fn what_a_shell_says_before_the_command_is_kept_for_the_error() {
        let mut start = Start::new("M".to_owned());
        assert!(start.take(b"M 7\ncd: no such directory\n").is_empty());
        assert!(start.ran() && !start.began());
        assert_eq!(start.said(), "cd: no such directory");
    }

    #[test]
    fn every_variable_is_one_line_and_none_is_empty() {
        let env = BTreeMap::from([
            ("A".to_owned(), "x'; id; '\n\n".to_owned()),
            ("B".to_owned(), String::new()),
        ]);
        assert_eq!(
            preamble(&env),
            "export A='x'\\''; id; '\\'''\"$sandplan_n\"''\"$sandplan_n\"''\nexport B=''\n\n"
        );
    }
}
