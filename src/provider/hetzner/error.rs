//! What can go wrong with a call, and how users are told.
//!
//! Codes: the API's general table of errors and the official Go client.

use std::time::Duration;

use serde::Deserialize;

use super::access::TOKEN_ADVICE;
use super::call::{Call, Safety};
use crate::provider::{Committed, ProviderError, ProviderErrorKind};

/// How one sending of a call failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Nothing reached the API: no connection, no name, no trust.
    NotSent(String),
    /// No whole answer came in time.
    TimedOut(Duration),
    /// The connection broke before the answer was whole.
    Cut(String),
    /// The API answered with an error.
    Refused(Refusal),
    /// The answer is none of this API.
    Strange { status: u16, why: String },
}

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refusal {
    pub status: u16,
    /// The API's word, or nothing where the body is not the API's.
    pub code: String,
    pub message: String,
    /// The fields that it complains of, each with its messages.
    pub fields: Vec<(String, Vec<String>)>,
    /// From the header `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What a failure means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// The rate limit is reached: nothing was done, and time helps.
    RateLimited,
    /// Somebody else is changing it: nothing was done, and time helps.
    Busy,
    /// Nothing was done, and time may help.
    Unreached,
    /// Nobody knows whether it was done; time may help.
    Doubtful,
    /// Time does not help.
    Final,
}

impl Failure {
    /// Says what the failure means for the next try.
    pub fn nature(&self) -> Nature {
        match self {
            Self::NotSent(_) => Nature::Unreached,
            Self::TimedOut(_) | Self::Cut(_) => Nature::Doubtful,
            Self::Refused(refusal) => refusal.nature(),
            Self::Strange { .. } => Nature::Final,
        }
    }

    /// Tells whether the API may have done what was asked.
    fn may_have_happened(&self) -> bool {
        match self {
            Self::Strange { status, .. } => (200..300).contains(status),
            _ => self.nature() == Nature::Doubtful,
        }
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
            Self::TimedOut(_) => "does not answer".to_owned(),
            Self::Cut(_) => "closed the connection".to_owned(),
            Self::Refused(refusal) if refusal.nature() == Nature::Busy => {
                "is busy with it".to_owned()
            }
            Self::Refused(Refusal { status, .. }) | Self::Strange { status, .. } => {
                format!("answers {status}")
            }
        }
    }

    fn explain(&self) -> (ProviderErrorKind, String) {
        use ProviderErrorKind::Unavailable;
        match self {
            Self::NotSent(why) => (
                Unavailable,
                format!("the API cannot be reached: {why}. Check the network and the endpoint."),
            ),
            Self::TimedOut(after) => {
                (Unavailable, format!("no answer came within {} s.", after.as_secs_f64()))
            }
            Self::Cut(why) => (Unavailable, format!("the connection was closed early: {why}.")),
            Self::Strange { status, why } => (
                Unavailable,
                format!(
                    "the answer (HTTP {status}) is not one of its API: {why}. Check the endpoint, \
                     and whether a proxy stands in between."
                ),
            ),
            Self::Refused(refusal) => refusal.explain(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Envelope {
    error: Body,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    code: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    fields: Vec<Field>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Field {
    name: String,
    messages: Vec<String>,
}

impl Refusal {
    /// Reads an error; a body that is not the API's is quoted.
    pub fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let (code, message, details) = match read_body(body) {
            Some(Body { code: Some(code), message, details }) => {
                (code, message.unwrap_or_default(), details)
            }
            _ => (String::new(), excerpt(body), None),
        };
        let fields = details.unwrap_or_default().fields;
        let fields = fields.into_iter().map(|field| {
            (printable(&field.name), field.messages.iter().map(|m| printable(m)).collect())
        });
        Self {
            status,
            code: printable(&code),
            message: printable(&message),
            fields: fields.collect(),
            retry_after,
        }
    }

    fn nature(&self) -> Nature {
        match (&*self.code, self.status) {
            ("rate_limit_exceeded", _) | ("", 429) => Nature::RateLimited,
            ("locked" | "conflict", _) | ("", 423) => Nature::Busy,
            ("server_error" | "service_error" | "bad_gateway" | "timeout" | "unavailable", _)
            | (_, 500 | 502..=504) => Nature::Doubtful,
            (_, 429) => Nature::RateLimited,
            _ => Nature::Final,
        }
    }

    /// Says what the API complains of: its message, its fields and its word.
    fn said(&self) -> String {
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|(name, messages)| match messages.is_empty() {
                true => format!("`{name}`"),
                false => format!("`{name}`: {}", messages.join(", ")),
            })
            .collect();
        let fields =
            if fields.is_empty() { String::new() } else { format!("; {}", fields.join("; ")) };
        let code = match &*self.code {
            "" => format!("HTTP {}", self.status),
            code => code.to_owned(),
        };
        let message = self.message.trim_end_matches('.');
        let message = if message.is_empty() { "no reason was given" } else { message };
        format!("{message}{fields} ({code}).")
    }

    fn explain(&self) -> (ProviderErrorKind, String) {
        let kind = self.kind();
        (kind, format!("{} {}", self.said(), self.advice(kind)).trim_end().to_owned())
    }

    fn kind(&self) -> ProviderErrorKind {
        use ProviderErrorKind as Kind;
        match &*self.code {
            "unauthorized" | "forbidden" | "token_readonly" => Kind::Denied,
            "rate_limit_exceeded" => Kind::RateLimited,
            "resource_unavailable" | "placement_error" | "no_space_left_in_location" => {
                Kind::NoCapacity
            }
            code if code.ends_with("_limit_exceeded") => Kind::QuotaExceeded,
            "not_found" => Kind::NotFound,
            "uniqueness_error" => Kind::AlreadyExists,
            "locked" | "conflict" | "maintenance" => Kind::Unavailable,
            "" => self.kind_by_status(),
            _ if self.nature() == Nature::Doubtful => Kind::Unavailable,
            _ if self.nature() == Nature::RateLimited => Kind::RateLimited,
            _ => Kind::Rejected,
        }
    }

    fn kind_by_status(&self) -> ProviderErrorKind {
        use ProviderErrorKind as Kind;
        match self.status {
            401 | 403 => Kind::Denied,
            404 => Kind::NotFound,
            429 => Kind::RateLimited,
            400..=422 => Kind::Rejected,
            _ => Kind::Unavailable,
        }
    }

    fn advice(&self, kind: ProviderErrorKind) -> String {
        use ProviderErrorKind as Kind;
        let advice = match (&*self.code, kind) {
            ("token_readonly", _) => "The token may only read: it needs read and write permission.",
            ("forbidden", _) => "The token's project does not allow this.",
            (_, Kind::Denied) => return TOKEN_ADVICE.to_owned(),
            (_, Kind::RateLimited) => "The project has used up its requests of this hour.",
            (_, Kind::QuotaExceeded) => {
                "Delete what is no longer needed, or ask for a higher limit in the Cloud Console."
            }
            (_, Kind::NoCapacity) => {
                "There is no room for it now: choose another location or server type, or try again \
                 later."
            }
            ("locked", _) => "Another action still runs on it: try again when that has ended.",
            ("conflict", _) => "It was changed at the same time: try again.",
            ("maintenance", _) => "Maintenance is going on: try again later.",
            ("protected", _) => "Lift the protection first, if this is really meant.",
            ("resource_in_use", _) => "Something else still uses it: detach that first.",
            ("resource_locked", _) => "Hetzner has locked it: ask their support.",
            ("deprecated_api_endpoint", _) => {
                "The API has changed: this needs a newer version of sandplan."
            }
            (_, Kind::Unavailable) => "The fault is on Hetzner's side: try again later.",
            _ => "",
        };
        advice.to_owned()
    }
}

fn read_body(body: &[u8]) -> Option<Body> {
    serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.error)
}

/// Quotes the beginning of a body that could not be read.
pub(super) fn excerpt(body: &[u8]) -> String {
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
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A call that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    pub failure: Failure,
    purpose: String,
    safety: Safety,
    /// An earlier sending may have had its effect.
    pub doubtful: bool,
    /// Further words for the user.
    pub hint: Option<String>,
}

impl CallError {
    /// Makes the error of a call that was sent once.
    pub fn of(call: &Call, failure: Failure) -> Self {
        let (purpose, safety) = (call.purpose.clone(), call.safety);
        Self { failure, purpose, safety, doubtful: false, hint: None }
    }

    /// Returns the API's word, or nothing.
    pub fn code(&self) -> &str {
        match &self.failure {
            Failure::Refused(refusal) => &refusal.code,
            _ => "",
        }
    }

    /// Tells whether the API has read the call and said no.
    pub fn is_refusal(&self) -> bool {
        matches!(self.failure, Failure::Refused(_)) && self.failure.nature() == Nature::Final
    }

    fn committed(&self) -> Committed {
        match self.safety {
            Safety::Read => Committed::No,
            _ if self.doubtful || self.failure.may_have_happened() => Committed::Unknown,
            _ => Committed::No,
        }
    }
}

impl From<CallError> for ProviderError {
    fn from(error: CallError) -> Self {
        let (kind, words) = error.failure.explain();
        let mut message = format!("Hetzner Cloud could not {}: {words}", error.purpose);
        if let Some(hint) = &error.hint {
            message = format!("{message} {hint}");
        }
        let retry_after = error.failure.retry_after();
        Self { kind, committed: error.committed(), message, retry_after }
    }
}

/// Returns the kind of failure that the code of a failed action means.
pub fn kind_of_action(code: &str) -> ProviderErrorKind {
    match (Refusal { code: code.to_owned(), ..Refusal::default() }).kind() {
        ProviderErrorKind::NotFound => ProviderErrorKind::Rejected,
        _ if code == "action_failed" => ProviderErrorKind::Unavailable,
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use ProviderErrorKind as Kind;

    use super::*;

    fn answered(call: &Call, status: u16, body: &str) -> ProviderError {
        CallError::of(call, Failure::Refused(Refusal::read(status, body.as_bytes(), None))).into()
    }

    fn order() -> Call {
        Call::post("servers", "create the server `web`")
    }

    fn coded(status: u16, code: &str) -> ProviderError {
        let body = format!(r#"{{"error": {{"code": "{code}", "message": "it is so"}}}}"#);
        answered(&order(), status, &body)
    }

    #[test]
    fn every_code_has_its_kind() {
        for (status, code, kind) in [
            (401, "unauthorized", Kind::Denied),
            (403, "forbidden", Kind::Denied),
            (401, "token_readonly", Kind::Denied),
            (404, "not_found", Kind::NotFound),
            (409, "uniqueness_error", Kind::AlreadyExists),
            (403, "resource_limit_exceeded", Kind::QuotaExceeded),
            (412, "resource_unavailable", Kind::NoCapacity),
            (412, "placement_error", Kind::NoCapacity),
            (429, "rate_limit_exceeded", Kind::RateLimited),
            (422, "invalid_input", Kind::Rejected),
            (422, "invalid_server_type", Kind::Rejected),
            (423, "protected", Kind::Rejected),
            (423, "locked", Kind::Unavailable),
            (409, "conflict", Kind::Unavailable),
            (403, "maintenance", Kind::Unavailable),
            (500, "server_error", Kind::Unavailable),
            (418, "teapot_error", Kind::Rejected),
            (503, "teapot_error", Kind::Unavailable),
        ] {
            let error = coded(status, code);
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains(code), "{}", error.message);
            let doubtful = status == 500 || status == 503;
            assert_eq!(error.committed == Committed::Unknown, doubtful, "{code}");
        }
    }

    #[test]
    fn the_call_the_reason_and_the_advice_are_said() {
        assert_eq!(
            coded(403, "resource_limit_exceeded").message,
            "Hetzner Cloud could not create the server `web`: it is so (resource_limit_exceeded). \
             Delete what is no longer needed, or ask for a higher limit in the Cloud Console."
        );
    }

    #[test]
    fn refused_fields_are_named() {
        let body = r#"{"error": {"code": "invalid_input", "message": "invalid input in fields",
            "details": {"fields": [{"name": "server_type", "messages": ["unknown", "old"]},
                                   {"name": "image"}]}}}"#;
        assert_eq!(
            answered(&order(), 422, body).message,
            "Hetzner Cloud could not create the server `web`: invalid input in fields; \
             `server_type`: unknown, old; `image` (invalid_input)."
        );
    }

    #[test]
    fn bodies_of_others_are_quoted_without_control_characters() {
        let html = "<html>\n<body>\u{1b}[31m502 Bad Gateway</body></html>";
        let error = answered(&Call::get("servers", "list servers"), 502, html);
        assert_eq!((error.kind, error.committed), (Kind::Unavailable, Committed::No));
        assert!(error.message.contains("`<html> <body> [31m502 Bad"), "{}", error.message);
        let error = answered(&order(), 502, "");
        assert!(error.message.contains("the body is empty (HTTP 502)"), "{}", error.message);
        let long = answered(&order(), 400, &"x".repeat(100_000)).message;
        assert!(long.len() < 400, "{long}");
    }

    #[test]
    fn unusual_details_fail_nothing() {
        for body in [
            r#"{"error": {"code": "protected", "message": null, "details": null}}"#,
            r#"{"error": {"code": "protected"}}"#,
        ] {
            assert_eq!(answered(&order(), 423, body).kind, Kind::Rejected, "{body}");
        }
    }

    #[test]
    fn a_second_sending_keeps_the_doubt_of_the_first() {
        let call = Call::delete("servers/1", "delete the server 1");
        let mut error = CallError::of(&call, Failure::Refused(Refusal::default()));
        assert_eq!(ProviderError::from(error.clone()).committed, Committed::No);
        error.doubtful = true;
        assert_eq!(ProviderError::from(error).committed, Committed::Unknown);
    }

    #[test]
    fn failed_actions_have_kinds_too() {
        assert_eq!(kind_of_action("resource_unavailable"), Kind::NoCapacity);
        assert_eq!(kind_of_action("action_failed"), Kind::Unavailable);
        assert_eq!(kind_of_action("something"), Kind::Rejected);
    }
}
