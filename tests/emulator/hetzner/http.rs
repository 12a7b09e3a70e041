//! The way in: connections, admission (token, rate limit, faults), the call of
//! a handler, and answers that are cut off.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::answer::{Answer, Refusal};
use super::bodies::Bodies;
use super::clock;
use super::control;
use super::faults::{Faults, Verdict};
use super::ledger::{Ledger, Outcome};
use super::limit::{RateLimit, rate_headers};
use super::project::{Project, Terms};
use super::request::Request;
use super::routes::{self, Route};
use super::settings::Settings;
use super::store::{self, Keeper, Store};

const MOST_BODY: usize = 1024 * 1024;

/// The emulator: its settings, and what changes under one lock.
pub struct Emulator {
    pub settings: Settings,
    /// The port it listens on.
    port: u16,
    pub core: Mutex<Core>,
    store: Option<Store>,
    pub bodies: Bodies,
}

pub struct Core {
    pub project: Project,
    pub ledger: Ledger,
    pub limit: RateLimit,
}

/// Marks an answer that must not be sent: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
struct Cut;

impl Emulator {
    pub fn open(settings: Settings, port: u16) -> io::Result<(Arc<Self>, Option<Keeper>)> {
        let project = store::read(settings.state.as_deref())?;
        let (store, keeper) = settings.state.clone().map(store::open).unzip();
        let core = Core::new(project, &settings, port);
        let bodies = Bodies::new(settings.bodies.clone(), settings.body_port);
        let emulator = Self { settings, port, core: Mutex::new(core), store, bodies };
        Ok((Arc::new(emulator), keeper))
    }

    /// A project without objects, as at the start.
    pub fn fresh(&self) -> Core {
        Core::new(Project::default(), &self.settings, self.port)
    }

    /// The state, with all that is due by now done.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.project.now = clock::now();
        core.project.settle();
        core
    }

    /// Waits until the state file holds what is in memory now.
    pub async fn save(&self) -> Result<(), Refusal> {
        match &self.store {
            Some(store) if !store.save().await => {
                Err(Refusal::new("server_error", "the state file cannot be written"))
            }
            _ => Ok(()),
        }
    }

    /// Checks the token: who may come in, and who may only read.
    fn authenticate(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if self.settings.readonly_token.as_deref() == Some(given) {
            return match method == Method::GET {
                true => Ok(()),
                false => Err(Refusal::new("token_readonly", "token is only allowed to read")),
            };
        }
        match self.settings.token.as_deref() {
            Some(token) if token == given => Ok(()),
            None if !given.is_empty() => Ok(()),
            _ => Err(Refusal::new("unauthorized", "unable to authenticate")),
        }
    }

    /// Counts a request and says what is to happen to it.
    fn admit(&self, call: &Call) -> (Verdict, HeaderMap) {
        let mut core = self.core();
        let now = core.project.now;
        core.ledger.count(call.method.as_str(), call.route.template);
        let mut verdict = Verdict::default();
        if let Err(refusal) = self.authenticate(&call.method, &call.headers) {
            verdict.refusal = Some(refusal);
        } else if !core.limit.take(now) {
            let message = "limit of requests per hour reached";
            verdict.refusal = Some(Refusal::new("rate_limit_exceeded", message));
        } else {
            let (method, template) = (call.method.as_str(), call.route.template);
            verdict = core.project.faults.judge(method, template, &call.path);
        }
        let headers = match &verdict.refusal {
            Some(refusal) if refusal.status == 429 && verdict.retry_after.is_some() => {
                let wait = verdict.retry_after.unwrap_or_default();
                rate_headers(u64::from(self.settings.rate_limit), 0, now / 1000 + wait)
            }
            _ => core.limit.headers(now),
        };
        (verdict, headers)
    }

    async fn answer(&self, call: Call) -> Response {
        let (verdict, headers) = self.admit(&call);
        tokio::time::sleep(self.settings.latency + verdict.delay).await;
        let (method, path) = (call.method.to_string(), call.path.clone());
        let (outcome, mut response) = match (verdict.cut_before, verdict.refusal) {
            (true, _) => (Outcome::CutBefore, Response::default()),
            (false, Some(refusal)) => answered(refuse(&refusal)),
            (false, None) => {
                let result = self.run(call).await;
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
        self.core().ledger.note(&method, &path, &outcome);
        response
    }

    /// Does what a request asks for; what it changed is on disk afterwards.
    async fn run(&self, call: Call) -> Result<Response, Refusal> {
        let writes = call.method != Method::GET;
        let handler = call.route.handler;
        let request = call.read()?;
        let answer = handler(&mut self.core().project, &request)?;
        if writes {
            self.save().await?;
        }
        Ok(respond(answer))
    }
}

impl Core {
    pub fn new(project: Project, settings: &Settings, port: u16) -> Self {
        let terms = Terms {
            action_times: settings.action_times.clone(),
            server_limit: settings.server_limit,
            lingering_deletes: settings.lingering_deletes,
            body_net: settings.bodies.as_ref().map(|_| port.to_be_bytes()),
        };
        let faults = Faults(settings.faults.clone());
        Self {
            project: project.resume(terms, faults),
            ledger: Ledger::default(),
            limit: RateLimit::new(settings.rate_limit),
        }
    }
}

/// A request before its fields are read.
struct Call {
    route: Route,
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    async fn of(route: Route, request: HttpRequest) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        Self {
            route,
            method: parts.method,
            path: path.strip_prefix("/v1").unwrap_or(path).to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: to_bytes(body, MOST_BODY).await.unwrap_or_default(),
        }
    }

    fn read(&self) -> Result<Request, Refusal> {
        let pairs = self.route.template.split('/').zip(self.path.split('/'));
        let (mut id, mut action_id) = (0, 0);
        for (name, value) in pairs.filter(|(name, _)| name.starts_with('{')) {
            let missing = || Refusal::new("not_found", format!("'{value}' is not an ID"));
            let number = value.parse().map_err(|_| missing())?;
            *if name == "{id}" { &mut id } else { &mut action_id } = number;
        }
        let (query, body) = (read_query(&self.query), read_body(&self.body)?);
        Ok(Request { template: self.route.template, id, action_id, query, body })
    }
}

fn read_query(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn read_body(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(Refusal::new("invalid_input", "the body has to be an object")),
        Err(error) => Err(Refusal::new("json_error", error.to_string())),
    }
}

fn answered(response: Response) -> (Outcome, Response) {
    (Outcome::Answered(response.status().as_u16()), response)
}

pub fn refuse(refusal: &Refusal) -> Response {
    respond(Answer { status: refusal.status, body: refusal.body() })
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

/// Every endpoint, with and without `/v1`, and those of tests.
fn router(emulator: &Arc<Emulator>) -> Router {
    let mut router = control::router(emulator);
    for route in routes::all() {
        for prefix in ["", "/v1"] {
            let emulator = Arc::clone(emulator);
            let handler = move |request: HttpRequest| async move {
                let call = Call::of(route, request).await;
                // A task of its own: what has arrived is done, whether or not
                // the client lives to hear of it.
                let answer = tokio::spawn(async move { emulator.answer(call).await });
                answer.await.unwrap_or_else(|error| {
                    refuse(&Refusal::new("server_error", format!("emulator: {error}")))
                })
            };
            let path = format!("{prefix}{}", route.template);
            router = router.route(&path, on(filter(route.method), handler));
        }
    }
    router
        .fallback(async || refuse(&Refusal::new("not_found", "no such endpoint, or not emulated")))
        .method_not_allowed_fallback(async || {
            refuse(&Refusal::new("method_not_allowed", "no such method here, or not emulated"))
        })
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

/// Serves connections until it is dropped, which closes them all.
pub async fn serve(listener: TcpListener, emulator: Arc<Emulator>, keeper: Option<Keeper>) {
    let router = router(&emulator);
    let mut tasks = JoinSet::new();
    if let Some(keeper) = keeper {
        let emulator = Arc::clone(&emulator);
        tasks.spawn(async move {
            let text = || serde_json::to_vec(&emulator.core().project);
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

async fn serve_connection(stream: TcpStream, router: Router) {
    drop(stream.set_nodelay(true));
    let service = hyper::service::service_fn(move |request: hyper::Request<_>| {
        let router = router.clone();
        async move {
            let response: Result<Response, Infallible> = router.oneshot(request).await;
            match response {
                Ok(response) if response.extensions().get::<Cut>().is_none() => Ok(response),
                _ => Err(io::Error::other("cut")),
            }
        }
    });
    let http = hyper::server::conn::http1::Builder::new();
    drop(http.serve_connection(TokioIo::new(stream), service).await);
}
