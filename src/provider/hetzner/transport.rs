//! One exchange with the API: a call out, a whole answer or a failure back.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use tokio::sync::Semaphore;

use super::access::Access;
use super::call::Call;
use super::error::{Failure, Refusal, excerpt};
use super::limit::{self, Gate};
use crate::provider::{ProviderError, ProviderErrorKind};

/// Answers beyond this size are refused.
const MOST_BODY: usize = 16 * 1024 * 1024;

/// Time-outs and the number of calls in flight.
#[derive(Debug, Clone)]
pub struct Bounds {
    pub parallel: usize,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { parallel: 8, timeout: Duration::from_secs(30) }
    }
}

/// The body of a successful answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// Says why the answer cannot be used.
    pub fn strange(&self, why: impl std::fmt::Display) -> Failure {
        Failure::Strange { status: self.status, why: format!("{why}; {}", excerpt(&self.body)) }
    }
}

/// The HTTP client, its address, and the slots for calls in flight.
pub struct Transport {
    http: reqwest::Client,
    endpoint: Url,
    slots: Semaphore,
    timeout: Duration,
}

impl Transport {
    /// Prepares connections; opens none.
    pub fn new(access: &Access, bounds: &Bounds) -> Result<Self, ProviderError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(&access.user_agent)
            .default_headers(headers(access)?)
            .timeout(bounds.timeout)
            .connect_timeout(bounds.timeout.min(Duration::from_secs(10)))
            .pool_idle_timeout(Duration::from_secs(20))
            .redirect(Policy::none());
        if access.is_local() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| {
            let message = format!("The HTTP client could not be made: {}.", root_cause(&error));
            ProviderError::new(ProviderErrorKind::Unavailable, message)
        })?;
        let slots = Semaphore::new(bounds.parallel.max(1));
        Ok(Self { http, endpoint: access.endpoint.clone(), slots, timeout: bounds.timeout })
    }

    /// Sends a call, waits for its whole answer, and notes the rate limit.
    pub async fn exchange(&self, call: &Call, gate: &Gate) -> Result<Answer, Failure> {
        let _slot =
            self.slots.acquire().await.map_err(|error| Failure::NotSent(error.to_string()))?;
        let sent = self.request(call).send().await;
        let response = sent.map_err(|error| self.failure(&error))?;
        gate.observe(response.headers());
        let status = response.status();
        let retry_after = limit::retry_after(response.headers(), Timestamp::now());
        let body = self.read(response).await?;
        tracing::debug!(method = %call.method, path = call.path, status = status.as_u16(), "hetzner");
        match status.as_u16() {
            status @ 200..=299 => Ok(Answer { status, body }),
            status @ 300..=399 => {
                Err(Failure::Strange { status, why: "it sends the caller elsewhere".to_owned() })
            }
            status => Err(Failure::Refused(Refusal::read(status, &body, retry_after))),
        }
    }

    fn request(&self, call: &Call) -> reqwest::RequestBuilder {
        let url = format!("{}/{}", self.endpoint.as_str().trim_end_matches('/'), call.path);
        let mut request = self.http.request(call.method.clone(), url);
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        match &call.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => request,
        }
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BODY {
                let why = format!("it is larger than {} MiB", MOST_BODY >> 20);
                return Err(Failure::Strange { status: response.status().as_u16(), why });
            }
        }
        Ok(body)
    }

    /// Tells apart what was not sent, what came too late, and what was cut.
    fn failure(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() || error.is_builder() {
            let host = self.endpoint.host_str().unwrap_or_default();
            Failure::NotSent(format!("{host}: {}", root_cause(error)))
        } else if error.is_timeout() {
            Failure::TimedOut(self.timeout)
        } else {
            Failure::Cut(root_cause(error))
        }
    }
}

fn headers(access: &Access) -> Result<HeaderMap, ProviderError> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, access.token.header()?);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Ok(headers)
}

/// Returns the innermost reason, which is the one that says something.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
