//! Replaces sensitive values by keyed fingerprints, so that a change of a
//! secret is noticed without the secret being kept.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value as Json};
use sha2::Sha256;

use crate::object::Lineage;
use crate::value::Value;

/// Returns the value with every sensitive part replaced by its fingerprint
/// (HMAC-SHA-256 under the state's lineage, first 16 bytes in hexadecimal).
/// Redacting twice is redacting once.
pub fn redact(value: &Value, lineage: &Lineage) -> Value {
    match value {
        Value::Sensitive(inner) if inner.is_wholly_known() => fingerprint(inner, lineage),
        Value::Sensitive(_) => value.clone(),
        other if other.contains_sensitive() => other.map_children(|child| redact(child, lineage)),
        other => other.clone(),
    }
}

fn fingerprint(value: &Value, lineage: &Lineage) -> Value {
    if let Value::Redacted(_) = value {
        return value.clone();
    }
    let text = canonical(value).to_string();
    let digest = match Hmac::<Sha256>::new_from_slice(lineage.as_str().as_bytes()) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes()
        }
        // HMAC takes keys of any length, so this arm is never taken.
        Err(_) => Default::default(),
    };
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Value::Redacted(hex.into())
}

/// Writes values that mean the same to a platform in one way: lists and tuples,
/// maps and objects are alike, and null, empty and absent are one.
fn canonical(value: &Value) -> Json {
    match value {
        Value::Sensitive(inner) => canonical(inner),
        Value::Redacted(fingerprint) => serde_json::json!({ "$redacted": **fingerprint }),
        value => match (value.as_elements(), value.as_attributes()) {
            (Some([]), _) => Json::Null,
            (Some(elements), _) => Json::Array(elements.iter().map(canonical).collect()),
            (_, Some(members)) => {
                let members =
                    members.iter().map(|(name, value)| (name.to_string(), canonical(value)));
                let members: Map<_, _> = members.filter(|(_, value)| !value.is_null()).collect();
                if members.is_empty() { Json::Null } else { Json::Object(members) }
            }
            _ => value.to_json(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_leaves_only_a_fingerprint_that_notices_change() {
        let lineage = Lineage::from("l");
        let secret = |text: &str| Value::object([("a", Value::from(text).sensitive())]);
        let stored = redact(&secret("hunter2"), &lineage);
        assert!(!format!("{stored:?}").contains("hunter2"));
        assert_eq!(redact(&secret("hunter2"), &lineage), stored);
        assert_eq!(redact(&stored, &lineage), stored);
        assert_ne!(redact(&secret("hunter3"), &lineage), stored);
        assert_ne!(redact(&secret("hunter2"), &Lineage::from("m")), stored);
    }
}
