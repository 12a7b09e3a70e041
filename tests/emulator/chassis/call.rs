//! A request before its fields are read.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::answer::{Refuse, Trouble};

const MOST_BODY: usize = 4 * 1024 * 1024;

pub struct Call {
    /// Such as `/servers/{id}/actions/poweron`.
    pub template: &'static str,
    pub method: Method,
    /// Without the prefix of the API's version.
    pub path: String,
    query: String,
    pub headers: HeaderMap,
    body: Bytes,
}

impl Call {
    pub async fn of(
        template: &'static str,
        prefixes: &'static [&'static str],
        request: HttpRequest,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let mut stripped = prefixes.iter().filter(|prefix| !prefix.is_empty());
        Self {
            template,
            method: parts.method,
            path: stripped.find_map(|p| path.strip_prefix(p)).unwrap_or(path).to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: to_bytes(body, MOST_BODY).await.unwrap_or_default(),
        }
    }

    /// The bearer's token; empty when there is none.
    pub fn token(&self) -> &str {
        let given = self.headers.get("authorization").and_then(|value| value.to_str().ok());
        given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
    }

    /// What stands in the path where the template has `{name}`s.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let pairs = self.template.split('/').zip(self.path.split('/'));
        pairs.filter_map(|(name, value)| {
            let name = name.strip_prefix('{')?.strip_suffix('}')?;
            Some((name, decode(value)))
        })
    }

    pub fn query(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
            })
            .collect()
    }

    /// The fields of the body; none for an empty one.
    pub fn body<R: Refuse>(&self) -> Result<Map<String, Value>, R> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(Value::Null) => Ok(Map::new()),
            Ok(_) => Err(R::of(Trouble::Shape, "the body has to be an object".to_owned())),
            Err(error) => Err(R::of(Trouble::Json, error.to_string())),
        }
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
