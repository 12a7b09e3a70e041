//! What EC2 does and moto does not: a proxy in front of the real moto server.
//!
//! moto keeps the objects; the proxy adds credentials, tokens, time, limits,
//! faults and guests. It is an independent reading of the API's documentation
//! and shares no code with sandplan.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[path = "../chassis/mod.rs"]
pub mod chassis;

mod call;
mod catalogue;
mod change;
mod control;
mod core;
mod describe;
pub mod form;
mod guests;
mod http;
mod images;
mod machines;
pub mod moto;
mod objects;
mod order;
mod power;
mod proxy;
mod refusal;
mod run;
pub mod settings;
mod spot;
mod upstream;
pub mod xml;

use chassis::{bodies, clock, faults, ledger};
use proxy::Proxy;
use settings::Settings;

/// A proxy that listens; it ends when this is stopped or dropped.
pub struct Running {
    pub address: SocketAddr,
    proxy: Arc<Proxy>,
    task: JoinHandle<()>,
}

impl Running {
    /// The endpoint that clients take.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn stop(self) {
        self.task.abort();
        self.proxy.bodies.stop_all().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a proxy on an address; port 0 takes a free one.
pub async fn start(listen: SocketAddr, settings: Settings) -> io::Result<Running> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let proxy = Proxy::new(settings, address.port());
    let task = tokio::spawn(http::serve(listener, Arc::clone(&proxy)));
    Ok(Running { address, proxy, task })
}
