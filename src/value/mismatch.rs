//! Why one type does not convert to another.

use super::Type;
use super::convert::is_convertible;
use super::unify::Safety;

impl Type {
    /// Names the type in English: "list of string".
    pub fn friendly_name(&self) -> String {
        match self {
            Self::Dynamic => "dynamic".into(),
            Self::Bool => "bool".into(),
            Self::Number => "number".into(),
            Self::String => "string".into(),
            Self::List(element) => format!("list of {}", element.friendly_name()),
            Self::Set(element) => format!("set of {}", element.friendly_name()),
            Self::Map(element) => format!("map of {}", element.friendly_name()),
            Self::Tuple(_) => "tuple".into(),
            Self::Object(_) => "object".into(),
        }
    }

    /// Names the type as a requirement: "list of any single type".
    pub fn constraint_name(&self) -> String {
        let of = |kind: &str, element: &Type| match element {
            Self::Dynamic => format!("{kind} of any single type"),
            _ => format!("{kind} of {}", element.constraint_name()),
        };
        match self {
            Self::Dynamic => "any type".into(),
            Self::List(element) => of("list", element),
            Self::Set(element) => of("set", element),
            Self::Map(element) => of("map", element),
            _ => self.friendly_name(),
        }
    }

    fn is_primitive(&self) -> bool {
        matches!(self, Self::Bool | Self::Number | Self::String)
    }

    fn is_collection(&self) -> bool {
        self.element().is_some()
    }
}

/// Says why a type does not convert, without a full stop.
pub(crate) fn mismatch(got: &Type, want: &Type) -> String {
    use Type::{Dynamic, List, Map, Object, Set, Tuple};
    let any = want.element() == Some(&Dynamic);
    match (got, want) {
        (Object(_), Object(_)) => objects(got, want),
        (Tuple(_), List(_)) if any => "the elements of a list must all be of one type".into(),
        (Tuple(_), Set(_)) if any => "the elements of a set must all be of one type".into(),
        (Object(_), Map(_)) if any => "the elements of a map must all be of one type".into(),
        (Tuple(_), List(to) | Set(to)) => elements(got, to),
        (Object(_), Map(to)) => attributes(got, to),
        (List(_) | Set(_), List(_) | Set(_)) | (Map(_), Map(_)) => collections(got, want),
        _ if want.is_collection() && !got.is_primitive() && *got != Dynamic => {
            format!("{} required", want.constraint_name())
        }
        _ if is_confusing(got, want) => format!("{} required", want.constraint_name()),
        _ => format!("{} required, but have {}", want.friendly_name(), got.friendly_name()),
    }
}

fn is_confusing(got: &Type, want: &Type) -> bool {
    match (got, want) {
        (_, Type::String) if got.is_primitive() => false,
        (Type::Number, Type::Bool) | (Type::Bool, Type::Number) => false,
        (Type::Tuple(_), Type::Object(_)) => false,
        _ => got.is_primitive() == want.is_primitive(),
    }
}

fn objects(got: &Type, want: &Type) -> String {
    let Type::Object(wanted) = want else { return String::new() };
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(name, attribute)| !attribute.optional && got.attribute(name).is_none())
        .map(|(name, _)| format!("{name:?}"))
        .collect();
    match missing.as_slice() {
        [] => {}
        [one] => return format!("attribute {one} is required"),
        [one, two] => return format!("attributes {one} and {two} are required"),
        [most @ .., last] => {
            return format!("attributes {}, and {last} are required", most.join(", "));
        }
    }
    let differs = |safety| {
        wanted.iter().find_map(|(name, attribute)| {
            let given = got.attribute(name)?;
            let fits = *given == attribute.kind || is_convertible(given, &attribute.kind, safety);
            (!fits).then(|| format!("attribute {name:?}: {}", mismatch(given, &attribute.kind)))
        })
    };
    differs(Safety::Unsafe)
        .or_else(|| differs(Safety::Safe))
        .unwrap_or_else(|| "incorrect object attributes".into())
}

fn elements(got: &Type, want: &Type) -> String {
    let wrong = got
        .tuple_elements()
        .iter()
        .enumerate()
        .find(|(_, kind)| *kind != want && !is_convertible(kind, want, Safety::Unsafe));
    match wrong {
        Some((at, kind)) => format!("element {at}: {}", mismatch(kind, want)),
        None => format!("all elements must be {}", want.constraint_name()),
    }
}

fn attributes(got: &Type, want: &Type) -> String {
    let wrong = got
        .attributes()
        .find(|(_, kind)| *kind != want && !is_convertible(kind, want, Safety::Unsafe));
    match wrong {
        Some((name, kind)) => format!("element {name:?}: {}", mismatch(kind, want)),
        None => format!("all elements must be {}", want.constraint_name()),
    }
}

fn collections(got: &Type, want: &Type) -> String {
    let noun = match want {
        Type::List(_) => "list element type",
        Type::Set(_) => "set element type",
        _ => "map element type",
    };
    match (got.element(), want.element()) {
        (Some(got), Some(want)) => format!("incorrect {noun}: {}", mismatch(got, want)),
        _ => format!("incorrect {noun}"),
    }
}
