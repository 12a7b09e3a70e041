//! What can go wrong with a call, and how users are told.
//!
//! The HTTP status decides, and the reasons of the answer where they say more: the
//! client library's own code of an error is `Unknown` or worse for much of this API.
//! Reasons: the API's page on errors, and its operations' `error.errors[].code`.

use std::time::Duration;

use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::StatusDetails;
use serde_json::Value as Json;

use super::access::ADVICE;
use super::call::{Call, Safety};
use crate::provider::{Committed, ProviderError, ProviderErrorKind};

/// How one sending of a call failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Nothing reached the API: no connection, no name, no trust.
    NotSent(String),
    /// No token could be had; the API was not asked.
    Login { why: String, may_pass: bool },
    /// No whole answer came in time.
    TimedOut,
    /// The connection broke before the answer was whole.
    Cut(String),
    /// The API answered with an error.
    Refused(Refusal),
    /// The answer is none of this API.
    Strange { why: String },
}

/// An error that the API answered, or that ended an operation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refusal {
    pub status: u16,
    /// The API's words for it, the most telling first.
    pub reasons: Vec<String>,
    pub message: String,
    pub retry_after: Option<Duration>,
}

/// What a failure means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// The rate limit is reached: nothing was done, and time helps.
    RateLimited,
    /// Something else is being done to it: nothing was done, and time helps.
    Busy,
    /// Nothing was done, and time may help.
    Unreached,
    /// Nobody knows whether it was done; time may help.
    Doubtful,
    /// Time does not help.
    Final,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_authentication() {
            return Self::login(&error);
        }
        if let Some(status) = error.http_status_code() {
            return Self::Refused(Refusal::read(status, &error));
        }
        match error {
            error if error.is_timeout() => Self::TimedOut,
            error if error.is_deserialization() => Self::Strange { why: root_cause(&error) },
            error if error.is_io() || error.is_transport() => Self::Cut(root_cause(&error)),
            error => Self::NotSent(root_cause(&error)),
        }
    }
}

impl Failure {
    /// A token that cannot be had now is another matter than one that is refused.
    fn login(error: &Error) -> Self {
        use google_cloud_auth::errors::CredentialsError;
        let source = std::error::Error::source(error);
        let login = source.and_then(|source| source.downcast_ref::<CredentialsError>());
        let may_pass = login.is_some_and(CredentialsError::is_transient);
        Self::Login { why: root_cause(error), may_pass }
    }

    /// Says what the failure means for the next try.
    pub fn nature(&self) -> Nature {
        match self {
            Self::NotSent(_) => Nature::Unreached,
            Self::Login { may_pass: true, .. } => Nature::Unreached,
            Self::Login { .. } | Self::Strange { .. } => Nature::Final,
            Self::TimedOut | Self::Cut(_) => Nature::Doubtful,
            Self::Refused(refusal) => refusal.nature(),
        }
    }

    /// Tells whether the API may have done what was asked.
    fn may_have_happened(&self) -> bool {
        matches!(self, Self::Strange { .. }) || self.nature() == Nature::Doubtful
    }

    /// Returns how long the API asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Says in a few words what happened, for progress.
    pub fn brief(&self) -> String {
        match self {
            Self::NotSent(_) => "cannot be reached".to_owned(),
            Self::Login { .. } => "gives no token".to_owned(),
            Self::TimedOut => "does not answer".to_owned(),
            Self::Cut(_) => "closed the connection".to_owned(),
            Self::Refused(refusal) if refusal.nature() == Nature::Busy => {
                "is busy with it".to_owned()
            }
            Self::Refused(refusal) => format!("answers {}", refusal.status),
            Self::Strange { .. } => "answers strangely".to_owned(),
        }
    }

    fn explain(&self) -> (ProviderErrorKind, String) {
        use ProviderErrorKind::{Denied, Unavailable};
        match self {
            Self::NotSent(why) => (
                Unavailable,
                format!("the API cannot be reached: {why}. Check the network and the endpoint."),
            ),
            Self::Login { why, may_pass: true } => {
                (Unavailable, format!("no access token can be had now: {why}."))
            }
            Self::Login { why, .. } => {
                (Denied, format!("no access token can be had: {why}. {ADVICE}"))
            }
            Self::TimedOut => (Unavailable, "no answer came in time.".to_owned()),
            Self::Cut(why) => (Unavailable, format!("the connection was closed early: {why}.")),
            Self::Strange { why } => (
                Unavailable,
                format!(
                    "the answer is not one of its API: {why}. Check the endpoint, and whether a \
                     proxy stands in between."
                ),
            ),
            Self::Refused(refusal) => (refusal.kind(), refusal.explain()),
        }
    }
}

impl Refusal {
    /// Reads an answer that is an error; a body that is not the API's is quoted.
    fn read(status: u16, error: &Error) -> Self {
        let header = error.http_headers().and_then(|headers| headers.get("retry-after"));
        let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        let told = match (error.status(), error.http_payload()) {
            (Some(told), _) => {
                let reasons = told.details.iter().filter_map(|detail| match detail {
                    StatusDetails::ErrorInfo(info) => Some(info.reason.clone()),
                    _ => None,
                });
                Self {
                    reasons: reasons.collect(),
                    message: printable(&told.message),
                    ..Self::default()
                }
            }
            (None, body) => Self::of_body(body.map(|body| &body[..]).unwrap_or_default()),
        };
        Self { status, retry_after, ..told }
    }

    /// Reads a body that the client library could not.
    fn of_body(body: &[u8]) -> Self {
        let json: Json = serde_json::from_slice(body).unwrap_or_default();
        let error = &json["error"];
        let texts = |list: &Json| {
            let of = list.as_array().cloned().unwrap_or_default();
            of.iter().filter_map(|e| e["reason"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let reasons = [texts(&error["details"]), texts(&error["errors"])].concat();
        let message = error["message"].as_str().map_or_else(|| excerpt(body), printable);
        Self { reasons, message, ..Self::default() }
    }

    fn is(&self, words: &[&str]) -> bool {
        self.reasons.iter().any(|reason| words.contains(&reason.as_str()))
    }

    /// Says what the refusal means for the next try.
    pub fn nature(&self) -> Nature {
        match self.status {
            _ if self.is(&RATE) => Nature::RateLimited,
            _ if self.kind() == ProviderErrorKind::NoCapacity => Nature::Final,
            _ if self.is(&BUSY) => Nature::Busy,
            429 if self.kind() == ProviderErrorKind::RateLimited => Nature::RateLimited,
            500 | 502..=504 => Nature::Doubtful,
            _ => Nature::Final,
        }
    }

    /// Returns which kind of failure it is.
    pub fn kind(&self) -> ProviderErrorKind {
        use ProviderErrorKind as Kind;
        match self.status {
            _ if self.is(&FULL) || self.reasons.iter().any(|r| r.starts_with(EXHAUSTED)) => {
                Kind::NoCapacity
            }
            _ if self.is(&RATE) => Kind::RateLimited,
            _ if self.is(&QUOTA) => Kind::QuotaExceeded,
            _ if self.is(&TAKEN) => Kind::AlreadyExists,
            _ if self.is(&BUSY) || self.is(&STALE) => Kind::Unavailable,
            412 => Kind::Unavailable,
            _ if self.is(&["RESOURCE_NOT_FOUND"]) => Kind::NotFound,
            _ if self.is(&["PERMISSIONS_ERROR"]) => Kind::Denied,
            401 | 403 => Kind::Denied,
            404 => Kind::NotFound,
            429 => Kind::RateLimited,
            409 if self.reasons.is_empty() => Kind::AlreadyExists,
            400..=499 => Kind::Rejected,
            _ => Kind::Unavailable,
        }
    }

    /// Says what the API complains of, and what to do.
    pub fn explain(&self) -> String {
        let message = match self.message.trim_end_matches('.') {
            "" => "no reason was given",
            message => message,
        };
        let word = match self.reasons.first() {
            Some(reason) => reason.clone(),
            None => format!("HTTP {}", self.status),
        };
        format!("{message} ({word}). {}", self.advice()).trim_end().to_owned()
    }

    fn advice(&self) -> &'static str {
        use ProviderErrorKind as Kind;
        match self.kind() {
            Kind::Denied if self.is(&["accessNotConfigured", "SERVICE_DISABLED"]) => {
                "Switch the Compute Engine API on: `gcloud services enable compute.googleapis.com`."
            }
            Kind::Denied if self.status == 401 => ADVICE,
            Kind::Denied => {
                "The account lacks a permission, or the project is not the right one: \
                 `roles/compute.instanceAdmin.v1` and `roles/compute.securityAdmin` are enough."
            }
            Kind::RateLimited => "The project has used up its calls of this minute.",
            Kind::QuotaExceeded => {
                "Delete what is no longer needed, or ask for a higher quota in the console (IAM & \
                 Admin, Quotas)."
            }
            Kind::NoCapacity => {
                "There is no room for it now: choose another zone, region or machine type, or try \
                 again later."
            }
            Kind::Unavailable if self.is(&BUSY) => "Something else is being done to it: try again.",
            Kind::Unavailable if self.status == 412 => {
                "It was changed at the same time: try again."
            }
            Kind::Unavailable => "The fault is on Google's side: try again later.",
            _ if self.is(&IN_USE) => "Something else still uses it: detach that first.",
            _ => "",
        }
    }
}

const EXHAUSTED: &str = "ZONE_RESOURCE_POOL_EXHAUSTED";
const FULL: [&str; 3] = ["RESOURCE_POOL_EXHAUSTED", "resourcePoolExhausted", "STOCKOUT"];
const RATE: [&str; 5] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
    "concurrentLimitExceeded",
    "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED",
];
const QUOTA: [&str; 4] =
    ["quotaExceeded", "QUOTA_EXCEEDED", "limitExceeded", "RESOURCE_QUOTA_EXCEEDED"];
const TAKEN: [&str; 3] = ["alreadyExists", "RESOURCE_ALREADY_EXISTS", "duplicate"];
const BUSY: [&str; 3] =
    ["resourceNotReady", "RESOURCE_NOT_READY", "RESOURCE_OPERATION_IN_PROGRESS"];
/// The fingerprint is that of something older: whoever read it has to read it again.
const STALE: [&str; 2] = ["conditionNotMet", "CONDITION_NOT_MET"];
const IN_USE: [&str; 2] = ["resourceInUseByAnotherResource", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"];

/// A call that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    pub failure: Failure,
    call: Call,
    /// An earlier sending may have had its effect.
    pub doubtful: bool,
}

impl CallError {
    /// Makes the error of a call; `doubtful` where an earlier sending may have had its
    /// effect.
    pub fn of(call: &Call, failure: Failure, doubtful: bool) -> Self {
        Self { failure, call: call.clone(), doubtful }
    }

    /// Returns the HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match &self.failure {
            Failure::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    fn committed(&self) -> Committed {
        match self.call.safety {
            Safety::Read => Committed::No,
            Safety::Repeatable if self.doubtful || self.failure.may_have_happened() => {
                Committed::Unknown
            }
            Safety::Repeatable => Committed::No,
        }
    }
}

impl From<CallError> for ProviderError {
    fn from(error: CallError) -> Self {
        let (kind, words) = error.failure.explain();
        let message = format!("Google Cloud could not {}: {words}", error.call.purpose);
        let retry_after = error.failure.retry_after();
        Self { kind, committed: error.committed(), message, retry_after }
    }
}

/// Quotes the beginning of a body that could not be read.
fn excerpt(body: &[u8]) -> String {
    const MOST: usize = 120;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MOST)]);
    let words = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match words.char_indices().nth(MOST) {
        _ if words.is_empty() => "the body is empty".to_owned(),
        Some((end, _)) => format!("the body begins with `{}…`", &words[..end]),
        None => format!("the body is `{words}`"),
    }
}

/// Replaces control characters, which could rule the terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Returns the innermost reason, which is the one that says something.
fn root_cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    printable(cause.to_string().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use ProviderErrorKind as Kind;

    use super::*;

    fn refused(status: u16, reason: &str) -> Refusal {
        let reasons = if reason.is_empty() { vec![] } else { vec![reason.to_owned()] };
        Refusal { status, reasons, message: "it is so".into(), ..Refusal::default() }
    }

    #[test]
    fn every_reason_has_its_kind() {
        for (status, reason, kind) in [
            (401, "", Kind::Denied),
            (403, "forbidden", Kind::Denied),
            (403, "accessNotConfigured", Kind::Denied),
            (403, "rateLimitExceeded", Kind::RateLimited),
            (403, "quotaExceeded", Kind::QuotaExceeded),
            (403, "QUOTA_EXCEEDED", Kind::QuotaExceeded),
            (404, "notFound", Kind::NotFound),
            (409, "alreadyExists", Kind::AlreadyExists),
            (409, "", Kind::AlreadyExists),
            (409, "resourceInUseByAnotherResource", Kind::Rejected),
            (400, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", Kind::Rejected),
            (412, "conditionNotMet", Kind::Unavailable),
            (429, "", Kind::RateLimited),
            (503, "", Kind::Unavailable),
            (503, "ZONE_RESOURCE_POOL_EXHAUSTED", Kind::NoCapacity),
            (503, "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", Kind::NoCapacity),
            (400, "invalid", Kind::Rejected),
        ] {
            assert_eq!(refused(status, reason).kind(), kind, "{status} {reason}");
        }
    }

    #[test]
    fn only_what_time_may_heal_is_tried_again() {
        for (status, reason, nature) in [
            (403, "rateLimitExceeded", Nature::RateLimited),
            (429, "", Nature::RateLimited),
            (400, "resourceNotReady", Nature::Busy),
            (500, "", Nature::Doubtful),
            (503, "backendError", Nature::Doubtful),
            (503, "ZONE_RESOURCE_POOL_EXHAUSTED", Nature::Final),
            (501, "", Nature::Final),
            (403, "quotaExceeded", Nature::Final),
            (404, "notFound", Nature::Final),
        ] {
            assert_eq!(refused(status, reason).nature(), nature, "{status} {reason}");
        }
    }

    #[test]
    fn a_change_that_may_have_happened_says_so() {
        let cut = Failure::Cut("reset".into());
        let error: ProviderError =
            CallError::of(&Call::change("stop it"), cut.clone(), false).into();
        assert_eq!(error.committed, Committed::Unknown);
        let error: ProviderError = CallError::of(&Call::read("look"), cut, false).into();
        assert_eq!(error.committed, Committed::No);
        let refusal = Failure::Refused(refused(404, "notFound"));
        let error: ProviderError = CallError::of(&Call::change("stop it"), refusal, true).into();
        assert_eq!((error.kind, error.committed), (Kind::NotFound, Committed::Unknown));
    }

    #[test]
    fn a_body_that_is_not_the_apis_is_quoted() {
        let refusal = Refusal::of_body(b"<html>\x1b[31m  Bad   Gateway</html>");
        assert_eq!(refusal.message, "the body is `<html> [31m Bad Gateway</html>`");
        let body = br#"{"error": {"message": "no", "errors": [{"reason": "forbidden"}]}}"#;
        assert_eq!(Refusal::of_body(body).reasons, ["forbidden"]);
    }
}
