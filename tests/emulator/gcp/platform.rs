//! This platform on the chassis: who may come in, and how requests are read.

use serde_json::Value;

use super::chassis::bodies::Wanted;
use super::chassis::call::Call;
use super::chassis::cloud::{Cloud, Frame, Route};
use super::chassis::faults::{Faults, Kind};
use super::compute::{Compute, Terms};
use super::refusal::Refusal;
use super::request::Request;
use super::routes;
use super::settings::Settings;

impl Cloud for Compute {
    type Settings = Settings;
    type Request = Request;
    type Refusal = Refusal;

    const PREFIXES: &'static [&'static str] = &["/compute/v1", ""];
    const FAULTS: &'static [Kind] = &[
        Kind::Status,
        Kind::CutBefore,
        Kind::CutAfter,
        Kind::Delay,
        Kind::NoCapacity,
        Kind::QuotaExceeded,
        Kind::ActionFails,
        Kind::Partial,
    ];

    fn routes() -> Vec<Route<Self>> {
        let endpoints = routes::all();
        endpoints
            .map(|e| Route { method: e.method, template: e.template, handler: routes::dispatch })
            .collect()
    }

    fn frame(settings: &Settings) -> Frame {
        settings.frame.clone()
    }

    fn resume(self, settings: &Settings, port: u16) -> Self {
        self.resume(Terms {
            project: settings.project.clone(),
            operation_times: settings.operation_times.clone(),
            cpu_quota: settings.cpu_quota,
            body_net: settings.frame.bodies.as_ref().map(|_| port.to_be_bytes()),
            bodies: settings.frame.bodies.clone(),
        })
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        self.settle();
    }

    fn authenticate(settings: &Settings, call: &Call) -> Result<(), Refusal> {
        match settings.token.as_deref() {
            Some(token) if token != call.token() => Err(Refusal::unauthenticated()),
            _ => Ok(()),
        }
    }

    fn read(&self, call: &Call) -> Result<Request, Refusal> {
        Request::read(call, self.now)
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    fn draw_all(&self) -> Value {
        self.draw_all()
    }

    fn bodies(&self) -> Wanted {
        self.wanted_bodies()
    }

    fn went_down(&mut self, body: u64) {
        self.guest_went_down(body);
    }
}
