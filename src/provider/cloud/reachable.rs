//! Commands, consoles and ports of whatever is reached over SSH.

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

use crate::provider::guest::Guest;
use crate::provider::{
    ConsoleRequest, Exec, ExecOutcome, ExecRequest, Machine, Ports, ProviderError,
};

/// Connects to machines.
#[async_trait]
pub trait Reachable: Send + Sync {
    /// Connects to a machine, whose host key is the one that is known.
    async fn guest(&self, machine: &Machine) -> Result<Guest, ProviderError>;
}

#[async_trait]
impl<T: Reachable> Exec for T {
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError> {
        self.guest(&request.machine).await?.exec(request).await
    }

    async fn console(&self, request: ConsoleRequest) -> Result<i32, ProviderError> {
        self.guest(&request.machine).await?.console(request).await
    }
}

#[async_trait]
impl<T: Reachable> Ports for T {
    async fn forward(
        &self,
        machine: &Machine,
        from: TcpListener,
        to: u16,
        problems: UnboundedSender<String>,
    ) -> Result<(), ProviderError> {
        self.guest(machine).await?.forward(machine, from, to, problems).await
    }
}
