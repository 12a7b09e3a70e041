//! Hetzner Cloud.
//!
//! Below [`client`] is everything that talks to the API; nothing there plans.
//! Request bodies are the models of the crate `hcloud`. Answers are read by the
//! lenient types of [`wire`], as the crate drops response headers and fails on
//! values that it does not know. Only this folder knows either.

pub mod access;
pub mod actions;
pub mod call;
pub mod calls;
pub mod change;
pub mod client;
pub mod error;
pub mod escape;
pub mod labels;
pub mod limit;
pub mod order;
pub mod pages;
pub mod remote;
pub mod retry;
pub mod transport;
pub mod wire;

pub use hcloud::models;
