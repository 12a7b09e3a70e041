//! This platform on the chassis: who may come in, how requests are read, and
//! what is told of the rate limit.

use axum::http::header::HeaderValue;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use super::answer::Refusal;
use super::chassis::bodies::Wanted;
use super::chassis::call::Call;
use super::chassis::cloud::{Cloud, Frame, Route};
use super::chassis::faults::{Faults, Kind};
use super::chassis::limit::RateLimit;
use super::project::{Project, Terms};
use super::request::Request;
use super::routes;
use super::servers::Status;
use super::settings::Settings;

impl Cloud for Project {
    type Settings = Settings;
    type Request = Request;
    type Refusal = Refusal;

    const PREFIXES: &'static [&'static str] = &["", "/v1"];
    const FAULTS: &'static [Kind] = &[
        Kind::Status,
        Kind::CutBefore,
        Kind::CutAfter,
        Kind::Delay,
        Kind::Locked,
        Kind::NoCapacity,
        Kind::ActionFails,
    ];

    fn routes() -> Vec<Route<Self>> {
        routes::all().collect()
    }

    fn frame(settings: &Settings) -> Frame {
        settings.frame()
    }

    fn resume(self, settings: &Settings, port: u16) -> Self {
        self.resume(Terms {
            action_times: settings.action_times.clone(),
            server_limit: settings.server_limit,
            lingering_deletes: settings.lingering_deletes,
            body_net: settings.bodies.as_ref().map(|_| port.to_be_bytes()),
        })
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        self.settle();
    }

    /// Checks the token: who may come in, and who may only read.
    fn authenticate(settings: &Settings, call: &Call) -> Result<(), Refusal> {
        let given = call.token();
        if settings.readonly_token.as_deref() == Some(given) {
            return match call.method == Method::GET {
                true => Ok(()),
                false => Err(Refusal::new("token_readonly", "token is only allowed to read")),
            };
        }
        match settings.token.as_deref() {
            Some(token) if token == given => Ok(()),
            None if !given.is_empty() => Ok(()),
            _ => Err(Refusal::new("unauthorized", "unable to authenticate")),
        }
    }

    fn read(&self, call: &Call) -> Result<Request, Refusal> {
        let (mut id, mut action_id) = (0, 0);
        for (name, value) in call.parameters() {
            let missing = || Refusal::new("not_found", format!("'{value}' is not an ID"));
            let number = value.parse().map_err(|_| missing())?;
            *if name == "id" { &mut id } else { &mut action_id } = number;
        }
        let (query, body) = (call.query(), call.body()?);
        Ok(Request { template: call.template, id, action_id, query, body })
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
        self.set_status(body, Status::Off);
    }

    /// `RateLimit-Reset` is when everything is refilled.
    fn rate_headers(limit: &RateLimit, now: u64, wait: Option<u64>) -> HeaderMap {
        let (remaining, reset) = match wait {
            Some(wait) => (0, now / 1000 + wait),
            None => (limit.remaining(), limit.full_at(now)),
        };
        let mut headers = HeaderMap::new();
        let hourly = u64::from(limit.rate.requests);
        headers.insert("RateLimit-Limit", HeaderValue::from(hourly));
        headers.insert("RateLimit-Remaining", HeaderValue::from(remaining));
        headers.insert("RateLimit-Reset", HeaderValue::from(reset));
        headers
    }
}
