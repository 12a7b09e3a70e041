//! Refusals in Google's shape: `{"error": {"code", "message", "errors": […]}}`.
//!
//! Compute Engine's own errors carry a `reason` each and no `status`; those of
//! the front end before it (401, 429) carry a `status` as well.

use serde_json::{Value, json};

use super::chassis::answer::{Refuse, Trouble};
use super::chassis::faults::Fault;

#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: u16,
    pub reason: String,
    pub message: String,
    /// The name of the code, where the front end refuses.
    status: Option<&'static str>,
    /// Where it is wrong, such as the header `If-Match`.
    location: Option<(&'static str, &'static str)>,
}

impl Refusal {
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), message.into());
        Self { code, reason, message, status: None, location: None }
    }

    pub fn not_found(path: &str) -> Self {
        Self::new(404, "notFound", format!("The resource '{path}' was not found"))
    }

    pub fn exists(path: &str) -> Self {
        Self::new(409, "alreadyExists", format!("The resource '{path}' already exists"))
    }

    pub fn not_ready(path: &str) -> Self {
        Self::new(400, "resourceNotReady", format!("The resource '{path}' is not ready"))
    }

    pub fn in_use(path: &str, by: &str) -> Self {
        let message = format!("The resource '{path}' is already being used by '{by}'");
        Self::new(400, "resourceInUseByAnotherResource", message)
    }

    /// One field that is not as it should be.
    pub fn invalid(field: &str, value: &str, why: impl AsRef<str>) -> Self {
        let why = why.as_ref();
        Self::new(400, "invalid", format!("Invalid value for field '{field}': '{value}'. {why}"))
    }

    pub fn required(field: &str) -> Self {
        Self::new(400, "required", format!("Required field '{field}' not specified"))
    }

    /// A resource is in a state in which that cannot be done to it.
    pub fn usage(why: &str) -> Self {
        Self::new(400, "invalidUsage", format!("Invalid resource usage: '{why}'."))
    }

    pub fn condition(message: &str) -> Self {
        let location = Some(("If-Match", "header"));
        Self { location, ..Self::new(412, "conditionNotMet", message) }
    }

    pub fn unauthenticated() -> Self {
        let message = "Request had invalid authentication credentials. \
                       Expected OAuth 2 access token, login cookie or other valid \
                       authentication credential.";
        let location = Some(("Authorization", "header"));
        let status = Some("UNAUTHENTICATED");
        Self { status, location, ..Self::new(401, "authError", message) }
    }
}

impl Refuse for Refusal {
    fn of(trouble: Trouble, message: String) -> Self {
        match trouble {
            Trouble::Json | Trouble::Shape => Self::new(400, "parseError", message),
            Trouble::NoEndpoint => Self::new(404, "notFound", message),
            Trouble::NoMethod => Self::new(405, "httpMethodNotAllowed", message),
            Trouble::TooMany => {
                let status = Some("RESOURCE_EXHAUSTED");
                Self { status, ..Self::new(429, "rateLimitExceeded", message) }
            }
            Trouble::Broken => Self::new(500, "backendError", message),
        }
    }

    /// `code` of a fault is the reason here, such as `rateLimitExceeded`.
    fn scripted(fault: &Fault) -> Self {
        let code = fault.status.unwrap_or(500);
        let reason = fault.code.as_deref().unwrap_or(usual_reason(code));
        let message = fault.message.clone().unwrap_or_else(|| format!("{reason} (scripted fault)"));
        Self { status: front_end_status(code), ..Self::new(code, reason, message) }
    }

    fn status(&self) -> u16 {
        self.code
    }

    fn body(&self) -> Value {
        let mut detail = json!({
            "message": self.message,
            "domain": if self.reason == "rateLimitExceeded" { "usageLimits" } else { "global" },
            "reason": self.reason,
        });
        if let Some((location, kind)) = self.location {
            detail["location"] = location.into();
            detail["locationType"] = kind.into();
        }
        let mut error = json!({"code": self.code, "message": self.message, "errors": [detail]});
        if let Some(status) = self.status {
            error["status"] = status.into();
        }
        json!({ "error": error })
    }
}

fn usual_reason(code: u16) -> &'static str {
    match code {
        400 => "badRequest",
        401 => "authError",
        403 => "forbidden",
        404 => "notFound",
        409 => "conflict",
        412 => "conditionNotMet",
        429 => "rateLimitExceeded",
        _ => "backendError",
    }
}

fn front_end_status(code: u16) -> Option<&'static str> {
    match code {
        401 => Some("UNAUTHENTICATED"),
        403 => Some("PERMISSION_DENIED"),
        429 => Some("RESOURCE_EXHAUSTED"),
        503 => Some("UNAVAILABLE"),
        _ => None,
    }
}
