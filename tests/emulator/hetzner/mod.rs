//! An emulator of the Hetzner Cloud API: stateful, with time and faults.
//!
//! It is an independent reading of the API's own document and shares no code
//! with sandplan. One module a resource; `routes` is the table of endpoints,
//! `project` all objects, `actions` what takes time, `http` the way in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub mod actions;
pub mod answer;
mod bodies;
mod clock;
mod control;
pub mod faults;
mod firewall_rules;
mod firewalls;
mod http;
mod images;
mod labels;
mod ledger;
mod limit;
mod locations;
mod pages;
mod placement_groups;
mod pricing;
mod primary_ips;
mod project;
mod request;
mod routes;
mod server_types;
mod servers;
pub mod settings;
mod ssh_keys;
mod store;
mod unserved;

use http::Emulator;
use settings::Settings;

/// An emulator that listens; it ends when this is stopped or dropped.
pub struct Running {
    pub address: SocketAddr,
    emulator: Arc<Emulator>,
    task: JoinHandle<()>,
}

impl Running {
    /// The endpoint that clients take.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn stop(self) {
        self.task.abort();
        self.emulator.bodies.stop_all().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts an emulator on an address; port 0 takes a free one.
pub async fn start(listen: SocketAddr, settings: Settings) -> io::Result<Running> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let (emulator, keeper) = Emulator::open(settings, address.port())?;
    let task = tokio::spawn(http::serve(listener, Arc::clone(&emulator), keeper));
    Ok(Running { address, emulator, task })
}
