//! A machine that is reached over SSH, as every platform with real machines has it.
//!
//! Whoever runs a command logs in as that user: no `sudo` stands between, so that
//! signals, exit codes and streams are those of the command itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    ConsoleRequest, Exec, ExecIo, ExecOutcome, ExecRequest, Machine, Ports, ProviderError,
    ProviderErrorKind,
};
use crate::ssh::{Command, Connections, Endpoint, HostKey};
use crate::tty::Terminal;

/// A login shell, whichever the user has.
const LOGIN_SHELL: [&str; 3] = ["/bin/sh", "-c", r#"exec "${SHELL:-/bin/sh}" -l"#];

/// A machine that is reached over SSH.
#[derive(Clone)]
pub struct Guest {
    pub address: IpAddr,
    pub port: u16,
    /// The host keys that it may show.
    pub pins: Vec<HostKey>,
    pub users: Users,
    pub connections: Connections,
}

/// Who runs commands on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    pub ordinary: String,
    pub system: String,
}

impl Default for Users {
    /// Returns those that sandplan makes.
    fn default() -> Self {
        Self { ordinary: "agent".to_owned(), system: "root".to_owned() }
    }
}

impl Guest {
    /// Returns where an ordinary user logs in, or root.
    pub fn endpoint(&self, as_root: bool) -> Endpoint {
        let user = if as_root { &self.users.system } else { &self.users.ordinary };
        let user = user.clone();
        Endpoint { address: self.address, port: self.port, user, pins: self.pins.clone() }
    }

    /// Opens a shell on a terminal that need not be this process's own.
    pub async fn console_on(
        &self,
        request: &ConsoleRequest,
        terminal: &Terminal,
    ) -> Result<i32, ProviderError> {
        let endpoint = self.endpoint(request.machine.as_root);
        self.connections.console(&endpoint, terminal, &request.term).await
    }
}

#[async_trait]
impl Exec for Guest {
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError> {
        let ExecRequest { machine, argv, env, workdir, timeout, io } = request;
        let command = Command { argv, env, workdir };
        let endpoint = self.endpoint(machine.as_root);
        self.connections.exec(&endpoint, &command, io, timeout).await
    }

    async fn console(&self, request: ConsoleRequest) -> Result<i32, ProviderError> {
        if let Some(terminal) = Terminal::of_this_process().map_err(no_terminal)? {
            return self.console_on(&request, &terminal).await;
        }
        let shell = ExecRequest {
            machine: request.machine,
            argv: LOGIN_SHELL.map(str::to_owned).into(),
            env: BTreeMap::new(),
            workdir: None,
            timeout: None,
            io: ExecIo::Inherit,
        };
        Ok(Exec::exec(self, shell).await?.code)
    }
}

#[async_trait]
impl Ports for Guest {
    async fn forward(
        &self,
        machine: &Machine,
        from: TcpListener,
        to: u16,
        problems: UnboundedSender<String>,
    ) -> Result<(), ProviderError> {
        let report = |problem: ProviderError| {
            let _ = problems.send(problem.message);
        };
        let endpoint = self.endpoint(machine.as_root);
        Err(self.connections.forward(&endpoint, from, to, &report).await)
    }
}

fn no_terminal(error: std::io::Error) -> ProviderError {
    let message = format!("The terminal could not be joined to the sandbox: {error}.");
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}

#[cfg(test)]
mod tests;
