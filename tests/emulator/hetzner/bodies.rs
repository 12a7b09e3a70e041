//! Bodies of servers: see the module that follows.

use std::path::PathBuf;

use super::http::Emulator;

pub struct Bodies {
    _directory: Option<PathBuf>,
}

impl Bodies {
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { _directory: directory }
    }

    pub async fn stop_all(&self) {}
}

impl Emulator {
    pub async fn keep_bodies(&self) {}
}
