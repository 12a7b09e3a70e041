//! What every emulator of a cloud stands on: connections and their cuts, admission,
//! faults, counts, the state file, bodies of machines, endpoints of tests.
//!
//! It knows nothing of any platform: one says what it is by `Cloud`. As in each
//! emulator, time is read, never waited for: whoever looks settles first.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub mod answer;
pub mod arguments;
pub mod bodies;
pub mod call;
pub mod clock;
pub mod cloud;
pub mod connection;
mod control;
pub mod faults;
mod http;
pub mod ledger;
pub mod limit;
mod store;
pub mod times;

use cloud::Cloud;
use http::Emulator;

/// An emulator that listens; it ends when this is stopped or dropped.
pub struct Running<C: Cloud> {
    pub address: SocketAddr,
    emulator: Arc<Emulator<C>>,
    task: JoinHandle<()>,
}

impl<C: Cloud> Running<C> {
    /// The endpoint that clients take.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn stop(self) {
        self.task.abort();
        self.emulator.bodies.stop_all().await;
    }
}

impl<C: Cloud> Drop for Running<C> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts an emulator on an address; port 0 takes a free one.
pub async fn start<C: Cloud>(listen: SocketAddr, settings: C::Settings) -> io::Result<Running<C>> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let (emulator, keeper) = Emulator::open(settings, address.port())?;
    let task = tokio::spawn(http::serve(listener, Arc::clone(&emulator), keeper));
    Ok(Running { address, emulator, task })
}
