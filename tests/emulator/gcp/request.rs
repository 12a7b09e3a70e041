//! A request as a handler sees it, and the reading of its fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::chassis::call::Call;
use super::refusal::Refusal;
use super::routes::{self, Handler};

pub struct Request {
    pub handler: Handler,
    pub method: String,
    pub template: &'static str,
    /// Without a leading slash: `projects/p/zones/z/instances/n/stop`.
    pub path: String,
    parameters: BTreeMap<&'static str, String>,
    query: Vec<(String, String)>,
    pub body: Map<String, Value>,
    /// Milliseconds since 1970.
    pub received: u64,
}

impl Request {
    pub fn read(call: &Call, now: u64) -> Result<Self, Refusal> {
        let method = call.method.as_str();
        let missing = || Refusal::new(404, "notFound", "no such endpoint");
        Ok(Self {
            handler: routes::find(method, call.template).ok_or_else(missing)?.handler,
            method: method.to_owned(),
            template: call.template,
            path: call.path.trim_start_matches('/').to_owned(),
            parameters: call.parameters().collect(),
            query: call.query(),
            body: call.body()?,
            received: now,
        })
    }

    /// What stands in the path for `{name}`; empty when the template lacks it.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    pub fn project(&self) -> &str {
        self.parameter("project")
    }

    pub fn zone(&self) -> &str {
        self.parameter("zone")
    }

    pub fn query(&self, key: &str) -> Option<&str> {
        let found = self.query.iter().find(|(k, v)| k == key && !v.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    pub fn is_asked_for(&self, key: &str) -> bool {
        self.query(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.template.ends_with("/wait")
    }

    /// The path of the object that a request is about, without the verb after it.
    pub fn target(&self) -> String {
        let ends_in_parameter = self.template.ends_with('}');
        match self.path.rsplit_once('/') {
            Some((object, _)) if !ends_in_parameter => object.to_owned(),
            _ => self.path.clone(),
        }
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        text(&self.body, field)
    }

    pub fn required(&self, field: &str) -> Result<&str, Refusal> {
        self.text(field).ok_or_else(|| Refusal::required(&format!("resource.{field}")))
    }
}

/// A field with text in it.
pub fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// A whole number; the API's JSON has large ones as text.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
