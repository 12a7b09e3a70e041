//! The way in: connections, admission (credentials, faults), and answers that
//! are cut off.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::call::Call;
use super::chassis::connection::{Cut, serve_connection};
use super::control;
use super::faults::Verdict;
use super::ledger::Outcome;
use super::order;
use super::proxy::{Proxy, request_id};
use super::refusal::Refusal;
use super::upstream::Reply;

impl Proxy {
    /// Counts a request and says what is to happen to it.
    fn admit(&self, call: &Call) -> (Verdict, Option<Refusal>) {
        let mut core = self.core();
        core.ledger.count(&call.action);
        if let Err(refusal) = self.authenticate(call) {
            return (Verdict::default(), Some(refusal));
        }
        core.regions.insert(call.region.clone());
        let verdict = core.faults.judge(&call.action, &call.region, &call.region);
        let refusal = verdict.error.as_ref().map(order::of_request);
        (verdict, refusal)
    }

    async fn answer(&self, call: Call) -> Response {
        let (verdict, refusal) = self.admit(&call);
        tokio::time::sleep(self.settings.latency + verdict.delay).await;
        let (outcome, mut response) = match (verdict.cut_before, refusal) {
            (true, _) => (Outcome::CutBefore, Response::default()),
            (false, Some(refusal)) => answered(refuse(&refusal, &call.service)),
            (false, None) => {
                let result = self.run(&call).await;
                let response =
                    result.map_or_else(|refusal| refuse(&refusal, &call.service), respond);
                match verdict.cut_after {
                    true => (Outcome::CutAfter, response),
                    false => answered(response),
                }
            }
        };
        if matches!(outcome, Outcome::CutBefore | Outcome::CutAfter) {
            response.extensions_mut().insert(Cut);
        }
        self.core().ledger.note(&call.action, &call.region, &outcome);
        response
    }
}

fn answered(response: Response) -> (Outcome, Response) {
    (Outcome::Answered(response.status().as_u16()), response)
}

fn refuse(refusal: &Refusal, service: &str) -> Response {
    let request = request_id();
    let (content_type, body) = refusal.body(service, &request);
    let reply =
        Reply { status: refusal.status, content_type: content_type.to_owned(), body: body.into() };
    let mut response = respond(reply);
    if let Ok(request) = HeaderValue::from_str(&request) {
        response.headers_mut().insert("x-amzn-requestid", request);
    }
    response
}

fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    if let Ok(content_type) = HeaderValue::from_str(&reply.content_type) {
        response.headers_mut().insert("content-type", content_type);
    }
    response
}

fn router(proxy: &Arc<Proxy>) -> Router {
    let proxy_of_calls = Arc::clone(proxy);
    control::router(proxy).fallback(move |request: Request| async move {
        let call = Call::of(request).await;
        let service = call.service.clone();
        // A task of its own: what has arrived is done, whether or not the
        // client lives to hear of it.
        let answer = tokio::spawn(async move { proxy_of_calls.answer(call).await });
        answer.await.unwrap_or_else(|error| {
            refuse(&Refusal::new("InternalError", format!("emulator: {error}")), &service)
        })
    })
}

/// Serves connections until it is dropped, which closes them all.
pub async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    let router = router(&proxy);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { proxy.keep_bodies().await });
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
