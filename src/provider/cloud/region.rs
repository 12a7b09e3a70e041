//! Regions and the locations in them, by their names.

use crate::value::Value;

/// Tells whether a location is a region, or one of its zones: a zone is called as
/// its region is, with one letter more (`us-east-1a`, `us-central1-a`).
pub fn contains(region: &str, location: &str) -> bool {
    let Some(rest) = location.strip_prefix(region) else { return false };
    let zone = rest.strip_prefix('-').unwrap_or(rest);
    rest.is_empty() || (zone.len() == 1 && zone.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Returns the region of a location: a zone's name without its letter.
pub fn of(location: &str) -> &str {
    let before = location.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(location);
    match before.strip_suffix('-').unwrap_or(before) {
        region if region.ends_with(|c: char| c.is_ascii_digit()) => region,
        _ => location,
    }
}

/// Returns the regions of a provider's sandboxes that name none: the one of the
/// command line, else those of the provider's block.
pub fn defaults(typed: Option<&str>, block: Option<&Value>) -> Vec<String> {
    match typed {
        Some(region) => vec![region.to_owned()],
        None => block.and_then(names).unwrap_or_default(),
    }
}

/// Reads a text or a list of texts, each once; nothing where a part is not
/// known. What is no text (which validation has refused) is left out.
pub fn names(value: &Value) -> Option<Vec<String>> {
    if !value.is_wholly_known() {
        return None;
    }
    let elements = value.as_elements().unwrap_or(std::slice::from_ref(value));
    let mut names: Vec<String> = Vec::new();
    for name in elements.iter().filter_map(Value::as_str) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Tells whether a value is a text or a list of at least one text; unknown
/// parts may turn out to be texts.
pub fn is_names(value: &Value) -> bool {
    let is_text =
        |v: &Value| v.is_unknown() || v.as_str().is_some_and(|text| !text.trim().is_empty());
    match value.as_elements() {
        Some(elements) => !elements.is_empty() && elements.iter().all(is_text),
        None => value.is_null() || is_text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    #[test]
    fn one_name_is_a_list_of_one_and_the_unknown_is_waited_for() {
        let list = Value::tuple([Value::from("ash"), Value::from("fsn1"), Value::from("ash")]);
        assert_eq!(names(&list), Some(vec!["ash".to_owned(), "fsn1".to_owned()]));
        assert_eq!(names(&Value::from("ash")), Some(vec!["ash".to_owned()]));
        assert_eq!(names(&Value::tuple([Value::Unknown(Type::String)])), None);
        assert!(is_names(&list) && !is_names(&Value::tuple([])) && !is_names(&Value::from(3i64)));
    }

    #[test]
    fn the_command_line_counts_before_the_block() {
        let block = Value::from("hil");
        assert_eq!(defaults(Some("sin"), Some(&block)), ["sin"]);
        assert_eq!(defaults(None, Some(&block)), ["hil"]);
        assert!(defaults(None, None).is_empty());
    }

    #[test]
    fn zones_are_in_their_region_and_in_no_other() {
        for (region, location, is) in [
            ("ash", "ash", true),
            ("fsn", "fsn1", false),
            ("us-east-1", "us-east-1a", true),
            ("us-east-1", "us-east-1-bos-1a", false),
            ("us-east-1a", "us-east-1", false),
            ("us-central1", "us-central1-f", true),
            ("us-central1-f", "us-central1-f", true),
            ("us-west1", "us-west12-a", false),
        ] {
            assert_eq!(contains(region, location), is, "{region} {location}");
        }
        for (location, region) in [
            ("us-east-1a", "us-east-1"),
            ("us-central1-a", "us-central1"),
            ("us-east-1", "us-east-1"),
            ("ash", "ash"),
            ("fsn1", "fsn1"),
        ] {
            assert_eq!(of(location), region);
        }
    }
}
