//! The import table of `docs/architecture.md`, enforced.
#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources should fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import of the crate, besides itself and the leaves.
const LEAVES: [&str; 9] = [
    "address",
    "value",
    "diagnostic",
    "schema",
    "object",
    "deferred",
    "duration",
    "redact",
    "self",
];

fn table() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut table: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for leaf in LEAVES {
        table.insert(leaf, vec![]);
    }
    table.insert("evaluate", vec![]);
    table.insert("config", vec!["evaluate"]);
    table.insert("provider", vec!["provision", "ssh", "tty"]);
    table.insert("ssh", vec!["provider", "tty"]);
    table.insert("tty", vec![]);
    table.insert("provision", vec!["provider"]);
    table.insert("graph", vec!["evaluate", "config"]);
    table.insert("plan", vec!["graph", "provider"]);
    table.insert("event", vec!["plan"]);
    table.insert("state", vec![]);
    table.insert("refresh", vec!["provider", "event"]);
    table.insert("apply", vec!["evaluate", "plan", "provider", "state", "event"]);
    table.insert(
        "engine",
        vec![
            "evaluate",
            "config",
            "graph",
            "plan",
            "provider",
            "provision",
            "state",
            "refresh",
            "apply",
            "event",
        ],
    );
    table.insert("render", vec!["plan", "event"]);
    table.insert("cli", vec!["engine", "render", "event", "plan", "config", "evaluate"]);
    table
}

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(&root).unwrap();
                let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
                let module = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                // Tests may use what they like.
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                let is_test = relative.to_string_lossy().contains("tests");
                if !is_test {
                    found.push((module, path, text));
                }
            }
        }
    }
    found
}

/// The modules of the crate that a file names: `crate::x` outside comments.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table = table();
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        let Some(allowed) = table.get(module.as_str()) else { continue };
        for import in imports(&text) {
            let fine = !import.is_empty()
                && (import == module
                    || LEAVES.contains(&import.as_str())
                    || allowed.contains(&import.as_str())
                    || !table.contains_key(import.as_str()));
            if !fine {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_a_row_in_the_table() {
    let table = table();
    for (module, path, _) in sources() {
        let known = table.contains_key(module.as_str()) || ["lib", "main"].contains(&&*module);
        assert!(known, "{} has no row", path.display());
    }
}

/// Lines of non-test source that hold a text, but for the places that may.
fn holders(needle: &str, allowed: &[&str]) -> Vec<String> {
    sources()
        .into_iter()
        .filter(|(module, ..)| !allowed.contains(&module.as_str()))
        .flat_map(|(_, path, text)| {
            let lines: Vec<String> = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//") && line.contains(needle))
                .map(|line| format!("{}: {line}", path.display()))
                .collect();
            lines
        })
        .collect()
}

#[test]
fn only_state_knows_sql() {
    assert_eq!(holders("rusqlite", &["state"]), Vec::<String>::new());
}

#[test]
fn only_the_folder_of_a_platform_knows_its_client() {
    let clients: [(&str, &[&str]); 3] = [
        ("hetzner", &["hcloud::", "reqwest::"]),
        ("aws", &["aws_sdk_", "aws_config::", "aws_smithy_"]),
        ("gcp", &["google_cloud_", "rustls::"]),
    ];
    for (platform, needles) in clients {
        for needle in needles {
            let own = format!("/src/provider/{platform}");
            let elsewhere = holders(needle, &[]).into_iter().filter(|line| !line.contains(&own));
            assert_eq!(elsewhere.collect::<Vec<_>>(), Vec::<String>::new(), "{needle}");
        }
    }
}

#[test]
fn what_platforms_share_knows_none_of_them() {
    for needle in ["provider::hetzner", "provider::aws", "provider::gcp", "provider::local::"] {
        let found = holders(needle, &[]);
        let shared = found.into_iter().filter(|line| line.contains("/src/provider/cloud"));
        assert_eq!(shared.collect::<Vec<_>>(), Vec::<String>::new(), "{needle}");
    }
}

#[test]
fn only_ssh_knows_the_library_that_speaks_it() {
    assert_eq!(holders("russh", &["ssh"]), Vec::<String>::new());
}

#[test]
fn planning_is_pure() {
    let impure = ["tokio::", "std::fs", "std::env", "Timestamp::now", "SystemTime", "Instant::now"];
    for needle in impure {
        let found: Vec<String> = holders(needle, &[])
            .into_iter()
            .filter(|line| line.contains("/src/plan/") || line.contains("/src/plan.rs"))
            .collect();
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn only_the_command_line_knows_the_terminal() {
    for needle in ["io::stdout()", "io::stdin()", "io::stderr()", "std::process::exit"] {
        let found = holders(needle, &["cli", "main", "tty"]);
        assert_eq!(found, Vec::<String>::new(), "{needle}");
    }
}

#[test]
fn the_main_function_is_short() {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs");
    assert!(fs::read_to_string(main).unwrap().lines().count() < 40);
}
