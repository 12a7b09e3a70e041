//! One bad file per kind of problem: `tests/diagnostics/CODE.hcl`, whose first
//! line says what to run on it, and `CODE.txt`, what is drawn at width 80.
//!
//! `BLESS=1 cargo test --test diagnostics` writes the texts.
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

#[path = "support/cloud.rs"]
mod cloud;
#[path = "emulator/hetzner/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cloud::Cloud;
use regex::Regex;
use support::{Ran, SANDPLAN, TestEnv};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs what the first line says.
fn run(env: &TestEnv, line: &str, cloud: &Cloud) -> Ran {
    let (line, is_cloud) = match line.strip_prefix("hetzner: ") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let mut command = env.command(SANDPLAN);
    command.args(line.split_whitespace());
    if is_cloud {
        cloud.tell(&mut command);
    }
    Ran::of(&mut command)
}

#[test]
fn every_bad_file_is_explained_as_written_down() {
    let mut wrong = Vec::new();
    let cloud = Cloud::start(Default::default());
    for file in files(&root().join("tests/diagnostics"), "hcl") {
        let code = file.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let command = text.lines().next().unwrap().strip_prefix("# ").expect("what to run");
        let env = TestEnv::with(&text);
        let ran = run(&env, command, &cloud);
        let drawn = env.redact(&ran.stderr);
        let expected = fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        if drawn != expected {
            if std::env::var_os("BLESS").is_some() {
                fs::write(file.with_extension("txt"), &drawn).unwrap();
            }
            let diff = similar::TextDiff::from_lines(&expected, &drawn);
            wrong.push(format!("{code}:\n{}", diff.unified_diff()));
        }
        if !drawn.contains(&format!("[{code}]: ")) {
            wrong.push(format!("{code}.hcl does not show its code:\n{drawn}"));
        }
        if !drawn.contains("--> sandboxes.hcl:") {
            wrong.push(format!("{code}.hcl points nowhere:\n{drawn}"));
        }
        if let Some(line) = drawn.lines().find(|line| line.chars().count() > 80) {
            wrong.push(format!("{code}.hcl is drawn too wide: {line}"));
        }
        if ran.code != if code == "limit" { 3 } else { 1 } {
            wrong.push(format!("{code}.hcl exits {}", ran.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The codes that the sources name.
fn codes() -> BTreeSet<String> {
    let named =
        Regex::new(r#"(?:Diagnostic::(?:error|warning)|self\.problem)\(\s*"([a-z][a-z-]+)""#);
    let named = named.unwrap();
    let mut codes = BTreeSet::new();
    for file in files(&root().join("src"), "rs") {
        let is_test =
            file.strip_prefix(root()).unwrap().components().any(|c| c.as_os_str() == "tests")
                || file.file_stem().is_some_and(|name| name.to_string_lossy().contains("tests"));
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        if !is_test && !file.ends_with("render/sample.rs") {
            codes.extend(named.captures_iter(text).map(|c| c[1].to_owned()));
        }
    }
    assert!(codes.len() > 80, "{codes:?}");
    codes
}

/// The codes that `docs/diagnostics.md` explains.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/diagnostics.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `([a-z-]+)` \| \S").unwrap();
    row.captures_iter(&text).map(|c| c[1].to_owned()).collect()
}

#[test]
fn every_code_is_in_the_documentation() {
    let missing: Vec<String> = codes().difference(&documented()).cloned().collect();
    assert!(missing.is_empty(), "docs/diagnostics.md lacks {missing:?}");
}

#[test]
fn every_code_of_a_file_has_a_bad_file() {
    // What no file alone can bring about: the surroundings decide it.
    let elsewhere = [
        "no-configuration",
        "prevent-destroy",
        "provider-unreachable",
        "targeting",
        "undeclared-variable",
        "unmatched-target",
        "unreadable-file",
    ];
    let named = Regex::new(r#"(?:Diagnostic::error|self\.problem)\(\s*"([a-z][a-z-]+)""#).unwrap();
    let shown: BTreeSet<String> = files(&root().join("tests/diagnostics"), "hcl")
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut missing = BTreeSet::new();
    for module in ["config", "graph", "plan", "provider"] {
        for file in files(&root().join("src").join(module), "rs") {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let codes = named.captures_iter(text).map(|c| c[1].to_owned());
            missing.extend(codes.filter(|code| !shown.contains(code)));
        }
    }
    missing.retain(|code| !elsewhere.contains(&code.as_str()));
    assert!(missing.is_empty(), "tests/diagnostics lacks {missing:?}");
}
