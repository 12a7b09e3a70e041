//! Stories: write files, run commands, look at what they say, edit, run again.
//!
//! A story is a file of `tests/scenarios`, named as a sentence:
//!
//! ```text
//! ## a remark
//! -- sandboxes.hcl --
//! the file's content, up to the next line that begins with `$ `, `## ` or `-- `
//! $ sandplan plan          a command for bash, in the working directory
//! > it goes on here
//! ? 2                      its exit code, where that is not 0
//! ...                      what it writes to both streams; `...` stands for any
//! Plan: 1 to add, ...      lines, or in a line for any text
//! ```
//!
//! `BLESS=1 cargo test --test scenarios NAME` writes what was said into the file
//! where it differs.
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use support::TestEnv;

macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        const STORIES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { tell(stringify!($name)); })*
    };
}

include!("scenarios/list.rs");

#[test]
fn every_story_is_told() {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "txt"));
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    let mut told: Vec<&str> = STORIES.to_vec();
    told.sort();
    assert_eq!(names, told, "tests/scenarios/list.rs lists them");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// A part of a story.
#[derive(Debug, PartialEq)]
enum Part {
    Remark(String),
    File { path: String, content: Vec<String> },
    Command(Step),
}

#[derive(Debug, PartialEq, Default)]
struct Step {
    /// As written: the first line and its continuations.
    lines: Vec<String>,
    code: i32,
    output: Vec<String>,
}

fn parse(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in text.lines() {
        let file = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        if let Some(path) = file {
            parts.push(Part::File { path: path.to_owned(), content: Vec::new() });
        } else if let Some(command) = line.strip_prefix("$ ") {
            let lines = vec![command.to_owned()];
            parts.push(Part::Command(Step { lines, ..Step::default() }));
        } else if line.starts_with("## ") {
            parts.push(Part::Remark(line.to_owned()));
        } else {
            match parts.last_mut() {
                Some(Part::File { content, .. }) => content.push(line.to_owned()),
                Some(Part::Command(step)) => step.take(line),
                _ => assert!(line.is_empty(), "a story begins with a remark, not with {line:?}"),
            }
        }
    }
    parts
}

impl Step {
    fn take(&mut self, line: &str) {
        let is_first = self.output.is_empty();
        if let (true, Some(more)) = (is_first, line.strip_prefix("> ")) {
            self.lines.push(more.to_owned());
        } else if let (true, Some(code)) = (is_first, line.strip_prefix("? ")) {
            self.code = code.trim().parse().unwrap();
        } else {
            self.output.push(line.to_owned());
        }
    }
}

fn tell(name: &str) {
    let path = directory().join(format!("{name}.txt"));
    let mut parts = parse(&fs::read_to_string(&path).unwrap());
    let env = TestEnv::new();
    let mut wrong = String::new();
    for part in &mut parts {
        match part {
            Part::Remark(_) => {}
            Part::File { path, content } => {
                env.write(path, trimmed(content).join("\n") + "\n");
            }
            Part::Command(step) => {
                let ran = env.shell(&step.lines.join("\n"));
                let said = env.redact(&ran.stdout);
                let said: Vec<String> = said.lines().map(|l| l.trim_end().to_owned()).collect();
                let said = trimmed(&said).to_vec();
                if ran.code != step.code || !matches(trimmed(&step.output), &said) {
                    complain(&mut wrong, step, (ran.code, &said));
                    (step.code, step.output) = (ran.code, said);
                    step.output.push(String::new());
                }
            }
        }
    }
    if wrong.is_empty() {
        return;
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, print(&parts)).unwrap();
    }
    panic!("{name}:\n{wrong}");
}

fn complain(wrong: &mut String, step: &Step, (code, said): (i32, &[String])) {
    writeln!(wrong, "$ {}", step.lines.join("\n> ")).unwrap();
    if code != step.code {
        writeln!(wrong, "exits {code}, not {}", step.code).unwrap();
    }
    let expected = trimmed(&step.output).join("\n") + "\n";
    let said = said.join("\n") + "\n";
    let diff = similar::TextDiff::from_lines(&expected, &said);
    writeln!(wrong, "{}", diff.unified_diff().context_radius(2)).unwrap();
}

fn print(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Remark(line) => writeln!(text, "{line}").unwrap(),
            Part::File { path, content } => {
                writeln!(text, "-- {path} --").unwrap();
                content.iter().for_each(|line| writeln!(text, "{line}").unwrap());
            }
            Part::Command(step) => {
                writeln!(text, "$ {}", step.lines.join("\n> ")).unwrap();
                if step.code != 0 {
                    writeln!(text, "? {}", step.code).unwrap();
                }
                step.output.iter().for_each(|line| writeln!(text, "{line}").unwrap());
            }
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// Leaves out empty lines at both ends.
fn trimmed(lines: &[String]) -> &[String] {
    let Some(first) = lines.iter().position(|line| !line.is_empty()) else { return &[] };
    let last = lines.iter().rposition(|line| !line.is_empty()).unwrap_or(first);
    &lines[first..=last]
}

/// Tells whether lines are as expected; a line `...` stands for any lines.
fn matches(expected: &[String], said: &[String]) -> bool {
    match expected.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=said.len()).any(|skipped| matches(rest, &said[skipped..]))
        }
        Some((first, rest)) => said
            .split_first()
            .is_some_and(|(line, more)| line_matches(first, line) && matches(rest, more)),
    }
}

/// Tells whether a line is as expected; `...` stands for any text.
fn line_matches(expected: &str, line: &str) -> bool {
    let pieces: Vec<&str> = expected.trim_end().split("...").collect();
    let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
    if pieces.len() == 1 {
        return line == first;
    }
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for piece in &pieces[1..pieces.len() - 1] {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn dots_stand_for_any_text() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n...\nz"), &lines("a\nb\nc\nz")));
    assert!(matches(&lines("...\nb...d\n..."), &lines("a\nbcd\ne")));
    assert!(!matches(&lines("a\n...\nz"), &lines("a\nb")));
    assert!(!matches(&lines("a"), &lines("a\nb")));
    assert!(line_matches("[id=...] took ...", "[id=7] took 3s"));
    assert!(!line_matches("a...a", "a"));
}
