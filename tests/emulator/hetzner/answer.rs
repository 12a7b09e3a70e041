//! Answers and refusals, in the API's words.

use serde_json::{Value, json};

pub use super::chassis::answer::Answer;
use super::chassis::answer::{Refuse, Trouble};
use super::chassis::faults::{Fault, Kind};

/// An error of the API: `{"error": {"code", "message", "details"}}`.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub details: Value,
}

impl Refusal {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: usual_status(code),
            code: code.to_owned(),
            message: message.into(),
            details: Value::Null,
        }
    }

    fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn not_found(what: &str, id: u64) -> Self {
        Self::new("not_found", format!("{what} with ID '{id}' not found"))
    }

    /// One field that is not as it should be.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::invalid_fields(&[(field.to_owned(), message.into())])
    }

    pub fn invalid_fields(problems: &[(String, String)]) -> Self {
        let fields: Vec<Value> =
            problems.iter().map(|(name, text)| json!({"name": name, "messages": [text]})).collect();
        let names: Vec<String> = problems.iter().map(|(name, _)| format!("'{name}'")).collect();
        let plural = if names.len() == 1 { "" } else { "s" };
        let mut refusal = Self::new(
            "invalid_input",
            format!("invalid input in field{plural} {}", names.join(", ")),
        );
        refusal.details = json!({ "fields": fields });
        refusal
    }

    /// Something else has this name (or fingerprint) already.
    pub fn not_unique(field: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::new("uniqueness_error", message);
        refusal.details = json!({"fields": [{"name": field}]});
        refusal
    }
}

impl Refuse for Refusal {
    fn of(trouble: Trouble, message: String) -> Self {
        let code = match trouble {
            Trouble::Json => "json_error",
            Trouble::Shape => "invalid_input",
            Trouble::NoEndpoint => "not_found",
            Trouble::NoMethod => "method_not_allowed",
            Trouble::TooMany => "rate_limit_exceeded",
            Trouble::Broken => "server_error",
        };
        Self::new(code, message)
    }

    fn scripted(fault: &Fault) -> Self {
        let status = fault.status.or((fault.kind == Kind::Status).then_some(500));
        let default = match fault.kind {
            Kind::Locked => "locked",
            Kind::NoCapacity => "resource_unavailable",
            Kind::ActionFails => "action_failed",
            _ => usual_code(status.unwrap_or(500)),
        };
        let code = fault.code.as_deref().unwrap_or(default);
        let message = fault.message.clone().unwrap_or_else(|| format!("{code} (scripted fault)"));
        Self::new(code, message).status(status.unwrap_or(usual_status(code)))
    }

    fn status(&self) -> u16 {
        self.status
    }

    fn body(&self) -> Value {
        json!({"error": {"code": self.code, "message": self.message, "details": self.details}})
    }
}

/// The status that goes with a code, by the API's general table of errors.
pub fn usual_status(code: &str) -> u16 {
    match code {
        "json_error" => 400,
        "unauthorized" | "token_readonly" => 401,
        "forbidden" | "maintenance" | "resource_limit_exceeded" => 403,
        "not_found" | "firewall_resource_not_found" => 404,
        "method_not_allowed" => 405,
        "uniqueness_error" | "conflict" => 409,
        "deprecated_api_endpoint" => 410,
        "resource_unavailable" | "placement_error" => 412,
        "locked" | "resource_locked" | "protected" => 423,
        "rate_limit_exceeded" => 429,
        "server_error" | "service_error" => 500,
        "bad_gateway" => 502,
        "unavailable" => 503,
        "timeout" => 504,
        _ => 422,
    }
}

/// The code that goes with a status, for faults that give only a status.
pub fn usual_code(status: u16) -> &'static str {
    match status {
        400 => "json_error",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        412 => "resource_unavailable",
        423 => "locked",
        429 => "rate_limit_exceeded",
        502 => "bad_gateway",
        503 => "unavailable",
        504 => "timeout",
        500.. => "server_error",
        _ => "invalid_input",
    }
}
