//! A Google Cloud of a test's own: the emulator, in this process.

use std::process::Command;

use tokio::runtime::Runtime;

use crate::google_emulator::{Running, start};

/// An emulator that runs while this lives. It takes any credentials.
pub struct Google {
    running: Option<Running>,
    runtime: Runtime,
}

impl Google {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let running = runtime.block_on(start(listen, Default::default())).unwrap();
        Self { running: Some(running), runtime }
    }

    /// Tells a command where the cloud is.
    pub fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let url = self.running.as_ref().map(Running::url).unwrap_or_default();
        command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", url);
        command.env("GOOGLE_CLOUD_PROJECT", "proving-ground")
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}
