//! Labels: their rules, and the call that changes them on any object.

use serde_json::{Value, json};

use super::chassis::answer::Answer;
use super::compute::Compute;
use super::fingerprint;
use super::operations::Start;
use super::refusal::Refusal;
use super::request::Request;

const MOST: usize = 64;

/// Reads a field of labels; none is no labels.
pub fn read(value: Option<&Value>) -> Result<Value, Refusal> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(json!({})) };
    let wrong = |text: &str, why: String| Err(Refusal::invalid("resource.labels", text, why));
    let Some(labels) = value.as_object() else {
        return wrong(&value.to_string(), "Must be a map of text.".to_owned());
    };
    if labels.len() > MOST {
        return wrong("", format!("At most {MOST} labels are allowed."));
    }
    for (key, value) in labels {
        if !is_key(key) {
            return wrong(
                "",
                format!(
                    "Label key '{key}' violates format constraints. The key must start with a \
                 lowercase character, can only contain lowercase letters, numeric characters, \
                 underscores and dashes. The key can be at most 63 characters long."
                ),
            );
        }
        let text = value.as_str().unwrap_or("?");
        if !is_value(text) {
            return wrong(
                "",
                format!(
                    "Label value '{text}' violates format constraints. The value can only contain \
                 lowercase letters, numeric characters, underscores and dashes. The value can \
                 be at most 63 characters long."
                ),
            );
        }
    }
    Ok(value.clone())
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_alphabetic() && !c.is_uppercase()) && is_value(key)
}

/// Letters of any script without upper case, digits, `_` and `-`, at most 63.
fn is_value(text: &str) -> bool {
    let is_fine = |c: char| {
        (c.is_alphabetic() && !c.is_uppercase()) || c.is_numeric() || c == '_' || c == '-'
    };
    text.chars().count() <= 63 && text.chars().all(is_fine)
}

/// `setLabels` of any object: replaces all labels, if nobody else has meanwhile.
pub fn set(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let object = compute.object(&path)?;
    let current = &object.body["labelFingerprint"];
    if !fingerprint::is_same(current, request.text("labelFingerprint")) {
        let message = "Labels fingerprint either invalid or resource labels have changed";
        return Err(Refusal::condition(message));
    }
    let labels = read(request.body.get("labels"))?;
    compute.refuse_unready(&path)?;
    if !compute.will_fail("setLabels") {
        compute.object_mut(&path)?.set_labels(labels);
    }
    compute.answer_begun(Start::on("setLabels", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_lower_case() {
        let is_fine = |key: &str, value: &str| read(Some(&json!({ key: value }))).is_ok();
        assert!(is_fine("a", "") && is_fine("a_b-1", "1-_x") && is_fine("é", "ü"));
        assert!(!is_fine("1a", "x") && !is_fine("A", "x") && !is_fine("", "x"));
        assert!(!is_fine("a", "X") && !is_fine("a", "a.b") && !is_fine("a", &"x".repeat(64)));
    }
}
