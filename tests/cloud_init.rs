//! Every shape of user-data is what cloud-init takes: by Debian's own checker, and
//! by the schema that the project publishes, where that is at hand.
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandplan::provider::sandbox::Sandbox;
use sandplan::provider::toolchain::{Docker, Mirrors, Node, Playwright, Toolchain};
use sandplan::provision::cloud_init::{HostKey, Rendered, UserData, gzipped, user_data};
use sandplan::provision::setup::steps;
use serde_json::Value as Json;

const CHECK: &str = "
import sys
from cloudinit.config.schema import get_schema, validate_cloudconfig_file
schema = get_schema()
for path in sys.argv[1:]:
    validate_cloudconfig_file(path, schema, False)
print(len(sys.argv) - 1)
";

fn toolchains() -> Vec<Toolchain> {
    let browsers = vec!["chromium".to_owned(), "webkit".to_owned()];
    let playwright = Playwright { browsers, version: Some("1.56.0".to_owned()) };
    let mut found = Vec::new();
    for docker in [Docker::Off, Docker::Official, Docker::Distro] {
        for node in [Node::Off, Node::Major("24".to_owned()), Node::Distro] {
            for python in [false, true] {
                for playwright in [None, Some(playwright.clone())] {
                    let node = node.clone();
                    found.push(Toolchain { docker, node, python, playwright });
                }
            }
        }
    }
    found
}

fn sandboxes() -> Vec<Sandbox> {
    let there = |what: &str| Some(format!("https://mirror.example/{what}"));
    let mirrors = Mirrors {
        apt: there("debian"),
        npm: there("npm"),
        docker: there("docker"),
        node: there("node"),
        pypi: there("pypi"),
        playwright: there("playwright"),
    };
    let mut found = Vec::new();
    for toolchain in toolchains() {
        let plain = Sandbox { toolchain, ..Sandbox::default() };
        let packages = ["jq", "g++", "nginx=1.22.1-9+deb12u3"].map(str::to_owned).into();
        let agents = ["claude-code", "codex", "opencode"].map(|a| (a.into(), "1.2.3".into()));
        let full =
            Sandbox { packages, agents: agents.into(), mirrors: mirrors.clone(), ..plain.clone() };
        found.extend([plain, full]);
    }
    found
}

fn render(sandbox: &Sandbox) -> Rendered {
    rendered(sandbox, user_data)
}

fn rendered(sandbox: &Sandbox, by: fn(&UserData<'_>) -> Rendered) -> Rendered {
    let private =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n";
    let host_key = HostKey { private, public: "ssh-ed25519 AAAAC3Nz host" };
    let keys = ["ssh-ed25519 AAAAC3Nz ada \"quoted\" ünï: #x".to_owned()];
    let setup = steps(sandbox);
    // Half of them switch themselves off.
    let expires_at = (sandbox.packages.is_empty()).then_some(jiff::Timestamp::MAX);
    by(&UserData { host_key, keys: &keys, setup: &setup, expires_at })
}

/// Where cloud-init lies, unpacked and not installed.
fn cloud_init() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cloud-init");
    let stamp = place.join("complete");
    if !stamp.exists() {
        let unpack = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/unpack");
        let output = Command::new(unpack).arg(&place).arg("cloud-init").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(stamp, "").unwrap();
    }
    place
}

fn python(cloud_init: &Path) -> Command {
    // The modules are made for the system's own Python.
    let mut python = Command::new("/usr/bin/python3");
    python.env("PYTHONPATH", cloud_init.join("usr/lib/python3/dist-packages"));
    python
}

fn written(directory: &Path) -> Vec<PathBuf> {
    let write = |(number, sandbox): (usize, &Sandbox)| {
        let path = directory.join(format!("{number}.yaml"));
        fs::write(&path, render(sandbox).text()).unwrap();
        path
    };
    sandboxes().iter().enumerate().map(write).collect()
}

#[test]
fn debians_cloud_init_finds_every_shape_valid() {
    let directory = tempfile::tempdir().unwrap();
    let files = written(directory.path());
    let place = cloud_init();
    let output = python(&place).args(["-c", CHECK]).args(&files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "72\n");
    let mut command = python(&place);
    command.arg(place.join("usr/bin/cloud-init")).args(["schema", "--config-file"]);
    let output = command.arg(files.last().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.starts_with("Valid cloud-config"), "{said}");
}

#[test]
fn the_checker_is_one_that_finds_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.yaml");
    let text =
        render(&Sandbox::default()).text().replace("\"ssh_pwauth\":false", "\"ssh_pwauth\":[]");
    fs::write(&file, text).unwrap();
    let output = python(&cloud_init()).args(["-c", CHECK]).arg(file).output().unwrap();
    assert!(!output.status.success());
}

/// The schema that the project publishes, from `SANDPLAN_SPECS` or beside the clone.
fn schema() -> Option<Json> {
    let given = std::env::var_os("SANDPLAN_SPECS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs");
    let file = given.unwrap_or(beside).join("cloud-init-schema-cloud-config-v1.json");
    let text = fs::read_to_string(file).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn the_published_schema_finds_every_shape_valid() {
    let Some(schema) = schema() else { return };
    let validator = jsonschema::draft4::new(&schema).unwrap();
    for sandbox in sandboxes() {
        let rendered = render(&sandbox);
        let body = rendered.text().strip_prefix("#cloud-config\n").unwrap();
        let body: Json = serde_json::from_str(body).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&body).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn every_shape_fits_what_platforms_take() {
    let biggest = sandboxes().iter().map(|sandbox| render(sandbox).size()).max().unwrap();
    let packed = sandboxes().iter().map(|sandbox| rendered(sandbox, gzipped).size()).max().unwrap();
    assert!(biggest < 16 * 1024 && packed < 8 * 1024, "{biggest} {packed}");
}
