//! Connections to machines over SSH, each with a pinned host key.
//!
//! A server proves that it holds one of the keys that the caller knows before a
//! user name, a signature or a byte of data goes to it; nothing is trusted on
//! first use. Commands, shells and forwarded ports of one user share a
//! connection. Nothing here reads the environment, and nothing outside of this
//! folder knows the library that speaks the protocol.
//!
//! What a connection cannot do is end a command whose connection is lost: its
//! error then says that nobody knows what became of it.

pub mod access_key;
mod channel;
mod console;
mod dial;
mod endpoint;
mod exec;
mod forward;
pub mod host_key;
mod identities;
mod link;
mod login;
mod pool;
mod reach;
mod script;
mod streams;

pub use self::endpoint::Endpoint;
pub use self::exec::Command;
pub use self::host_key::HostKey;
pub use self::identities::Identities;
pub use self::pool::Connections;

#[cfg(test)]
pub mod tests;
