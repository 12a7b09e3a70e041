//! Two JSON forms of values: plain, for people and programs, and lossless,
//! for the state and plan files.
//!
//! Lossless: what JSON can say is plain JSON (a string, a tuple as an array,
//! an object as an object); the rest is an object with one key that starts
//! with `$`: `{"$unknown": type}`, `{"$null": type}`, `{"$list": [type, […]]}`,
//! `{"$set": …}`, `{"$map": [type, {…}]}`, `{"$sensitive": v}`, `{"$redacted": "…"}`,
//! and `{"$object": {…}}` for an object that has such a key itself.

use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Attributes, Number, Type, Value};

impl Value {
    /// Returns plain JSON: unknown parts become null and marks are dropped, so
    /// check `contains_sensitive` before showing the result to anybody.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null(_) | Self::Unknown(_) | Self::Redacted(_) => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number) => number_to_json(number),
            Self::String(text) => Json::String(text.to_string()),
            Self::List(_, elements) | Self::Set(_, elements) | Self::Tuple(elements) => {
                Json::Array(elements.iter().map(Value::to_json).collect())
            }
            Self::Map(_, attributes) | Self::Object(attributes) => {
                Json::Object(attributes.iter().map(|(k, v)| (k.to_string(), v.to_json())).collect())
            }
            Self::Sensitive(inner) => inner.to_json(),
        }
    }

    /// Reads plain JSON as `jsondecode` does: arrays are tuples, objects are objects.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::null(),
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => number_from_json(number),
            Json::String(text) => Self::from(text.as_str()),
            Json::Array(elements) => Self::tuple(elements.iter().map(Self::from_json)),
            Json::Object(members) => {
                Self::object(members.iter().map(|(k, v)| (k.as_str(), Self::from_json(v))))
            }
        }
    }

    /// Returns lossless JSON, which `from_lossless` reads back as the same value.
    pub fn to_lossless(&self) -> Json {
        let list = |elements: &[Value]| elements.iter().map(Value::to_lossless).collect::<Vec<_>>();
        let named = |attributes: &Attributes| {
            attributes
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_lossless()))
                .collect::<serde_json::Map<_, _>>()
        };
        match self {
            Self::Null(Type::Dynamic) => Json::Null,
            Self::Null(kind) => json!({ "$null": kind }),
            Self::Unknown(kind) => json!({ "$unknown": kind }),
            Self::Bool(_) | Self::Number(_) | Self::String(_) => self.to_json(),
            Self::List(kind, elements) => json!({ "$list": [kind, list(elements)] }),
            Self::Set(kind, elements) => json!({ "$set": [kind, list(elements)] }),
            Self::Map(kind, attributes) => json!({ "$map": [kind, named(attributes)] }),
            Self::Tuple(elements) => Json::Array(list(elements)),
            Self::Object(attributes) if attributes.keys().any(|k| k.starts_with('$')) => {
                json!({ "$object": named(attributes) })
            }
            Self::Object(attributes) => Json::Object(named(attributes)),
            Self::Sensitive(inner) => json!({ "$sensitive": inner.to_lossless() }),
            Self::Redacted(fingerprint) => json!({ "$redacted": **fingerprint }),
        }
    }

    /// Reads what `to_lossless` wrote; nothing when the text is of another making.
    pub fn from_lossless(json: &Json) -> Option<Self> {
        let list = |json: &Json| -> Option<Vec<Value>> {
            json.as_array()?.iter().map(Self::from_lossless).collect()
        };
        let named = |members: &serde_json::Map<String, Json>| -> Option<Attributes> {
            members
                .iter()
                .map(|(k, v)| Some((k.as_str().into(), Self::from_lossless(v)?)))
                .collect()
        };
        let typed = |json: &Json| -> Option<(Type, Json)> {
            Some((Type::from_json(json.get(0)?)?, json.get(1)?.clone()))
        };
        let Json::Object(members) = json else {
            return match json {
                Json::Array(_) => Some(Self::Tuple(Arc::new(list(json)?))),
                other => Some(Self::from_json(other)),
            };
        };
        let Some((key, inner)) = members.iter().next().filter(|(k, _)| k.starts_with('$')) else {
            return Some(Self::Object(Arc::new(named(members)?)));
        };
        Some(match key.as_str() {
            "$null" => Self::Null(Type::from_json(inner)?),
            "$unknown" => Self::Unknown(Type::from_json(inner)?),
            "$list" => typed(inner).and_then(|(t, e)| Some(Self::List(t, Arc::new(list(&e)?))))?,
            "$set" => typed(inner).and_then(|(t, e)| Some(Self::Set(t, Arc::new(list(&e)?))))?,
            "$map" => typed(inner)
                .and_then(|(t, e)| Some(Self::Map(t, Arc::new(named(e.as_object()?)?))))?,
            "$object" => Self::Object(Arc::new(named(inner.as_object()?)?)),
            "$sensitive" => Self::from_lossless(inner)?.sensitive(),
            "$redacted" => Self::Redacted(inner.as_str()?.into()),
            _ => return None,
        })
    }
}

fn number_to_json(number: &Number) -> Json {
    serde_json::Number::from_str(&number.to_string()).map_or(Json::Null, Json::Number)
}

fn number_from_json(number: &serde_json::Number) -> Value {
    Number::from_str(&number.to_string()).map_or(Value::null(), Value::Number)
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_lossless().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_lossless(&json).ok_or_else(|| serde::de::Error::custom("not a value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lossless_json_reads_back_as_the_same_value() {
        let value = Value::object([
            ("a", Value::string_map([("$k", "v")])),
            ("b", Value::Set(Type::Number, Arc::new(vec![Value::from(1), Value::from(2)]))),
            ("c", Value::tuple([Value::Unknown(Type::list(Type::String)), Value::null()])),
            ("d", Value::object([("$x", Value::from(true))])),
            ("e", Value::Null(Type::String).sensitive()),
            ("f", Value::Redacted("abc".into())),
            ("g", Value::Number("123456789012345678901234567890.5".parse().expect("a number"))),
        ]);
        let text = serde_json::to_string(&value).expect("serializes");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("reads"), value);
    }
}
