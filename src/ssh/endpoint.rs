//! Where a machine is reached, as whom, and by which host keys it is known.

use std::fmt;
use std::net::IpAddr;

use super::HostKey;

/// Where a machine is reached, as whom, and by which host keys it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: u16,
    pub user: String,
    /// The keys that the server may show; any other ends the connection. Several
    /// while a key is being replaced.
    pub pins: Vec<HostKey>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, std::net::SocketAddr::new(self.address, self.port))
    }
}
