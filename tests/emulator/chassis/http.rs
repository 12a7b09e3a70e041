//! The way in: connections, admission (token, rate limit, faults), the call of
//! a handler, and answers that are cut off.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::answer::{Answer, Refuse, Trouble};
use super::bodies::Bodies;
use super::call::Call;
use super::clock;
use super::cloud::{Cloud, Frame, Handler, Route};
use super::connection::{Cut, serve_connection};
use super::control;
use super::faults::{Faults, Verdict};
use super::ledger::{Ledger, Outcome};
use super::limit::RateLimit;
use super::store::{self, Keeper, Store};

/// The emulator: its settings, and what changes under one lock.
pub struct Emulator<C: Cloud> {
    settings: C::Settings,
    frame: Frame,
    /// The port it listens on.
    port: u16,
    core: Mutex<Core<C>>,
    store: Option<Store>,
    pub bodies: Bodies,
}

pub struct Core<C: Cloud> {
    pub cloud: C,
    pub ledger: Ledger,
    limit: RateLimit,
    /// How far its time is ahead of the machine's, in milliseconds.
    pub ahead: u64,
}

impl<C: Cloud> Emulator<C> {
    pub fn open(settings: C::Settings, port: u16) -> io::Result<(Arc<Self>, Option<Keeper>)> {
        let frame = C::frame(&settings);
        if let Some(kind) = Faults::unknown(&frame.faults, C::FAULTS) {
            return Err(io::Error::other(format!("{kind:?} is no fault of this platform")));
        }
        let cloud = store::read::<C>(frame.state.as_deref())?.resume(&settings, port);
        let core = Mutex::new(Core::new(cloud, &frame));
        let (store, keeper) = frame.state.clone().map(store::open).unzip();
        let bodies = Bodies::new(frame.bodies.clone(), frame.body_port);
        Ok((Arc::new(Self { settings, frame, port, core, store, bodies }), keeper))
    }

    /// A cloud without objects, as at the start.
    pub fn fresh(&self) -> Core<C> {
        Core::new(C::default().resume(&self.settings, self.port), &self.frame)
    }

    /// The state, with all that is due by now done.
    pub fn core(&self) -> MutexGuard<'_, Core<C>> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now() + core.ahead;
        core.cloud.advance(now);
        core
    }

    /// Waits until the state file holds what is in memory now.
    pub async fn save(&self) -> Result<(), C::Refusal> {
        match &self.store {
            Some(store) if !store.save().await => {
                let message = "the state file cannot be written".to_owned();
                Err(C::Refusal::of(Trouble::Broken, message))
            }
            _ => Ok(()),
        }
    }

    /// Counts a request and says what is to happen to it.
    fn admit(&self, call: &Call) -> Admission<C> {
        let mut core = self.core();
        let now = clock::now() + core.ahead;
        core.ledger.count(&format!("{} {}", call.method, call.template));
        let (mut verdict, mut refusal) = (Verdict::default(), None);
        if let Err(error) = C::authenticate(&self.settings, call) {
            refusal = Some(error);
        } else if !core.limit.take(now) {
            let message = "limit of requests reached".to_owned();
            refusal = Some(C::Refusal::of(Trouble::TooMany, message));
        } else {
            let (method, template) = (call.method.as_str(), call.template);
            verdict = core.cloud.faults().judge(method, template, &call.path);
            refusal = verdict.error.as_ref().map(C::Refusal::scripted).or(refusal);
        }
        let is_limited = refusal.as_ref().is_some_and(|refusal| refusal.status() == 429);
        let wait = verdict.retry_after.filter(|_| is_limited);
        Admission { headers: C::rate_headers(&core.limit, now, wait), verdict, refusal }
    }

    async fn answer(&self, call: Call, handler: Handler<C>) -> Response {
        let Admission { verdict, refusal, headers } = self.admit(&call);
        tokio::time::sleep(self.frame.latency + verdict.delay).await;
        let (outcome, mut response) = match (verdict.cut_before, refusal) {
            (true, _) => (Outcome::CutBefore, Response::default()),
            (false, Some(refusal)) => answered(refuse(&refusal)),
            (false, None) => {
                let result = self.run(&call, handler).await;
                let response = result.unwrap_or_else(|refusal| refuse(&refusal));
                match verdict.cut_after {
                    true => (Outcome::CutAfter, response),
                    false => answered(response),
                }
            }
        };
        if matches!(outcome, Outcome::CutBefore | Outcome::CutAfter) {
            response.extensions_mut().insert(Cut);
        }
        response.headers_mut().extend(headers);
        if let Some(wait) = verdict.retry_after {
            response.headers_mut().insert("Retry-After", HeaderValue::from(wait));
        }
        self.core().ledger.note(call.method.as_str(), &call.path, &outcome);
        response
    }

    /// Does what a request asks for; what it changed is on disk afterwards.
    async fn run(&self, call: &Call, handler: Handler<C>) -> Result<Response, C::Refusal> {
        let request = self.core().cloud.read(call)?;
        let answer = loop {
            let answer = handler(&mut self.core().cloud, &request)?;
            let Some(again_in) = answer.again_in else { break answer };
            tokio::time::sleep(again_in).await;
        };
        if call.method != Method::GET {
            self.save().await?;
        }
        Ok(respond(answer))
    }
}

impl<C: Cloud> Core<C> {
    fn new(mut cloud: C, frame: &Frame) -> Self {
        cloud.faults().0.clone_from(&frame.faults);
        let limit = RateLimit::new(frame.rate);
        Self { cloud, ledger: Ledger::default(), limit, ahead: 0 }
    }
}

/// What is to happen to a request.
struct Admission<C: Cloud> {
    verdict: Verdict,
    refusal: Option<C::Refusal>,
    headers: HeaderMap,
}

fn answered(response: Response) -> (Outcome, Response) {
    (Outcome::Answered(response.status().as_u16()), response)
}

pub fn refuse(refusal: &impl Refuse) -> Response {
    respond(Answer::of(refusal.status(), refusal.body()))
}

pub fn respond(answer: Answer) -> Response {
    let body = match answer.body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    if answer.status != 204 {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert("content-type", json);
    }
    response
}

/// Every endpoint below every prefix, and those of tests.
fn router<C: Cloud>(emulator: &Arc<Emulator<C>>) -> Router {
    let mut router = control::router(emulator);
    for route in C::routes() {
        for prefix in C::PREFIXES {
            let emulator = Arc::clone(emulator);
            let handler =
                move |request: HttpRequest| serve_one(Arc::clone(&emulator), route, request);
            let path = format!("{prefix}{}", route.template);
            router = router.route(&path, on(filter(route.method), handler));
        }
    }
    let trouble = |trouble, message: &'static str| {
        move || async move { refuse(&C::Refusal::of(trouble, message.to_owned())) }
    };
    router
        .fallback(trouble(Trouble::NoEndpoint, "no such endpoint, or not emulated"))
        .method_not_allowed_fallback(trouble(
            Trouble::NoMethod,
            "no such method here, or not emulated",
        ))
}

/// A task of its own: what has arrived is done, whether or not the client
/// lives to hear of it.
async fn serve_one<C: Cloud>(
    emulator: Arc<Emulator<C>>,
    route: Route<C>,
    request: HttpRequest,
) -> Response {
    let call = Call::of(route.template, C::PREFIXES, request).await;
    let answer = tokio::spawn(async move { emulator.answer(call, route.handler).await });
    answer.await.unwrap_or_else(|error| {
        refuse(&C::Refusal::of(Trouble::Broken, format!("emulator: {error}")))
    })
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

/// Serves connections until it is dropped, which closes them all.
pub async fn serve<C: Cloud>(
    listener: TcpListener,
    emulator: Arc<Emulator<C>>,
    keeper: Option<Keeper>,
) {
    let router = router(&emulator);
    let mut tasks = JoinSet::new();
    if let Some(keeper) = keeper {
        let emulator = Arc::clone(&emulator);
        tasks.spawn(async move {
            let text = || serde_json::to_vec(&emulator.core().cloud);
            drop(keeper.keep(text).await);
        });
    }
    let keeper_of_bodies = Arc::clone(&emulator);
    tasks.spawn(async move { keeper_of_bodies.keep_bodies().await });
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                tasks.spawn(serve_connection(stream, router.clone()));
            }
            Some(_) = tasks.join_next() => {}
            else => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
