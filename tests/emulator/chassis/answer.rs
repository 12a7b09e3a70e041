//! What handlers give back: answers, and what all refusals have in common.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;

use super::faults::Fault;

/// What a handler gives back when it did what was asked.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Null for an answer without a body (204).
    pub body: Value,
    /// There is no answer yet: the handler wants to be asked again after this.
    pub again_in: Option<Duration>,
}

impl Answer {
    pub fn of(status: u16, body: Value) -> Self {
        Self { status, body, again_in: None }
    }

    pub fn ok<R>(body: Value) -> Result<Self, R> {
        Ok(Self::of(200, body))
    }

    pub fn created<R>(body: Value) -> Result<Self, R> {
        Ok(Self::of(201, body))
    }

    pub fn nothing<R>() -> Result<Self, R> {
        Ok(Self::of(204, Value::Null))
    }

    pub fn later<R>(again_in: Duration) -> Result<Self, R> {
        Ok(Self { again_in: Some(again_in), ..Self::of(200, Value::Null) })
    }
}

/// What can be wrong with a request on any platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The body is not JSON.
    Json,
    /// The body is JSON, but no object.
    Shape,
    NoEndpoint,
    NoMethod,
    TooMany,
    /// The emulator itself is at fault.
    Broken,
}

/// An error in the words of a platform.
pub trait Refuse: Debug + Send + 'static {
    fn of(trouble: Trouble, message: String) -> Self;
    /// What a scripted fault answers.
    fn scripted(fault: &Fault) -> Self;
    fn status(&self) -> u16;
    fn body(&self) -> Value;
}
