//! A request as a handler sees it, and the reading of its fields.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::labels::{self, Labels};

pub struct Request {
    /// Such as `/servers/{id}/actions/poweron`.
    pub template: &'static str,
    pub id: u64,
    pub action_id: u64,
    pub query: Vec<(String, String)>,
    pub body: Map<String, Value>,
}

impl Request {
    /// The collection a request is about: `servers` of `/servers/{id}`.
    pub fn collection(&self) -> &'static str {
        self.template.trim_start_matches('/').split('/').next().unwrap_or_default()
    }

    pub fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// Every value of a repeated parameter, empty ones left out.
    pub fn all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        let key = key.to_owned();
        self.query.iter().filter(move |(k, v)| *k == key && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    pub fn fields(&self) -> Fields<'_> {
        Fields { body: &self.body, problems: Vec::new() }
    }
}

/// Reads the fields of a body and collects what is wrong with them, so that
/// one answer names them all.
pub struct Fields<'a> {
    body: &'a Map<String, Value>,
    problems: Vec<(String, String)>,
}

impl<'a> Fields<'a> {
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub fn problem(&mut self, name: &str, message: impl Into<String>) {
        self.problems.push((name.to_owned(), message.into()));
    }

    /// A field that must be there, as it came.
    pub fn required(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.value(name);
        if value.is_none() {
            self.problem(name, "Missing data for required field.");
        }
        value
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        if !value.is_string() {
            self.problem(name, "Not a valid string.");
        }
        value.as_str().map(str::to_owned)
    }

    pub fn required_text(&mut self, name: &str) -> String {
        match self.required(name) {
            Some(_) => self.text(name).unwrap_or_default(),
            None => String::new(),
        }
    }

    /// A name or an id, both as text; the API takes either in one field.
    pub fn reference(&mut self, name: &str) -> Option<String> {
        self.value(name).and_then(|value| self.as_reference(name, value))
    }

    pub fn references(&mut self, name: &str) -> Vec<String> {
        let items = self.list(name);
        items.iter().filter_map(|item| self.as_reference(name, item)).collect()
    }

    fn as_reference(&mut self, name: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.problem(name, "Not a valid name or ID.");
                None
            }
        }
    }

    pub fn id(&mut self, name: &str) -> Option<u64> {
        let value = self.value(name)?;
        if value.as_u64().is_none() {
            self.problem(name, "Not a valid integer.");
        }
        value.as_u64()
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        if !value.is_boolean() {
            self.problem(name, "Not a valid boolean.");
        }
        value.as_bool()
    }

    pub fn list(&mut self, name: &str) -> &'a [Value] {
        match self.value(name) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.problem(name, "Not a valid list.");
                &[]
            }
        }
    }

    pub fn labels(&mut self) -> Option<Labels> {
        let value = self.value("labels")?;
        match labels::read(value) {
            Ok(labels) => Some(labels),
            Err(message) => {
                self.problem("labels", message);
                None
            }
        }
    }

    pub fn finish(&self) -> Result<(), Refusal> {
        match self.problems.as_slice() {
            [] => Ok(()),
            problems => Err(Refusal::invalid_fields(problems)),
        }
    }
}
