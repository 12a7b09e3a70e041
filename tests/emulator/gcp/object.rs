//! An object: what the API draws of it, and what it does not tell.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chassis::clock;
use super::fingerprint;
use super::paths::{link, name_of, scope_of};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Object {
    pub id: u64,
    /// As the API answers it.
    pub body: Value,
    /// Milliseconds since 1970.
    pub created: u64,
    /// Of an instance: what is hidden of its guest.
    pub guest: Guest,
}

/// What the API does not tell of an instance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Guest {
    /// Counts starts.
    pub boots: u32,
    /// When it has run as long as it may.
    pub expires: Option<u64>,
}

impl Object {
    /// An object with the fields that every one has.
    pub fn new(kind: &str, path: &str, (id, created): (u64, u64)) -> Self {
        let mut body = json!({
            "kind": format!("compute#{kind}"),
            "id": id.to_string(),
            "creationTimestamp": timestamp(created),
            "name": name_of(path),
            "selfLink": link(path),
        });
        let scope = scope_of(path);
        if let Some((kind @ ("zones" | "regions"), _)) = scope.split_once('/') {
            let home = path.split(&scope).next().unwrap_or_default();
            body[kind.trim_end_matches('s')] = link(&format!("{home}{scope}")).into();
        }
        Self { id, body, created, guest: Guest::default() }
    }

    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    pub fn status(&self) -> &str {
        self.text("status")
    }

    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.body[field] = value.into();
    }

    /// Sets a field where a request gave it.
    pub fn set_given(&mut self, field: &str, value: Option<&Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.body[field] = value.clone();
        }
    }

    pub fn set_labels(&mut self, labels: Value) {
        self.set("labelFingerprint", fingerprint::of(&labels));
        match labels.as_object().is_some_and(|labels| !labels.is_empty()) {
            true => self.set("labels", labels),
            false => drop(self.body.as_object_mut().and_then(|body| body.remove("labels"))),
        }
    }
}

/// RFC 3339 with milliseconds and an offset, as this API writes times.
pub fn timestamp(milliseconds: u64) -> String {
    clock::text(milliseconds).replace('Z', &format!(".{:03}+00:00", milliseconds % 1000))
}
