//! The documents and examples, held against what there is.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot read the documents should fail"
)]

#[path = "support/cloud.rs"]
mod cloud;
#[path = "emulator/hetzner/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;
#[path = "support/google.rs"]
mod google;
#[path = "emulator/gcp/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod google_emulator;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::{CommandFactory, Parser};
use cloud::Cloud;
use emulator::settings::Settings;
use google::Google;
use regex::Regex;
use sandplan::cli::args::{Cli, double_dashes};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The README and all that is under `docs`, relative to the root.
fn documents() -> Vec<PathBuf> {
    let pages = files(&root().join("docs")).into_iter();
    let mut found: Vec<PathBuf> = pages
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .map(|path| path.strip_prefix(root()).unwrap().to_owned())
        .collect();
    found.extend(["README.md".into(), "CHANGELOG.md".into()]);
    found
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

/// A copy of an example with a home of its own, so that nothing outside changes.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn of(example: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for file in files(example) {
            let name = file.strip_prefix(example).unwrap();
            if name.components().any(|part| part.as_os_str() == ".sandplan") {
                continue;
            }
            let to = directory.path().join("work").join(name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&file, to).unwrap();
        }
        fs::create_dir_all(directory.path().join("home")).unwrap();
        Self { directory }
    }

    /// Runs a line as a shell does, with our `sandplan` first in `PATH`.
    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a line beside a cloud.
    fn run_beside(&self, cloud: &Cloud, line: &str) -> Output {
        cloud.tell(&mut self.command(line)).output().unwrap()
    }

    fn command(&self, line: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_sandplan"));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command
            .args(["-c", line])
            .current_dir(self.directory.path().join("work"))
            .env("HOME", self.directory.path().join("home"))
            .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
            .env_remove("XDG_DATA_HOME")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("SANDPLAN_PROVIDER")
            .env_remove("SANDPLAN_REGION");
        command
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn every_example_is_formatted_and_valid_and_can_be_planned() {
    let (cloud, google) = (Cloud::start(Default::default()), Google::start());
    for example in examples() {
        let place = Place::of(&example);
        // Those of AWS are planned where its emulator is, in `tests/aws.rs`.
        let elsewhere = example.ends_with("aws");
        let lines = ["fmt -check -diff -recursive", "validate", "plan"];
        for line in &lines[..if elsewhere { 2 } else { 3 }] {
            let mut command = place.command(&format!("sandplan {line}"));
            let output = google.tell(cloud.tell(&mut command)).output().unwrap();
            let code = output.status.code();
            assert_eq!(code, Some(0), "{}: {line}:\n{}", example.display(), told(&output));
        }
    }
}

#[test]
fn every_example_leaves_nothing_in_the_repository() {
    let ignored = read(".gitignore");
    assert!(ignored.lines().any(|line| line == ".sandplan/"), "{ignored}");
}

/// A command of a `console` block, with the lines that follow it.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn shown(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            found.push(Shown { command: command.to_owned(), output: Vec::new() });
        } else if inside && let Some(last) = found.last_mut() {
            last.output.push(line.to_owned());
        }
    }
    found
}

/// Splits a line into words as a shell does, as far as documents need it.
fn words(line: &str) -> Vec<String> {
    let word = Regex::new(r#"(?:'[^']*'|"[^"]*"|[^\s'"])+"#).unwrap();
    let unquoted = |text: &str| {
        let quotes = Regex::new(r#"'([^']*)'|"([^"]*)""#).unwrap();
        quotes.replace_all(text, "$1$2").into_owned()
    };
    word.find_iter(line).map(|found| unquoted(found.as_str())).collect()
}

#[test]
fn commands_in_documents_parse() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        for shown in shown(&text).iter().filter(|shown| shown.command.starts_with("sandplan ")) {
            let parsed = Cli::try_parse_from(double_dashes(words(&shown.command)));
            let problem = parsed.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(problem.is_empty(), "{}: {}: {problem}", document.display(), shown.command);
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} commands were found");
}

/// Replaces what differs from run to run: ids, times and spans.
fn settled(line: &str) -> String {
    let line = Regex::new(r"sb-[0-9a-f]{16}").unwrap().replace_all(line, "sb-ID").into_owned();
    let name = Regex::new(r"\b(review-\w+)-[0-9a-f]{6}\b").unwrap();
    let line = name.replace_all(&line, "$1-OPERATION").into_owned();
    let address = Regex::new(r"\b\d+\.\d+\.\d+\.\d+\b").unwrap();
    let line = address.replace_all(&line, "ADDRESS").into_owned();
    let spans = Regex::new(r"\b\d+[smhd](?: ago)?\b").unwrap();
    let line = spans.replace_all(&line, "SPAN").into_owned();
    Regex::new(" +").unwrap().replace_all(line.trim_end(), " ").into_owned()
}

/// Tells whether lines are as shown, where `...` stands for any lines.
fn agrees(expected: &[String], found: &[String]) -> bool {
    match expected {
        [] => found.is_empty(),
        [first, rest @ ..] if first == "..." => {
            (0..=found.len()).any(|skipped| agrees(rest, &found[skipped..]))
        }
        [first, rest @ ..] => found.first() == Some(first) && agrees(rest, &found[1..]),
    }
}

fn lines<'a>(text: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lines: Vec<String> = text.map(settled).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// The parts of the README before and after the heading of the cloud.
fn tours() -> (Vec<Shown>, Vec<Shown>) {
    let text = read("README.md");
    let (here, cloud) = text.split_once("## The same in the cloud").unwrap();
    (shown(here), shown(cloud))
}

/// Insists that commands say what is shown.
fn tell(tour: &[Shown], run: impl Fn(&str) -> Output) {
    for Shown { command, output } in tour {
        let expected = lines(output.iter().map(String::as_str));
        let ran = run(command);
        let found = String::from_utf8_lossy(&ran.stdout).into_owned();
        let found = lines(found.lines());
        assert!(
            agrees(&expected, &found),
            "{command}\n--- shown\n{}\n--- found\n{}\n--- told\n{}",
            expected.join("\n"),
            found.join("\n"),
            String::from_utf8_lossy(&ran.stderr),
        );
    }
}

#[test]
fn the_tour_of_the_readme_is_as_shown() {
    let place = Place::of(&root().join("examples/quickstart"));
    tell(&tours().0, |line| place.run(line));
}

/// Servers are sshds of this machine, at port 22 of addresses of their own.
#[test]
fn the_tour_in_the_cloud_is_as_shown() {
    let place = Place::of(&root().join("examples/quickstart"));
    let bodies = Some(place.directory.path().join("bodies"));
    let cloud = Cloud::start(Settings { bodies, ..Settings::default() });
    let mut tour = tours().1;
    if !rustix::process::geteuid().is_root() {
        let planned = tour.iter().position(|s| s.command.starts_with("sandplan apply")).unwrap();
        eprintln!("only planned: port 22 of a body needs root");
        tour.truncate(planned);
    }
    tell(&tour, |line| place.run_beside(&cloud, line));
}

fn schema(name: &str) -> jsonschema::Validator {
    let schema: serde_json::Value =
        serde_json::from_str(&read(&format!("schema/{name}-v1.json"))).unwrap();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

/// What is printed as JSON, each with the schema that describes it.
const PRINTED: [(&str, &str); 9] = [
    ("validate", "sandplan validate -json"),
    ("ui", "sandplan plan -json -out=p"),
    ("plan", "sandplan show -json p"),
    ("ui", "sandplan apply -json p"),
    ("state", "sandplan show -json"),
    ("list", "sandplan list -json"),
    ("output", "sandplan output -json"),
    ("drift", "sandplan drift -json"),
    ("ui", "sandplan destroy -json -auto-approve"),
];

#[test]
fn what_is_printed_of_a_cloud_as_json_fits_its_schemas() {
    let place = Place::of(&root().join("examples/quickstart"));
    let bodies = Some(place.directory.path().join("bodies"));
    let cloud = Cloud::start(Settings { bodies, ..Settings::default() });
    let is_root = rustix::process::geteuid().is_root();
    for (name, command) in &PRINTED[..if is_root { 9 } else { 3 }] {
        let mut ran = place.command(command);
        let ran = cloud.tell(ran.env("SANDPLAN_PROVIDER", "hetzner")).output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{command}:\n{}", told(&ran));
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        let documents: Vec<&str> = if *name == "ui" { text.lines().collect() } else { vec![&text] };
        for document in documents {
            let document: serde_json::Value = serde_json::from_str(document).unwrap();
            let schema = schema(name);
            let problems: Vec<_> = schema.iter_errors(&document).map(|e| e.to_string()).collect();
            assert!(problems.is_empty(), "{command}: {problems:?}\n{document:#}");
        }
    }
}

#[test]
fn expressions_in_documents_have_the_values_that_are_shown() {
    let place = Place::of(&root().join("examples/quickstart"));
    for Shown { command, output } in shown(&read("docs/commands.md")) {
        let found = place.run(&command);
        assert_eq!(String::from_utf8_lossy(&found.stdout).trim_end(), output.join("\n"));
    }
}

/// The subcommands with their long flags, by the words that name them.
fn flags() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), Cli::command())];
    while let Some((name, command)) = open.pop() {
        let longs = command.get_arguments().filter_map(|argument| argument.get_long());
        found.insert(name.clone(), longs.map(str::to_owned).collect());
        for inner in command.get_subcommands() {
            open.push((format!("{name} {}", inner.get_name()).trim().to_owned(), inner.clone()));
        }
    }
    found
}

#[test]
fn every_command_and_flag_is_in_the_reference_and_no_other() {
    let reference = read("docs/commands.md");
    let flags = flags();
    for (command, longs) in &flags {
        assert!(reference.contains(command.as_str()), "`{command}` is not in the reference");
        for long in longs {
            assert!(reference.contains(&format!("-{long}")), "{command} -{long} is missing");
        }
    }
    let known: BTreeSet<&str> = flags.values().flatten().map(String::as_str).collect();
    let written = Regex::new(r"[`\[| ]-([a-z][a-z-]+)").unwrap();
    for flag in written.captures_iter(&reference).map(|found| found.get(1).unwrap().as_str()) {
        assert!(known.contains(flag) || flag == "help", "there is no flag -{flag}");
    }
}

#[test]
fn links_between_documents_resolve() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        for target in link.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()) {
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let here = root().join(&document);
            let to = if path.is_empty() { here } else { here.parent().unwrap().join(path) };
            assert!(to.exists(), "{}: {target}", document.display());
            let known = anchor.is_empty() || anchors(&to).contains(anchor);
            assert!(known, "{}: no heading for {target}", document.display());
        }
    }
}

/// The anchors of a page's headings.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || "- _".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// What a row of a Markdown table has between backquotes, cell by cell.
fn quoted_cells(line: &str) -> Vec<Vec<String>> {
    let quoted = Regex::new("`([^`]*)`").unwrap();
    let cells = line.trim_matches('|').split('|');
    let words = |cell: &str| -> Vec<String> {
        quoted.captures_iter(cell).map(|found| found[1].to_owned()).collect()
    };
    cells.map(words).collect()
}

#[test]
fn the_import_table_of_the_architecture_is_the_one_that_is_enforced() {
    let enforced = read("tests/architecture.rs");
    let insert = Regex::new(r#"(?s)table\.insert\(\s*"(\w+)",\s*vec!\[(.*?)\]"#).unwrap();
    let name = Regex::new(r#""(\w+)""#).unwrap();
    let text = read("docs/architecture.md");
    let section = text.split("## Who may import whom").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows: BTreeMap<String, BTreeSet<String>> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells = quoted_cells(line);
            (cells[0][0].clone(), cells[1].iter().cloned().collect())
        })
        .collect();
    for found in insert.captures_iter(&enforced) {
        let module = &found[1];
        let allowed: BTreeSet<String> =
            name.captures_iter(&found[2]).map(|found| found[1].to_owned()).collect();
        let row = rows.get(module).unwrap_or_else(|| panic!("{module} has no row"));
        // The façade's row says "all of the above".
        assert!(module == "engine" || *row == allowed, "{module}: {row:?}, {allowed:?}");
    }
}
