//! Google Compute Engine.
//!
//! Below [`client`] is everything that talks to the API, through Google's own client
//! library; nothing there plans. Only this folder knows that library.

pub mod access;
pub mod call;
pub mod calls;
pub mod client;
pub mod credentials;
pub mod error;
pub mod operations;
pub mod retry;
pub mod services;
pub mod wire;
