//! Sets: union, intersection, difference, product.

use std::sync::Arc;

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Safety, Type, Value, convert, unify};

const SET: Kind = Kind::Set(&Kind::Any);
const FIRST: Parameter = Parameter::new("first_set", SET).untyped();
const OTHERS: Parameter = Parameter::new("other_sets", SET).untyped();

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("setintersection", &[FIRST], Returns::From(common_set), |call| {
        combine(call, |all, more| all.retain(|each| has(more, each)))
    })
    .variadic(OTHERS),
    Function::new("setproduct", &[], Returns::From(product_type), product)
        .variadic(Parameter::new("sets", Kind::Any).unknown().marked()),
    Function::new(
        "setsubtract",
        &[Parameter::new("a", SET).untyped(), Parameter::new("b", SET).untyped()],
        Returns::From(common_set),
        |call| combine(call, |all, less| all.retain(|each| !has(less, each))),
    ),
    Function::new("setunion", &[FIRST], Returns::From(common_set), union).variadic(OTHERS),
];

fn has(set: &[Value], value: &Value) -> bool {
    set.iter().any(|each| each.equals(value) == Some(true))
}

/// Empty sets without a type fit all others.
fn common_set(arguments: &[Value]) -> Result<Type, Failure> {
    let is_untyped = |set: &&Value| {
        set.as_elements().is_some_and(<[Value]>::is_empty)
            && set.type_of().element() == Some(&Type::Dynamic)
    };
    let element = |set: &Value| set.type_of().element().cloned().unwrap_or(Type::Dynamic);
    let types: Vec<Type> = arguments.iter().filter(|set| !is_untyped(set)).map(element).collect();
    if types.is_empty() {
        return Ok(Type::set(Type::Dynamic));
    }
    let common = unify(&types, Safety::Unsafe);
    common.map(Type::set).ok_or_else(|| "the elements of the sets have no type in common".into())
}

/// Converts all arguments to sets of the result's type.
fn alike(call: &Call<'_>) -> Result<Vec<Value>, Failure> {
    let convert_one = |(at, set): (usize, &Value)| {
        convert(set, &call.returns).map_err(|error| Failure::argument(at, error.message))
    };
    call.arguments.iter().enumerate().map(convert_one).collect()
}

fn combine(call: &Call<'_>, step: fn(&mut Vec<Value>, &[Value])) -> Result<Value, Failure> {
    let sets = alike(call)?;
    if !sets.iter().all(Value::is_wholly_known) {
        return Ok(Value::Unknown(call.returns.clone()));
    }
    let mut sets = sets.iter().map(|set| set.as_elements().unwrap_or_default());
    let mut all = sets.next().unwrap_or_default().to_vec();
    sets.for_each(|set| step(&mut all, set));
    Ok(Value::set(call.returns_element(), all))
}

fn union(call: &Call<'_>) -> Result<Value, Failure> {
    let sets = alike(call)?;
    let all = sets.iter().flat_map(|set| set.as_elements().unwrap_or_default()).cloned();
    Ok(Value::set(call.returns_element(), all.collect::<Vec<_>>()))
}

fn product_type(arguments: &[Value]) -> Result<Type, Failure> {
    if arguments.len() < 2 {
        return Err("at least two arguments are required".into());
    }
    let mut elements = Vec::new();
    let mut all_lists = true;
    for (at, argument) in arguments.iter().enumerate() {
        elements.push(match argument.type_of() {
            Type::Set(element) => {
                all_lists = false;
                (*element).clone()
            }
            Type::List(element) => (*element).clone(),
            Type::Tuple(kinds) if kinds.is_empty() => Type::Dynamic,
            Type::Tuple(kinds) => unify(&kinds, Safety::Unsafe)
                .ok_or_else(|| Failure::argument(at, "its elements have no type in common"))?,
            _ => return Err(Failure::argument(at, "a set or a list is required")),
        });
    }
    let tuple = Type::Tuple(elements.into());
    Ok(if all_lists { Type::list(tuple) } else { Type::set(tuple) })
}

/// More tuples than this are refused rather than made.
const MAX_PRODUCT: usize = 1_000_000;

fn product(call: &Call<'_>) -> Result<Value, Failure> {
    let marked = call.arguments.iter().any(|argument| argument.unmark().1);
    let element = call.returns_element();
    let mut tuples: Vec<Vec<Value>> = vec![Vec::new()];
    for (at, argument) in call.arguments.iter().enumerate() {
        let value = argument.revealed();
        let unsettled = matches!(value, Value::Set(..)) && !value.is_wholly_known();
        let Some(given) = value.as_elements().filter(|_| !unsettled) else {
            return Ok(Value::Unknown(call.returns.clone()).sensitive_if(marked));
        };
        if tuples.len().saturating_mul(given.len()) > MAX_PRODUCT {
            return Err("the product would have too many elements".into());
        }
        let kind = element.tuple_elements().get(at).cloned().unwrap_or(Type::Dynamic);
        let converted: Result<Vec<Value>, _> =
            given.iter().map(|each| convert(each, &kind)).collect();
        let converted = converted.map_err(|error| Failure::argument(at, error.message))?;
        tuples = tuples.iter().flat_map(|tuple| extended(tuple, &converted)).collect();
    }
    let tuples: Vec<Value> = tuples.into_iter().map(Value::tuple).collect();
    let result = match &call.returns {
        Type::List(_) => Value::List(element, Arc::new(tuples)),
        _ => Value::set(element, tuples),
    };
    Ok(result.sensitive_if(marked))
}

fn extended<'a>(tuple: &'a [Value], by: &'a [Value]) -> impl Iterator<Item = Vec<Value>> + 'a {
    by.iter().map(move |last| tuple.iter().chain([last]).cloned().collect())
}
