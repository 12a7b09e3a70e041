//! Errors in the words of each service: EC2's XML, STS's XML, JSON.

use serde_json::json;

use super::xml::Element;

/// An error that a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: usual_status(code), code: code.to_owned(), message: message.into() }
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn no_instance(id: &str) -> Self {
        Self::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
    }

    /// The content type and text that clients of a service read.
    pub fn body(&self, service: &str, request: &str) -> (&'static str, String) {
        match service {
            "ec2" => ("text/xml;charset=UTF-8", self.of_ec2(request)),
            "ssm" => {
                let body = json!({"__type": self.code, "message": self.message});
                ("application/x-amz-json-1.1", body.to_string())
            }
            _ => ("text/xml", self.of_query(request)),
        }
    }

    fn of_ec2(&self, request: &str) -> String {
        let mut root = Element::new("Response");
        root.set("Errors/Error/Code", &self.code);
        root.set("Errors/Error/Message", &self.message);
        root.set("RequestID", request);
        root.document()
    }

    fn of_query(&self, request: &str) -> String {
        let mut root = Element::new("ErrorResponse");
        let side = if self.status >= 500 { "Receiver" } else { "Sender" };
        root.set("Error/Type", side);
        root.set("Error/Code", &self.code);
        root.set("Error/Message", &self.message);
        root.set("RequestId", request);
        root.document()
    }
}

/// The status that EC2 sends with a code.
fn usual_status(code: &str) -> u16 {
    match code {
        "AuthFailure" | "OptInRequired" => 401,
        "UnauthorizedOperation" | "InvalidClientTokenId" | "ExpiredToken" | "AccessDenied" => 403,
        "InternalError" | "InternalFailure" => 500,
        "InsufficientInstanceCapacity" | "InsufficientHostCapacity" => 500,
        "RequestLimitExceeded" | "ServiceUnavailable" | "Unavailable" => 503,
        _ => 400,
    }
}

/// The code that goes with a status, for faults that give only a status.
pub fn usual_code(status: u16) -> &'static str {
    match status {
        401 => "AuthFailure",
        403 => "UnauthorizedOperation",
        503 => "RequestLimitExceeded",
        500.. => "InternalError",
        _ => "InvalidParameterValue",
    }
}
