//! What objects come in: pages, and single objects with the actions begun.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::{Action, Resource};

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub objects: Vec<T>,
    pagination: Pagination,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pagination {
    next_page: Option<u64>,
    last_page: Option<u64>,
    total_entries: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    pagination: Option<Pagination>,
}

impl<T> Page<T> {
    /// Returns the number of the last page, where the answer says it.
    pub fn last(&self, per_page: u64) -> Option<u64> {
        let counted = self.pagination.total_entries.map(|total| total.div_ceil(per_page));
        self.pagination.last_page.or(counted)
    }

    /// Returns the number of the next page.
    pub fn next(&self) -> Option<u64> {
        self.pagination.next_page
    }

    /// Returns how many objects all pages have.
    pub fn total(&self) -> Option<u64> {
        self.pagination.total_entries
    }
}

impl<'de, T: Resource> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PageVisitor(PhantomData))
    }
}

struct PageVisitor<T>(PhantomData<T>);

impl<'de, T: Resource> Visitor<'de> for PageVisitor<T> {
    type Value = Page<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with a list `{}`", T::PATH)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page<T>, A::Error> {
        let (mut objects, mut meta) = (None, Meta::default());
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "meta" => meta = map.next_value::<Option<Meta>>()?.unwrap_or_default(),
                key if key == T::PATH => objects = Some(map.next_value::<Vec<T>>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let objects = objects.ok_or_else(|| de::Error::missing_field(T::PATH))?;
        objects.iter().try_for_each(identified)?;
        Ok(Page { objects, pagination: meta.pagination.unwrap_or_default() })
    }
}

/// An object and the actions that a call began: either may be missing.
#[derive(Debug)]
pub struct One<T> {
    pub object: Option<T>,
    /// `action`, `actions` and `next_actions`, in this order.
    pub actions: Vec<Action>,
}

/// A new object, and the actions that go on with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Made<T> {
    pub object: T,
    pub actions: Vec<Action>,
}

impl<T> Default for One<T> {
    fn default() -> Self {
        Self { object: None, actions: Vec::new() }
    }
}

impl<'de, T: Resource> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneVisitor(PhantomData))
    }
}

struct OneVisitor<T>(PhantomData<T>);

impl<'de, T: Resource> Visitor<'de> for OneVisitor<T> {
    type Value = One<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{}`", T::KEY)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<One<T>, A::Error> {
        let mut object = None;
        let [mut first, mut all, mut next] = [const { Vec::new() }; 3];
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                key if key == T::KEY => object = map.next_value::<Option<T>>()?,
                "action" => first.extend(map.next_value::<Option<Action>>()?),
                "actions" => all = map.next_value::<Option<Vec<Action>>>()?.unwrap_or_default(),
                "next_actions" => {
                    next = map.next_value::<Option<Vec<Action>>>()?.unwrap_or_default();
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        object.iter().try_for_each(identified)?;
        Ok(One { object, actions: [first, all, next].concat() })
    }
}

/// Nothing can be done with an object that has no id.
fn identified<T: Resource, E: de::Error>(object: &T) -> Result<(), E> {
    match object.id() {
        0 => Err(de::Error::missing_field("id")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Server;
    use super::*;

    #[test]
    fn a_page_needs_its_list_and_nothing_else() {
        let page: Page<Server> = serde_json::from_str(r#"{"servers": [{"id": 1}]}"#).unwrap();
        assert_eq!((page.objects.len(), page.last(50), page.next()), (1, None, None));
        let text = r#"{"x": [1], "servers": [], "meta": {"pagination": {"total_entries": 101}}}"#;
        let page: Page<Server> = serde_json::from_str(text).unwrap();
        assert_eq!(page.last(50), Some(3));
        for text in ["{}", r#"{"servers": [{}]}"#, r#"{"servers": [{"id": 0}]}"#, "[]", "7"] {
            assert!(serde_json::from_str::<Page<Server>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn all_actions_of_an_answer_are_found() {
        let text = r#"{"server": {"id": 1}, "action": {"id": 2}, "next_actions": [{"id": 3}],
                       "root_password": null}"#;
        let one: One<Server> = serde_json::from_str(text).unwrap();
        assert_eq!(one.object.unwrap().id, 1);
        assert_eq!(one.actions.iter().map(|a| a.id).collect::<Vec<_>>(), [2, 3]);
    }
}
