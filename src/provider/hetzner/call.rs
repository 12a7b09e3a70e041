//! One call of the API as plain data.

use reqwest::Method;
use serde::Serialize;

use super::error::{CallError, Failure};

/// What a second sending of the same call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It reads.
    Read,
    /// It changes things, and a second time has no further effect.
    Repeatable,
    /// A second time would make or change something again.
    Once,
}

/// One call: what to send, and what it is for.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// Below the endpoint, such as `servers/42`.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Option<Vec<u8>>,
    pub safety: Safety,
    /// What it does, for users: "create the server `web`".
    pub purpose: String,
}

impl Call {
    /// Reads something.
    pub fn get(path: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), Safety::Read, purpose.into())
    }

    /// Deletes something.
    pub fn delete(path: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into(), Safety::Repeatable, purpose.into())
    }

    /// Sets attributes of something.
    pub fn put(path: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self::new(Method::PUT, path.into(), Safety::Repeatable, purpose.into())
    }

    /// Makes something, or starts an action.
    pub fn post(path: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into(), Safety::Once, purpose.into())
    }

    fn new(method: Method, path: String, safety: Safety, purpose: String) -> Self {
        Self { method, path, query: Vec::new(), body: None, safety, purpose }
    }

    /// Says that sending it twice does no harm.
    pub fn repeatable(self) -> Self {
        Self { safety: Safety::Repeatable, ..self }
    }

    /// Adds parameters.
    pub fn query(mut self, pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.query.extend(pairs);
        self
    }

    /// Gives it a body.
    pub fn body(self, body: &impl Serialize) -> Result<Self, CallError> {
        match serde_json::to_vec(body) {
            Ok(body) => Ok(Self { body: Some(body), ..self }),
            Err(error) => Err(CallError::of(&self, Failure::NotSent(error.to_string()))),
        }
    }
}
