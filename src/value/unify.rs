//! Finding the one type that values of several types can all convert to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Type;
use super::convert::is_convertible;

/// How far conversions may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Only conversions that succeed for every value of the type.
    Safe,
    /// Also those that depend on the value, such as string to number.
    Unsafe,
}

#[derive(Default)]
struct Kinds {
    map: usize,
    list: usize,
    set: usize,
    object: usize,
    tuple: usize,
    dynamic: usize,
}

impl Kinds {
    fn of(types: &[Type]) -> Self {
        let mut kinds = Self::default();
        for kind in types {
            match kind {
                Type::Map(_) => kinds.map += 1,
                Type::List(_) => kinds.list += 1,
                Type::Set(_) => kinds.set += 1,
                Type::Object(_) => kinds.object += 1,
                Type::Tuple(_) => kinds.tuple += 1,
                Type::Dynamic => kinds.dynamic += 1,
                _ => {}
            }
        }
        kinds
    }
}

/// Returns the most general type that all the types convert to; nothing when
/// there is none. `Dynamic` means that it depends on what is not known yet.
pub fn unify(types: &[Type], safety: Safety) -> Option<Type> {
    let kinds = Kinds::of(types);
    let (all, dynamic) = (types.len(), kinds.dynamic);
    let unsettled = dynamic > 0;
    if kinds.map > 0 && kinds.map + dynamic == all {
        return unify_elements(types, unsettled, safety, Type::map);
    }
    if kinds.list > 0 && kinds.list + dynamic == all {
        return unify_elements(types, unsettled, safety, Type::list);
    }
    if kinds.set > 0 && kinds.set + dynamic == all {
        return unify_elements(types, unsettled, safety, Type::set);
    }
    if kinds.object > 0 && kinds.object + dynamic == all {
        return if unsettled { Some(Type::Dynamic) } else { unify_objects(types, safety) };
    }
    if kinds.tuple > 0 && kinds.tuple + dynamic == all {
        return if unsettled { Some(Type::Dynamic) } else { unify_tuples(types, safety) };
    }
    let as_collection = if kinds.map > 0 && kinds.map + kinds.object + dynamic == all {
        unify_with_maps(types, safety)
    } else if kinds.list > 0 && kinds.list + kinds.tuple + dynamic == all {
        unify_with_lists(types, safety)
    } else {
        None
    };
    if as_collection.is_some() {
        return as_collection;
    }
    if kinds.object > 0 && kinds.tuple > 0 {
        return None;
    }
    preferred(types, safety)
}

fn preferred(types: &[Type], safety: Safety) -> Option<Type> {
    let wanted = by_generality(types).into_iter().map(|at| &types[at]).find(|wanted| {
        types.iter().all(|given| given == *wanted || is_convertible(given, wanted, safety))
    });
    wanted.cloned()
}

fn unify_elements(
    types: &[Type],
    unsettled: bool,
    safety: Safety,
    collection: fn(Type) -> Type,
) -> Option<Type> {
    if unsettled {
        return Some(Type::Dynamic);
    }
    let elements: Vec<Type> = types.iter().filter_map(Type::element).cloned().collect();
    let unified = collection(unify(&elements, safety)?);
    all_convert(types, &unified, safety).then_some(unified)
}

fn all_convert(types: &[Type], wanted: &Type, safety: Safety) -> bool {
    types.iter().all(|given| given == wanted || is_convertible(given, wanted, safety))
}

fn unify_objects(types: &[Type], safety: Safety) -> Option<Type> {
    let names = |kind: &Type| -> BTreeSet<Arc<str>> {
        kind.attributes().map(|(name, _)| name.clone()).collect()
    };
    let first = names(types.first()?);
    if types.iter().any(|kind| names(kind) != first) {
        return unify_attributes_to_map(types, safety);
    }
    let mut unified = Vec::new();
    for name in first {
        let across: Vec<Type> =
            types.iter().filter_map(|kind| kind.attribute(&name)).cloned().collect();
        unified.push((name, unify(&across, safety)?));
    }
    let unified = Type::object(unified);
    if all_convert(types, &unified, safety) {
        return Some(unified);
    }
    unify_attributes_to_map(types, safety)
}

fn unify_attributes_to_map(types: &[Type], safety: Safety) -> Option<Type> {
    let all: Vec<Type> =
        types.iter().flat_map(Type::attributes).map(|(_, kind)| kind.clone()).collect();
    let unified = Type::map(unify_some(&all, safety)?);
    all_convert(types, &unified, safety).then_some(unified)
}

fn unify_tuples(types: &[Type], safety: Safety) -> Option<Type> {
    let elements: Vec<&[Type]> = types.iter().map(Type::tuple_elements).collect();
    let length = elements.first()?.len();
    if elements.iter().any(|each| each.len() != length) {
        return unify_elements_to_list(types, safety);
    }
    let mut unified = Vec::new();
    for at in 0..length {
        let across: Vec<Type> = elements.iter().map(|each| each[at].clone()).collect();
        unified.push(unify(&across, safety)?);
    }
    let unified = Type::Tuple(unified.into());
    if all_convert(types, &unified, safety) {
        return Some(unified);
    }
    unify_elements_to_list(types, safety)
}

fn unify_elements_to_list(types: &[Type], safety: Safety) -> Option<Type> {
    let all: Vec<Type> = types.iter().flat_map(Type::tuple_elements).cloned().collect();
    let unified = Type::list(unify_some(&all, safety)?);
    all_convert(types, &unified, safety).then_some(unified)
}

fn unify_some(types: &[Type], safety: Safety) -> Option<Type> {
    if types.is_empty() { None } else { unify(types, safety) }
}

/// Objects are often maps in disguise: unifies them as maps first.
fn unify_with_maps(types: &[Type], safety: Safety) -> Option<Type> {
    let objects: Vec<Type> =
        types.iter().filter(|kind| matches!(kind, Type::Object(_))).cloned().collect();
    let map = unify_attributes_to_map(&objects, safety)?;
    let replaced = replace(types, &map, |kind| matches!(kind, Type::Object(_)));
    unify(&replaced, safety).filter(|kind| matches!(kind, Type::Map(_)))
}

/// Tuples are often lists in disguise: unifies them as lists first.
fn unify_with_lists(types: &[Type], safety: Safety) -> Option<Type> {
    let tuples: Vec<Type> =
        types.iter().filter(|kind| matches!(kind, Type::Tuple(_))).cloned().collect();
    let list = unify_elements_to_list(&tuples, safety)?;
    let replaced = replace(types, &list, |kind| matches!(kind, Type::Tuple(_)));
    unify(&replaced, safety).filter(|kind| matches!(kind, Type::List(_)))
}

fn replace(types: &[Type], by: &Type, which: fn(&Type) -> bool) -> Vec<Type> {
    types.iter().map(|kind| if which(kind) { by.clone() } else { kind.clone() }).collect()
}

/// Orders indices so that more general types come first.
fn by_generality(types: &[Type]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(types.len());
    let mut waiting: Vec<usize> = (0..types.len()).collect();
    while !waiting.is_empty() {
        let is_free = |at: usize| waiting.iter().all(|&o| generality(&types[o], &types[at]) >= 0);
        let next = waiting.iter().position(|&at| is_free(at)).unwrap_or(0);
        order.push(waiting.remove(next));
    }
    order
}

/// Compares how general two types are: negative when `a` is the more general.
fn generality(a: &Type, b: &Type) -> i8 {
    use Type::{Dynamic, List, Map, Object, Set, String, Tuple};
    match (a, b) {
        (Dynamic, Dynamic) => 0,
        (Dynamic, _) => 1,
        (_, Dynamic) => -1,
        (String, String) => 0,
        (String, Type::Bool | Type::Number) => -1,
        (Type::Bool | Type::Number, String) => 1,
        (List(a), List(b)) | (Set(a), Set(b)) | (Map(a), Map(b)) => generality(a, b),
        (Tuple(_) | List(_), Set(_)) | (List(_), Tuple(_)) | (Map(_), Object(_)) => -1,
        (Set(_), Tuple(_) | List(_)) | (Tuple(_), List(_)) | (Object(_), Map(_)) => 1,
        (Object(x), Object(y)) if x.keys().eq(y.keys()) => {
            overall(x.values().zip(y.values()).map(|(a, b)| generality(&a.kind, &b.kind)))
        }
        (Tuple(x), Tuple(y)) if x.len() == y.len() => {
            overall(x.iter().zip(y.iter()).map(|(a, b)| generality(a, b)))
        }
        _ => 0,
    }
}

fn overall(parts: impl Iterator<Item = i8>) -> i8 {
    let (mut more, mut less) = (false, false);
    for part in parts {
        more |= part < 0;
        less |= part > 0;
    }
    i8::from(less && !more) - i8::from(more && !less)
}
