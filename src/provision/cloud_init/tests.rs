use std::io::Read;

use super::*;
use crate::provider::sandbox::Sandbox;
use crate::provider::toolchain::{Docker, Node, Playwright, Toolchain};
use crate::provision::setup::steps;

const PRIVATE: &str =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n";

fn render(sandbox: &Sandbox) -> Rendered {
    rendered(sandbox, user_data)
}

fn rendered(sandbox: &Sandbox, by: fn(&UserData<'_>) -> Rendered) -> Rendered {
    let host_key = HostKey { private: PRIVATE, public: "ssh-ed25519 AAAA host" };
    let keys = ["ssh-ed25519 BBBB ada".to_owned()];
    let setup = steps(sandbox);
    by(&UserData { host_key, keys: &keys, setup: &setup, expires_at: None })
}

fn body(rendered: &Rendered) -> Json {
    serde_json::from_str(rendered.text().strip_prefix("#cloud-config\n").unwrap()).unwrap()
}

fn everything() -> Sandbox {
    Sandbox {
        packages: vec!["jq".into()],
        toolchain: Toolchain {
            docker: Docker::Official,
            node: Node::Major("24".into()),
            python: true,
            playwright: Some(Playwright { browsers: vec!["chromium".into()], version: None }),
        },
        agents: ["claude-code", "codex", "opencode"].map(|a| (a.into(), "1.2.3".into())).into(),
        ..Sandbox::default()
    }
}

#[test]
fn only_keys_log_in_and_the_host_key_is_ours() {
    let body = body(&render(&Sandbox::default()));
    assert_eq!(body["ssh_pwauth"], false);
    assert_eq!(body["disable_root"], false);
    assert_eq!(body["users"][0]["ssh_authorized_keys"], json!(["ssh-ed25519 BBBB ada"]));
    assert_eq!(body["users"][1]["ssh_authorized_keys"], json!(["ssh-ed25519 BBBB ada"]));
    assert_eq!(body["ssh_keys"]["ed25519_private"], PRIVATE);
    assert!(body.get("runcmd").is_none());
}

#[test]
fn the_environment_and_files_of_a_sandbox_are_not_in_it() {
    let mut sandbox = everything();
    sandbox.env.insert("TOKEN".into(), "hunter2".into());
    let with = render(&sandbox);
    sandbox.env.clear();
    assert_eq!(with, render(&sandbox));
}

#[test]
fn scripts_come_out_as_they_went_in() {
    let sandbox = everything();
    let body = body(&render(&sandbox));
    let unpacked: Vec<(String, String)> = body["write_files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["encoding"] == "gz+b64")
        .map(|file| {
            let packed = STANDARD.decode(file["content"].as_str().unwrap()).unwrap();
            let mut text = String::new();
            flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
            (file["path"].as_str().unwrap().to_owned(), text)
        })
        .collect();
    let scripts = guest::files(&steps(&sandbox));
    assert_eq!(unpacked, scripts);
    assert_eq!(
        body["runcmd"],
        json!([["/bin/sh", "/var/lib/sandplan/runner", "/var/lib/sandplan"]])
    );
}

#[test]
fn everything_fits_what_hetzner_takes_and_packed_what_ec2_takes() {
    let (rendered, packed) = (render(&everything()), rendered(&everything(), gzipped));
    assert_eq!(rendered.fits(32 * 1024), Ok(()));
    assert!(packed.size() <= 16 * 1024);
}

#[test]
fn what_does_not_fit_says_which_parts_are_big() {
    let mut sandbox = everything();
    // Names that do not compress.
    let name = |n: u64| crate::provision::pending::hash([&*n.to_string()]);
    sandbox.packages.extend((0..2000).map(name));
    let error = render(&sandbox).fits(32 * 1024).unwrap_err();
    assert_eq!(error.parts[0].0, "/var/lib/sandplan/setup/setup-apt");
    assert!(error.to_string().contains("the platform takes 32768. The biggest parts are"));
}

#[test]
fn a_host_key_is_not_shown_for_debugging() {
    let key = HostKey { private: PRIVATE, public: "ssh-ed25519 AAAA" };
    assert!(!format!("{key:?}{:?}", render(&everything())).contains("abc"));
}
