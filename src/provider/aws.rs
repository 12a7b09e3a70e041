//! Amazon EC2.
//!
//! Below [`client`] is everything that talks to the API; nothing there plans.
//! Answers are read into the plain data of [`wire`]. Only this folder knows the SDK.

pub mod access;
pub mod account;
pub mod call;
pub mod calls;
pub mod client;
pub mod error;
pub mod labels;
pub mod retry;
pub mod wire;
