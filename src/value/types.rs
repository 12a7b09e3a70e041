//! Types of values, as in Terraform's type constraints.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A type; `Dynamic` is "any".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    Dynamic,
    Bool,
    Number,
    String,
    List(Arc<Type>),
    Set(Arc<Type>),
    Map(Arc<Type>),
    Tuple(Arc<[Type]>),
    Object(Arc<BTreeMap<Arc<str>, ObjectAttribute>>),
}

/// An attribute of an object type; `optional(type)` in a constraint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectAttribute {
    pub kind: Type,
    pub optional: bool,
}

impl Type {
    /// Makes `list(element)`.
    pub fn list(element: Type) -> Self {
        Self::List(Arc::new(element))
    }

    /// Makes `set(element)`.
    pub fn set(element: Type) -> Self {
        Self::Set(Arc::new(element))
    }

    /// Makes `map(element)`.
    pub fn map(element: Type) -> Self {
        Self::Map(Arc::new(element))
    }

    /// Makes an object type in which every attribute is required.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Type)>) -> Self {
        let attributes = attributes
            .into_iter()
            .map(|(name, kind)| (name.into(), ObjectAttribute { kind, optional: false }));
        Self::Object(Arc::new(attributes.collect()))
    }

    /// Returns the element type of a list, set or map.
    pub fn element(&self) -> Option<&Type> {
        match self {
            Self::List(element) | Self::Set(element) | Self::Map(element) => Some(element),
            _ => None,
        }
    }

    /// Returns the element types of a tuple; none for other types.
    pub fn tuple_elements(&self) -> &[Type] {
        match self {
            Self::Tuple(elements) => elements,
            _ => &[],
        }
    }

    /// Returns the type of an object's attribute.
    pub fn attribute(&self, name: &str) -> Option<&Type> {
        match self {
            Self::Object(attributes) => attributes.get(name).map(|attribute| &attribute.kind),
            _ => None,
        }
    }

    /// Lists an object's attributes with their types; none for other types.
    pub fn attributes(&self) -> Box<dyn Iterator<Item = (&Arc<str>, &Type)> + '_> {
        match self {
            Self::Object(attributes) => Box::new(attributes.iter().map(|(n, a)| (n, &a.kind))),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Returns the type with every `optional(…)` inside made required.
    pub fn without_optional(&self) -> Type {
        match self {
            Self::List(element) => Self::list(element.without_optional()),
            Self::Set(element) => Self::set(element.without_optional()),
            Self::Map(element) => Self::map(element.without_optional()),
            Self::Tuple(elements) => {
                Self::Tuple(elements.iter().map(Type::without_optional).collect())
            }
            Self::Object(_) => Self::object(
                self.attributes().map(|(name, kind)| (name.clone(), kind.without_optional())),
            ),
            other => other.clone(),
        }
    }

    /// Tells whether no `any` is left inside.
    pub fn is_concrete(&self) -> bool {
        match self {
            Self::Dynamic => false,
            Self::Bool | Self::Number | Self::String => true,
            Self::List(element) | Self::Set(element) | Self::Map(element) => element.is_concrete(),
            Self::Tuple(elements) => elements.iter().all(Type::is_concrete),
            Self::Object(attributes) => attributes.values().all(|a| a.kind.is_concrete()),
        }
    }

    /// Returns the JSON that Terraform writes for a type: `"string"`, `["list","string"]`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::Dynamic => json!("dynamic"),
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::String => json!("string"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Tuple(elements) => {
                json!(["tuple", elements.iter().map(Type::to_json).collect::<Vec<_>>()])
            }
            Self::Object(attributes) => {
                let kinds: serde_json::Map<_, _> =
                    attributes.iter().map(|(n, a)| (n.to_string(), a.kind.to_json())).collect();
                let optional: Vec<_> =
                    attributes.iter().filter(|(_, a)| a.optional).map(|(n, _)| &**n).collect();
                if optional.is_empty() {
                    json!(["object", kinds])
                } else {
                    json!(["object", kinds, optional])
                }
            }
        }
    }

    /// Reads what `to_json` writes.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        if let Some(word) = json.as_str() {
            return match word {
                "dynamic" => Some(Self::Dynamic),
                "bool" => Some(Self::Bool),
                "number" => Some(Self::Number),
                "string" => Some(Self::String),
                _ => None,
            };
        }
        let parts = json.as_array()?;
        let inner = parts.get(1)?;
        match parts.first()?.as_str()? {
            "list" => Some(Self::list(Self::from_json(inner)?)),
            "set" => Some(Self::set(Self::from_json(inner)?)),
            "map" => Some(Self::map(Self::from_json(inner)?)),
            "tuple" => {
                let elements: Option<Vec<_>> =
                    inner.as_array()?.iter().map(Self::from_json).collect();
                Some(Self::Tuple(elements?.into()))
            }
            "object" => {
                let optional: Vec<&str> = parts
                    .get(2)
                    .and_then(|o| o.as_array())
                    .map(|o| o.iter().filter_map(|n| n.as_str()).collect())
                    .unwrap_or_default();
                let attributes: Option<BTreeMap<_, _>> = inner
                    .as_object()?
                    .iter()
                    .map(|(name, kind)| {
                        let optional = optional.contains(&name.as_str());
                        let kind = Self::from_json(kind)?;
                        Some((name.as_str().into(), ObjectAttribute { kind, optional }))
                    })
                    .collect();
                Some(Self::Object(Arc::new(attributes?)))
            }
            _ => None,
        }
    }
}

/// Prints a type as users write it: `list(string)`, `object({ a = number })`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("any"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("])")
            }
            Self::Object(attributes) => {
                f.write_str("object({")?;
                for (index, (name, attribute)) in attributes.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { " " })?;
                    match attribute.optional {
                        true => write!(f, "{name} = optional({})", attribute.kind)?,
                        false => write!(f, "{name} = {}", attribute.kind)?,
                    }
                }
                f.write_str(if attributes.is_empty() { "})" } else { " })" })
            }
        }
    }
}

impl serde::Serialize for Type {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Type {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&json).ok_or_else(|| serde::de::Error::custom("not a type"))
    }
}
