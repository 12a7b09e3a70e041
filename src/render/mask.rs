//! Values as JSON for others to read: sensitive parts become null, and which
//! parts are sensitive or unknown is told beside them, as Terraform does.

use serde_json::{Map, Value as Json};

use crate::value::Value;

/// Returns plain JSON without anything sensitive; unknown attributes are left out.
pub fn plain(value: &Value) -> Json {
    match value {
        Value::Sensitive(_) | Value::Redacted(_) => Json::Null,
        nested => {
            nest(nested, plain, |member| !member.is_unknown()).unwrap_or_else(|| nested.to_json())
        }
    }
}

/// Returns where a value is sensitive: `true`, or the same for what is inside.
pub fn sensitive(value: &Value) -> Json {
    match value {
        Value::Sensitive(_) | Value::Redacted(_) => Json::Bool(true),
        nested => places(nested, sensitive),
    }
}

/// Returns where a value is unknown: `true`, or the same for what is inside.
pub fn unknown(value: &Value) -> Json {
    match value {
        Value::Sensitive(inner) if !inner.is_wholly_known() => Json::Bool(true),
        Value::Unknown(_) => Json::Bool(true),
        nested => places(nested, unknown),
    }
}

/// Marks places; an attribute without any is left out.
fn places(value: &Value, mark: fn(&Value) -> Json) -> Json {
    nest(value, mark, |member| mark(member) != Json::Bool(false)).unwrap_or(Json::Bool(false))
}

fn nest(value: &Value, inner: fn(&Value) -> Json, keep: impl Fn(&Value) -> bool) -> Option<Json> {
    match value {
        Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
            Some(Json::Array(elements.iter().map(inner).collect()))
        }
        Value::Map(_, members) | Value::Object(members) => {
            let kept = members.iter().filter(|(_, member)| keep(member));
            let members: Map<_, _> = kept.map(|(k, v)| (k.to_string(), inner(v))).collect();
            Some(Json::Object(members))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample::{SECRET, secret, wanted};
    use crate::value::Type;

    #[test]
    fn secrets_and_unknowns_leave_only_their_places() {
        let value = wanted()
            .with("list", Value::tuple([secret(), Value::Unknown(Type::String), Value::from(1)]));
        let json = plain(&value);
        assert!(!json.to_string().contains(SECRET), "{json}");
        assert_eq!(json["list"], serde_json::json!([null, null, 1]));
        assert_eq!(json.get("id"), None);
        assert_eq!(sensitive(&value)["list"], serde_json::json!([true, false, false]));
        assert_eq!(sensitive(&value)["env"], serde_json::json!({ "TOKEN": true }));
        assert_eq!(sensitive(&value).get("name"), None);
        assert_eq!(unknown(&value)["id"], true);
        assert_eq!(unknown(&value)["list"], serde_json::json!([false, true, false]));
    }
}
