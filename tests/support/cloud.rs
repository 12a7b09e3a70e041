//! A Hetzner Cloud of a test's own: the emulator, in this process.

use std::process::Command;

use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::emulator::settings::Settings;
use crate::emulator::{Running, start};

/// What the program is told to log in with.
pub const TOKEN: &str = "0123456789012345678901234567890123456789012345678901234567890123";

/// An emulator that runs while this lives.
pub struct Cloud {
    running: Option<Running>,
    runtime: Runtime,
}

impl Cloud {
    /// Starts one on a free port.
    pub fn start(settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let settings = Settings { token: Some(TOKEN.to_owned()), ..settings };
        let running = runtime.block_on(start("127.0.0.1:0".parse().unwrap(), settings)).unwrap();
        Self { running: Some(running), runtime }
    }

    /// Tells a command where the cloud is.
    pub fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let url = self.running.as_ref().map(Running::url).unwrap_or_default();
        command.env("HCLOUD_ENDPOINT", url).env("HCLOUD_TOKEN", TOKEN)
    }
}

#[allow(dead_code, reason = "not every test binary uses all of this")]
impl Cloud {
    /// Sends a request by hand; answers what it said.
    pub fn send(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let url = self.running.as_ref().map(Running::url).unwrap_or_default();
        let request = reqwest::Client::new().request(method.parse().unwrap(), url + path);
        let request = request.bearer_auth(TOKEN);
        let request = body.iter().fold(request, |request, body| request.json(body));
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
        })
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}
