//! What a platform has to say of itself to be emulated.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, Refuse};
use super::bodies::Wanted;
use super::call::Call;
use super::faults::{Fault, Faults, Kind};
use super::limit::{Rate, RateLimit};

pub type Handler<C> = fn(&mut C, &<C as Cloud>::Request) -> Result<Answer, <C as Cloud>::Refusal>;

/// An endpoint: a method, a path template, a function.
pub struct Route<C: Cloud> {
    pub method: &'static str,
    pub template: &'static str,
    pub handler: Handler<C>,
}

impl<C: Cloud> Clone for Route<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Cloud> Copy for Route<C> {}

/// What can be chosen of every emulator.
#[derive(Clone, Default)]
pub struct Frame {
    pub latency: Duration,
    pub rate: Rate,
    pub state: Option<PathBuf>,
    pub faults: Vec<Fault>,
    /// Where bodies of machines are kept; none gives machines no body.
    pub bodies: Option<PathBuf>,
    /// The port of their sshd.
    pub body_port: u16,
}

/// All objects of a platform and what happens to them: this is what a state
/// file holds, and what handlers work on.
pub trait Cloud: Default + Serialize + DeserializeOwned + Send + 'static {
    type Settings: Send + Sync + 'static;
    type Request: Send + Sync;
    type Refusal: Refuse;

    /// What paths may begin with before the template.
    const PREFIXES: &'static [&'static str];
    /// The faults that mean something here.
    const FAULTS: &'static [Kind];

    fn routes() -> Vec<Route<Self>>;
    fn frame(settings: &Self::Settings) -> Frame;
    /// Makes ready what a state file does not hold.
    fn resume(self, settings: &Self::Settings, port: u16) -> Self;
    /// Does what is due by now (milliseconds since 1970).
    fn advance(&mut self, now: u64);
    fn authenticate(settings: &Self::Settings, call: &Call) -> Result<(), Self::Refusal>;
    fn read(&self, call: &Call) -> Result<Self::Request, Self::Refusal>;
    fn faults(&mut self) -> &mut Faults;
    /// Everything, as the API draws it, for tests.
    fn draw_all(&self) -> Value;
    /// What bodies there should be.
    fn bodies(&self) -> Wanted;
    /// The guest with this body has gone down by itself.
    fn went_down(&mut self, body: u64);

    /// What is told of the rate limit; `wait` (seconds) is a scripted one.
    fn rate_headers(_limit: &RateLimit, _now: u64, _wait: Option<u64>) -> HeaderMap {
        HeaderMap::new()
    }
}
