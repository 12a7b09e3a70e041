//! What can go wrong with a call, and how users are told.
//!
//! Codes: EC2's and STS's tables of errors. A capacity error comes with status 500
//! or 503, so the code counts before the status.

use std::error::Error;
use std::time::Duration;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use super::access::CREDENTIALS_ADVICE;
use super::call::{Call, Safety};
use crate::provider::{Committed, ProviderError, ProviderErrorKind};

/// How one sending of a call failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Nothing reached AWS: no connection, no name, no trust.
    NotSent(String),
    /// There was nothing to sign the call with.
    Unsigned(String),
    /// No whole answer came in time.
    TimedOut,
    /// The connection broke before the answer was whole.
    Cut(String),
    /// AWS answered with an error.
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
    /// From the header `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What a failure means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// The rate limit is reached: nothing was done, and time helps.
    RateLimited,
    /// The object is between two states: nothing was done, and time helps.
    Busy,
    /// Nothing was done, and time may help.
    Unreached,
    /// Nobody knows whether it was done; time may help.
    Doubtful,
    /// Time does not help.
    Final,
}

impl Failure {
    /// Reads what the SDK says.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let why = chain(error);
        match error {
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                match why.contains("connect") {
                    true => Self::NotSent(why),
                    false => Self::TimedOut,
                }
            }
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_user() => {
                match why.contains(UNCONNECTED) {
                    true => Self::NotSent(why),
                    false => Self::Cut(why),
                }
            }
            SdkError::DispatchFailure(_) if is_of_identity(&why) => Self::Unsigned(why),
            SdkError::DispatchFailure(_) => Self::Cut(why),
            SdkError::ResponseError(answer) => {
                Self::Strange { status: answer.raw().status().as_u16(), why }
            }
            SdkError::ServiceError(answer) => Self::Refused(Refusal {
                status: answer.raw().status().as_u16(),
                code: printable(error.code().unwrap_or_default()),
                message: printable(error.message().unwrap_or_default()),
                retry_after: retry_after(answer.raw()),
            }),
            _ => Self::NotSent(why),
        }
    }

    /// Says what the failure means for the next try.
    pub fn nature(&self) -> Nature {
        match self {
            Self::NotSent(_) => Nature::Unreached,
            Self::TimedOut | Self::Cut(_) => Nature::Doubtful,
            Self::Refused(refusal) => refusal.nature(),
            Self::Strange { status: 500..=504, .. } => Nature::Doubtful,
            Self::Strange { .. } | Self::Unsigned(_) => Nature::Final,
        }
    }

    /// Tells whether AWS may have done what was asked.
    fn may_have_happened(&self) -> bool {
        match self {
            Self::Strange { status, .. } => (200..300).contains(status) || *status >= 500,
            _ => self.nature() == Nature::Doubtful,
        }
    }

    /// Returns how long AWS asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Returns the API's word, or nothing.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.code,
            _ => "",
        }
    }

    /// Says in a few words what happened, for progress.
    pub fn brief(&self) -> String {
        match self {
            Self::NotSent(_) | Self::Unsigned(_) => "cannot be reached".to_owned(),
            Self::TimedOut => "does not answer".to_owned(),
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
        use ProviderErrorKind::{Denied, Unavailable};
        match self {
            Self::NotSent(why) => (
                Unavailable,
                format!(
                    "it cannot be reached: {why}. Check the network, the region and the endpoint."
                ),
            ),
            Self::Unsigned(why) => (Denied, format!("{why}. {CREDENTIALS_ADVICE}")),
            Self::TimedOut => (Unavailable, "no answer came in time.".to_owned()),
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

/// What the HTTP client says of a connection that was never made.
const UNCONNECTED: &str = "client error (Connect)";

/// Tells whether the SDK failed before it sent anything, for lack of credentials.
fn is_of_identity(why: &str) -> bool {
    ["credential", "identity", "token"].iter().any(|word| why.contains(word))
}

fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    answer.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// Tells an error with all that caused it, each part once.
pub fn chain(error: &dyn Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string().trim().trim_end_matches('.').to_owned();
        // Many errors say what their cause says, too.
        if !part.is_empty() && !parts.iter().any(|said| said.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    printable(&parts.join(": "))
}

/// Replaces control characters, which could rule the terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Codes of a call that came too fast.
const THROTTLES: [&str; 7] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "RequestThrottledException",
    "EC2ThrottledException",
    "TooManyRequestsException",
];

/// Codes of a place that has no room for it.
const NO_ROOM: [&str; 8] = [
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "InsufficientCapacity",
    "InsufficientCapacityOnOutpost",
    "InsufficientFreeAddressesInSubnet",
    "SpotMaxPriceTooLow",
    // The zone does not have the type.
    "Unsupported",
];

/// Codes of credentials that are wrong, old or not allowed to.
const DENIALS: [&str; 16] = [
    "UnauthorizedOperation",
    "AuthFailure",
    "AccessDenied",
    "AccessDeniedException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "OptInRequired",
    "PendingVerification",
    "Blocked",
];

/// Codes of an object that is between two states, or still used by one that goes.
const BUSY: [&str; 5] = [
    "IncorrectInstanceState",
    "IncorrectState",
    "DependencyViolation",
    "PriorRequestNotComplete",
    "ConcurrentCallsLimitExceeded",
];

/// Codes of trouble on AWS's side.
const TROUBLE: [&str; 5] =
    ["InternalError", "InternalFailure", "ServerInternal", "Unavailable", "ServiceUnavailable"];

impl Refusal {
    fn nature(&self) -> Nature {
        let code = self.code.as_str();
        match self.status {
            _ if THROTTLES.contains(&code) => Nature::RateLimited,
            429 => Nature::RateLimited,
            _ if BUSY.contains(&code) => Nature::Busy,
            _ if TROUBLE.contains(&code) => Nature::Doubtful,
            500 | 502..=504 if !NO_ROOM.contains(&code) && !is_limit(code) => Nature::Doubtful,
            _ => Nature::Final,
        }
    }

    /// Says what AWS complains of: its message and its word.
    fn said(&self) -> String {
        let code = match &*self.code {
            "" => format!("HTTP {}", self.status),
            code => code.to_owned(),
        };
        // What is encoded is for the account's administrator, and long.
        let message =
            self.message.split("Encoded authorization failure").next().unwrap_or_default();
        let message = message.trim().trim_end_matches('.');
        let message = if message.is_empty() { "no reason was given" } else { message };
        format!("{message} ({code}).")
    }

    fn explain(&self) -> (ProviderErrorKind, String) {
        let kind = self.kind();
        (kind, format!("{} {}", self.said(), self.advice(kind)).trim_end().to_owned())
    }

    fn kind(&self) -> ProviderErrorKind {
        use ProviderErrorKind as Kind;
        let code = self.code.as_str();
        match self.nature() {
            _ if DENIALS.contains(&code) => Kind::Denied,
            _ if NO_ROOM.contains(&code) => Kind::NoCapacity,
            Nature::RateLimited => Kind::RateLimited,
            Nature::Busy | Nature::Doubtful | Nature::Unreached => Kind::Unavailable,
            Nature::Final if is_limit(code) => Kind::QuotaExceeded,
            Nature::Final if code.ends_with(".NotFound") => Kind::NotFound,
            Nature::Final if code.ends_with(".Duplicate") => Kind::AlreadyExists,
            Nature::Final if code.is_empty() => self.kind_by_status(),
            Nature::Final => Kind::Rejected,
        }
    }

    fn kind_by_status(&self) -> ProviderErrorKind {
        use ProviderErrorKind as Kind;
        match self.status {
            401 | 403 => Kind::Denied,
            404 => Kind::NotFound,
            400..=422 => Kind::Rejected,
            _ => Kind::Unavailable,
        }
    }

    fn advice(&self, kind: ProviderErrorKind) -> &'static str {
        use ProviderErrorKind as Kind;
        match (&*self.code, kind) {
            ("UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException", _) => {
                "Whoever the credentials belong to lacks a permission; docs/aws.md lists the \
                 permissions that sandplan needs."
            }
            ("ExpiredToken" | "ExpiredTokenException", _) => {
                "The session has ended: log in again (`aws sso login`), or set new credentials."
            }
            ("RequestExpired", _) => {
                "The session has ended, or the clock of this machine is wrong: log in again (`aws \
                 sso login`), or set new credentials."
            }
            ("SignatureDoesNotMatch", _) => {
                "Check the secret key, and whether the clock of this machine is right."
            }
            ("OptInRequired", _) => {
                "The account does not use this region, or is not ready yet: enable it in the \
                 console."
            }
            ("PendingVerification" | "Blocked", _) => {
                "AWS is holding the account back: ask their support."
            }
            (_, Kind::Denied) => CREDENTIALS_ADVICE,
            (_, Kind::RateLimited) => {
                "The account makes more calls than AWS allows: lower `parallel`, or try again later."
            }
            (_, Kind::QuotaExceeded) => {
                "Delete what is no longer needed, or ask for a higher quota (Service Quotas, \
                 Amazon EC2)."
            }
            (_, Kind::NoCapacity) => {
                "There is no room for it now: choose another instance type, zone or region, or \
                 try again later."
            }
            ("IdempotentParameterMismatch", _) => {
                "Another request was made in this one's name. Run `sandplan apply` again."
            }
            ("DependencyViolation", _) => "Something still uses it: detach that first.",
            ("OperationNotPermitted", _) => "Lift the protection first, if this is really meant.",
            ("VPCIdNotSpecified" | "DefaultVpcDoesNotExist" | "MissingInput", _) => {
                "The region has no default VPC: name a subnet with `aws { subnet_id = … }`."
            }
            ("IncorrectInstanceState" | "IncorrectState", _) => "It is changing: try again soon.",
            (_, Kind::Unavailable) => "The fault is on AWS's side: try again later.",
            _ => "",
        }
    }
}

fn is_limit(code: &str) -> bool {
    const OTHERS: [&str; 4] = [
        "MaxSpotInstanceCountExceeded",
        "MaxSpotFleetRequestCountExceeded",
        "ResourceCountExceeded",
        "InsufficientVolumeCapacity",
    ];
    OTHERS.contains(&code)
        || (code.ends_with("LimitExceeded")
            && !THROTTLES.contains(&code)
            && code != "TagLimitExceeded")
}

/// A call that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    pub failure: Failure,
    pub call: Call,
    /// An earlier sending may have had its effect.
    pub doubtful: bool,
}

impl CallError {
    /// Returns the API's word, or nothing.
    pub fn code(&self) -> &str {
        self.failure.code()
    }

    /// Tells whether AWS says that there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.code().ends_with(".NotFound")
    }

    fn committed(&self) -> Committed {
        match self.call.safety {
            Safety::Read => Committed::No,
            _ if self.doubtful || self.failure.may_have_happened() => Committed::Unknown,
            _ => Committed::No,
        }
    }
}

impl From<CallError> for ProviderError {
    fn from(error: CallError) -> Self {
        let (kind, words) = error.failure.explain();
        let message =
            format!("AWS ({}) could not {}: {words}", error.call.region, error.call.purpose);
        let retry_after = error.failure.retry_after();
        Self { kind, committed: error.committed(), message, retry_after }
    }
}

#[cfg(test)]
mod tests {
    use ProviderErrorKind as Kind;

    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        let message = "it is so".to_owned();
        Failure::Refused(Refusal { status, code: code.to_owned(), message, retry_after: None })
    }

    fn told(call: Call, failure: Failure) -> ProviderError {
        CallError { failure, call, doubtful: false }.into()
    }

    fn order() -> Call {
        Call::repeatable("us-east-1", "start an instance")
    }

    #[test]
    fn every_code_has_its_kind() {
        for (status, code, kind) in [
            (403, "UnauthorizedOperation", Kind::Denied),
            (401, "AuthFailure", Kind::Denied),
            (400, "ExpiredToken", Kind::Denied),
            (400, "RequestExpired", Kind::Denied),
            (403, "InvalidClientTokenId", Kind::Denied),
            (500, "InsufficientInstanceCapacity", Kind::NoCapacity),
            (503, "InsufficientHostCapacity", Kind::NoCapacity),
            (400, "SpotMaxPriceTooLow", Kind::NoCapacity),
            (400, "Unsupported", Kind::NoCapacity),
            (400, "VcpuLimitExceeded", Kind::QuotaExceeded),
            (400, "InstanceLimitExceeded", Kind::QuotaExceeded),
            (400, "MaxSpotInstanceCountExceeded", Kind::QuotaExceeded),
            (503, "RequestLimitExceeded", Kind::RateLimited),
            (400, "Throttling", Kind::RateLimited),
            (400, "InvalidInstanceID.NotFound", Kind::NotFound),
            (400, "InvalidKeyPair.Duplicate", Kind::AlreadyExists),
            (400, "IncorrectInstanceState", Kind::Unavailable),
            (400, "DependencyViolation", Kind::Unavailable),
            (400, "IdempotentParameterMismatch", Kind::Rejected),
            (400, "InvalidParameterValue", Kind::Rejected),
            (400, "TagLimitExceeded", Kind::Rejected),
            (500, "InternalError", Kind::Unavailable),
            (503, "Unavailable", Kind::Unavailable),
            (500, "SomethingNew", Kind::Unavailable),
            (403, "", Kind::Denied),
        ] {
            let error = told(order(), refused(status, code));
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains("it is so"), "{}", error.message);
            let doubtful = ["InternalError", "Unavailable", "SomethingNew"].contains(&code);
            assert_eq!(error.committed == Committed::Unknown, doubtful, "{code}");
        }
    }

    #[test]
    fn the_call_the_place_the_reason_and_the_advice_are_said() {
        assert_eq!(
            told(order(), refused(400, "VcpuLimitExceeded")).message,
            "AWS (us-east-1) could not start an instance: it is so (VcpuLimitExceeded). Delete \
             what is no longer needed, or ask for a higher quota (Service Quotas, Amazon EC2)."
        );
    }

    #[test]
    fn an_encoded_reason_is_not_shown() {
        let message =
            "You are not authorized. Encoded authorization failure message: AbC".to_owned();
        let refusal = Refusal {
            status: 403,
            code: "UnauthorizedOperation".into(),
            message,
            retry_after: None,
        };
        let said = told(order(), Failure::Refused(refusal)).message;
        assert!(!said.contains("AbC") && said.contains("docs/aws.md"), "{said}");
    }

    #[test]
    fn what_was_not_sent_or_only_read_has_changed_nothing() {
        let cut = || Failure::Cut("reset".into());
        assert_eq!(told(order(), cut()).committed, Committed::Unknown);
        assert_eq!(told(Call::read("r", "look"), cut()).committed, Committed::No);
        assert_eq!(told(order(), Failure::NotSent("refused".into())).committed, Committed::No);
        let error =
            CallError { failure: refused(400, "Unsupported"), call: order(), doubtful: true };
        assert_eq!(ProviderError::from(error).committed, Committed::Unknown);
    }

    #[test]
    fn causes_are_told_once_each_and_without_control_characters() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("in\u{7}ner."));
        assert_eq!(chain(&error), "outer: in ner");
    }
}
