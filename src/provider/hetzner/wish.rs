//! What a sandbox's arguments ask of the platform's shelves: types, sizes,
//! regions and an image.

use crate::provider::size::Size;
use crate::value::Value;

/// Where a sandbox runs when neither it nor its provider names a region.
pub const DEFAULT_REGION: &str = "ash";
/// The image of a sandbox that names none.
pub const DEFAULT_IMAGE: &str = "ubuntu-24.04";

/// What a sandbox asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// In the user's order; none leaves the choice to `size`.
    pub server_types: Vec<String>,
    pub size: Option<Size>,
    /// In the user's order, never empty.
    pub regions: Vec<String>,
    /// The name or id of what the disk begins with; nothing while it is not known.
    pub image: Option<String>,
    /// The image is a snapshot.
    pub from_snapshot: bool,
}

impl Wish {
    /// Reads the arguments; `defaults` are the provider's regions. Nothing where
    /// types, size or regions are not known yet.
    pub fn of(attributes: &Value, defaults: &[String]) -> Option<Self> {
        let server_types = attributes.get("hetzner").and_then(|own| own.get("server_type"));
        let size = attributes.get("size");
        if size.is_some_and(|size| !size.is_wholly_known())
            || attributes.get("hetzner").is_some_and(Value::is_unknown)
        {
            return None;
        }
        let image = |name| attributes.get(name).filter(|value| !value.is_null());
        let default = Value::from(DEFAULT_IMAGE);
        let from = image("from");
        let chosen = from.or(image("image")).unwrap_or(&default);
        Some(Self {
            server_types: server_types.map_or(Some(vec![]), names)?,
            size: Size::of(size),
            regions: regions(attributes.get("region"), defaults)?,
            image: chosen.as_str().map(str::to_owned),
            from_snapshot: from.is_some(),
        })
    }
}

/// Returns the regions that an argument asks for, or else the defaults.
pub fn regions(region: Option<&Value>, defaults: &[String]) -> Option<Vec<String>> {
    let asked = region.map_or(Some(vec![]), names)?;
    Some(match (asked.is_empty(), defaults.is_empty()) {
        (false, _) => asked,
        (true, false) => defaults.to_vec(),
        (true, true) => vec![DEFAULT_REGION.to_owned()],
    })
}

/// Returns the regions of a provider's sandboxes that name none: the one of the
/// command line, else those of the provider's block.
pub fn default_regions(typed: Option<&str>, block: Option<&Value>) -> Vec<String> {
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
    fn a_sandbox_without_a_region_goes_where_its_provider_does() {
        let nothing = Value::object::<&str>([]);
        let of = |defaults: &[String]| Wish::of(&nothing, defaults).expect("known").regions;
        assert_eq!(of(&["fsn1".to_owned()]), ["fsn1"]);
        assert_eq!(of(&[]), [DEFAULT_REGION]);
        let block = Value::from("hil");
        assert_eq!(default_regions(Some("sin"), Some(&block)), ["sin"]);
        assert_eq!(default_regions(None, Some(&block)), ["hil"]);
        assert!(default_regions(None, None).is_empty());
    }

    #[test]
    fn the_snapshot_counts_before_the_image() {
        let attributes = Value::object([("from", Value::Unknown(Type::String))]);
        let wish = Wish::of(&attributes, &[]).expect("known");
        assert!(wish.from_snapshot && wish.image.is_none());
    }
}
