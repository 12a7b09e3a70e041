//! What a sandbox's arguments ask of the platform's shelves: types, sizes,
//! regions and an image.

use super::region::names;
use super::terms::Terms;
use crate::provider::size::Size;
use crate::value::Value;

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
    pub fn of(terms: &Terms, attributes: &Value, defaults: &[String]) -> Option<Self> {
        let own = attributes.get(terms.block);
        let size = attributes.get("size");
        if size.is_some_and(|size| !size.is_wholly_known()) || own.is_some_and(Value::is_unknown) {
            return None;
        }
        let server_types = own.and_then(|own| own.get(terms.type_argument));
        let from = attributes.get("from").filter(|value| !value.is_null());
        Some(Self {
            server_types: server_types.map_or(Some(vec![]), names)?,
            size: Size::of(size),
            regions: regions(terms, attributes.get("region"), defaults)?,
            image: image(terms, attributes),
            from_snapshot: from.is_some(),
        })
    }
}

/// Returns the name or id of what a disk begins with; nothing while it is not known.
pub fn image(terms: &Terms, attributes: &Value) -> Option<String> {
    let given = |name| attributes.get(name).filter(|value| !value.is_null());
    match given("from").or(given("image")) {
        Some(value) => value.as_str().map(str::to_owned),
        None => Some(terms.default_image.to_owned()),
    }
}

/// Returns the regions that an argument asks for, or else the defaults.
fn regions(terms: &Terms, region: Option<&Value>, defaults: &[String]) -> Option<Vec<String>> {
    let asked = region.map_or(Some(vec![]), names)?;
    Some(match (asked.is_empty(), defaults.is_empty()) {
        (false, _) => asked,
        (true, false) => defaults.to_vec(),
        (true, true) => vec![terms.default_region.to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::super::terms::tests::EXAMPLE;
    use super::*;
    use crate::value::Type;

    fn wish(attributes: &Value, defaults: &[String]) -> Wish {
        Wish::of(&EXAMPLE, attributes, defaults).expect("known")
    }

    #[test]
    fn a_sandbox_without_a_region_goes_where_its_provider_does() {
        let nothing = Value::object::<&str>([]);
        assert_eq!(wish(&nothing, &["fsn1".to_owned()]).regions, ["fsn1"]);
        assert_eq!(wish(&nothing, &[]).regions, [EXAMPLE.default_region]);
    }

    #[test]
    fn the_snapshot_counts_before_the_image() {
        let attributes = Value::object([("from", Value::Unknown(Type::String))]);
        let wish = wish(&attributes, &[]);
        assert!(wish.from_snapshot && wish.image.is_none());
    }
}
