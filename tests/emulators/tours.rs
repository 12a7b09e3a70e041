//! The official clients, on the emulator.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use crate::gcp;
use crate::hetzner::settings::Settings;
use crate::{client, python, quick};

const HETZNER_CLIENT: &str = "hcloud==2.27.0";
const GCP_CLIENT: &str = "google-cloud-compute==1.57.0";
const LIBCLOUD: &str = "apache-libcloud==3.9.1";
/// The command line wants 64 characters.
const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012345678901";

/// A server takes so long to be made that a tour sees it under way on a busy machine, too.
fn with_token() -> Settings {
    let mut settings = Settings { token: Some(TOKEN.to_owned()), ..quick() };
    let slow = ("create_server".to_owned(), Duration::from_secs(1));
    settings.action_times.by_command.extend([slow]);
    settings
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator").join(name)
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{text}");
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_of_hetzner_passes_its_tour() {
    let emulator = client::start(with_token()).await;
    let url = emulator.url();
    let tour = move || {
        let mut tour = Command::new(python::environment("hcloud", &[HETZNER_CLIENT]));
        run(tour.arg(here("hetzner/tour.py")).args([&url, TOKEN]))
    };
    let output = tokio::task::spawn_blocking(tour).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tour done\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_command_line_of_hetzner_passes_its_tour() {
    let emulator = client::start(with_token()).await;
    let url = emulator.url();
    let tour = move || {
        let mut tour = Command::new(here("hetzner/tour.sh"));
        run(tour.env("HCLOUD_ENDPOINT", url).env("HCLOUD_TOKEN", TOKEN))
    };
    tokio::task::spawn_blocking(tour).await.unwrap();
}

/// A Compute Engine with a token.
async fn compute_engine() -> gcp::Running {
    let settings = gcp::settings::Settings {
        token: Some(TOKEN.to_owned()),
        operation_times: gcp::settings::OperationTimes {
            every: quick().action_times.every,
            ..Default::default()
        },
        ..gcp::settings::Settings::default()
    };
    gcp::start("127.0.0.1:0".parse().unwrap(), settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_of_google_passes_its_tour() {
    let emulator = compute_engine().await;
    let url = emulator.url();
    let tour = move || {
        let mut tour = Command::new(python::environment("google-cloud-compute", &[GCP_CLIENT]));
        run(tour.arg(here("gcp/tour.py")).args([&url, TOKEN]))
    };
    let output = tokio::task::spawn_blocking(tour).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tour done\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn libcloud_passes_its_tour_of_compute_engine() {
    let emulator = compute_engine().await;
    let port = emulator.address.port().to_string();
    let tour = move || {
        let mut tour = Command::new(python::environment("libcloud", &[LIBCLOUD]));
        run(tour.arg(here("gcp/libcloud_tour.py")).args([&port, TOKEN]))
    };
    let output = tokio::task::spawn_blocking(tour).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tour done\n");
}
