//! Maps and objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::string::strings;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::convert::element_type;
use crate::value::{Attributes, Type, Value, convert};

const STRING_LISTS: Kind = Kind::Map(&Kind::List(&Kind::String));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "keys",
        &[Parameter::new("inputMap", Kind::Any).unknown().marked()],
        Returns::From(keys_type),
        keys,
    ),
    Function::new(
        "lookup",
        &[
            Parameter::new("inputMap", Kind::Any).marked(),
            Parameter::new("key", Kind::String).marked(),
        ],
        Returns::From(lookup_type),
        lookup,
    )
    .variadic(Parameter::new("default", Kind::Any).null().unknown().untyped().marked()),
    Function::new("merge", &[], Returns::From(merge_type), merge)
        .variadic(Parameter::new("maps", Kind::Any).null().untyped().marked()),
    Function::new(
        "transpose",
        &[Parameter::new("values", STRING_LISTS)],
        Returns::Is(STRING_LISTS),
        transpose,
    ),
    Function::new(
        "values",
        &[Parameter::new("mapping", Kind::Any).marked()],
        Returns::From(values_type),
        values,
    ),
    Function::new(
        "zipmap",
        &[
            Parameter::new("keys", Kind::List(&Kind::String)).marked(),
            Parameter::new("values", Kind::Any).marked(),
        ],
        Returns::From(zipmap_type),
        zipmap,
    ),
];

fn keys_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::Map(_) => Ok(Type::list(Type::String)),
        Type::Object(attributes) => Ok(Type::Tuple(vec![Type::String; attributes.len()].into())),
        _ => Err(Failure::argument(0, "a map or an object is required")),
    }
}

fn keys(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let kind = value.type_of();
    let result = match (value, &kind) {
        (_, Type::Object(attributes)) => {
            Value::tuple(attributes.keys().map(|name| Value::String(name.clone())))
        }
        (Value::Map(_, elements), _) => strings(elements.keys().map(|name| name.to_string())),
        _ => Value::Unknown(call.returns.clone()),
    };
    Ok(result.sensitive_if(marked))
}

fn lookup_type(arguments: &[Value]) -> Result<Type, Failure> {
    if arguments.len() > 3 {
        let message = format!("lookup takes two or three arguments, not {}", arguments.len());
        return Err(message.into());
    }
    let default = arguments.get(2);
    match arguments[0].type_of() {
        Type::Object(attributes) => {
            let Some(key) = arguments[1].as_str() else { return Ok(Type::Dynamic) };
            match (attributes.get(key), default) {
                (Some(attribute), _) => Ok(attribute.kind.clone()),
                (None, Some(default)) => Ok(default.type_of()),
                (None, None) => {
                    let message =
                        format!("the object has no attribute {key:?}, and no default is given");
                    Err(Failure::argument(0, message))
                }
            }
        }
        Type::Map(element) => match default.map(|default| convert(default, &element)) {
            Some(Err(_)) => Err(Failure::argument(
                2,
                "the default does not convert to the type of the map's elements",
            )),
            _ => Ok((*element).clone()),
        },
        _ => Err(Failure::argument(0, "a map or an object is required")),
    }
}

fn lookup(call: &Call<'_>) -> Result<Value, Failure> {
    let (map, map_marked) = call.arguments[0].unmark();
    let (key, key_marked) = call.arguments[1].unmark();
    let name = key.as_str().unwrap_or_default();
    let found = match (map.get(name), call.arguments.get(2)) {
        (Some(found), _) => found.clone(),
        (None, Some(default)) => convert(default, &call.returns).map_err(|error| error.message)?,
        (None, None) if key_marked => {
            return Err("there is no key (sensitive value), and no default is given".into());
        }
        (None, None) => {
            return Err(format!("there is no key {name:?}, and no default is given").into());
        }
    };
    Ok(found.sensitive_if(map_marked || key_marked))
}

fn merge_type(arguments: &[Value]) -> Result<Type, Failure> {
    let mut attributes: Vec<(Arc<str>, Type)> = Vec::new();
    let (mut types, mut all_known) = (Vec::new(), true);
    for argument in arguments {
        let value = argument.revealed();
        let kind = value.type_of();
        match (&kind, value) {
            (Type::Dynamic, _) if !value.is_null() => return Ok(Type::Dynamic),
            (Type::Object(_) | Type::Dynamic, Value::Null(_)) => {
                types.push(Type::object::<Arc<str>>([]));
                continue;
            }
            (Type::Object(_), _) => {
                attributes.extend(kind.attributes().map(|(n, k)| (n.clone(), k.clone())));
            }
            (Type::Map(element), Value::Map(_, elements)) => {
                attributes.extend(elements.keys().map(|name| (name.clone(), (**element).clone())));
            }
            (Type::Map(_), Value::Null(_)) => {}
            (Type::Map(_), _) => all_known = false,
            _ => {
                let name = kind.friendly_name();
                return Err(format!("only maps and objects can be merged, not {name}").into());
            }
        }
        types.push(kind);
    }
    match types.first() {
        Some(first) if types.iter().all(|kind| kind == first) => Ok(first.clone()),
        _ if !all_known => Ok(Type::Dynamic),
        _ => Ok(Type::object(attributes)),
    }
}

fn merge(call: &Call<'_>) -> Result<Value, Failure> {
    let mut merged = Attributes::new();
    let mut marked = false;
    for argument in call.arguments {
        let (value, is_marked) = argument.unmark();
        marked |= is_marked;
        if let Some(attributes) = value.as_attributes() {
            merged.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    let result = match &call.returns {
        Type::Map(element) => Value::Map((**element).clone(), Arc::new(merged)),
        _ => Value::Object(Arc::new(merged)),
    };
    Ok(result.sensitive_if(marked))
}

fn transpose(call: &Call<'_>) -> Result<Value, Failure> {
    if !call.arguments[0].is_wholly_known() {
        return Ok(Value::Unknown(call.returns.clone()));
    }
    let mut turned: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
    for (name, list) in call.arguments[0].as_attributes().into_iter().flat_map(|a| a.iter()) {
        let Some(elements) = list.as_elements() else {
            let message = format!("cannot use null list for [{name:?}]");
            return Err(Failure::argument(0, message));
        };
        for (at, element) in elements.iter().enumerate() {
            let Some(text) = element.as_str() else {
                let message = format!("cannot use null string for [{name:?}][{at}]");
                return Err(Failure::argument(0, message));
            };
            turned.entry(text.into()).or_default().push(name.to_string());
        }
    }
    let turned = turned.into_iter().map(|(name, mut from)| {
        from.sort_unstable();
        (name, strings(from))
    });
    Ok(Value::Map(Type::list(Type::String), Arc::new(turned.collect())))
}

fn values_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::Map(element) => Ok(Type::List(element)),
        Type::Object(attributes) => {
            Ok(Type::Tuple(attributes.values().map(|attribute| attribute.kind.clone()).collect()))
        }
        _ => Err("a map or an object is required".into()),
    }
}

fn values(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let all: Vec<Value> =
        value.as_attributes().into_iter().flat_map(|a| a.values()).cloned().collect();
    let result = match &call.returns {
        Type::Tuple(_) => Value::tuple(all),
        _ => Value::List(call.returns_element(), Arc::new(all)),
    };
    Ok(result.sensitive_if(marked))
}

fn zipmap_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[1].type_of() {
        Type::List(element) => Ok(Type::Map(element)),
        Type::Tuple(kinds) => {
            if !arguments[0].is_wholly_known() {
                return Ok(Type::Dynamic);
            }
            let keys = arguments[0].as_elements().unwrap_or_default();
            same_number(keys.len(), kinds.len())?;
            let named: Result<Vec<(Arc<str>, Type)>, Failure> = keys
                .iter()
                .enumerate()
                .zip(kinds.iter())
                .map(|((at, key), kind)| Ok((key_at(at, key)?, kind.clone())))
                .collect();
            Ok(Type::object(named?))
        }
        _ => Err("the values must be a list or a tuple".into()),
    }
}

fn same_number(keys: usize, values: usize) -> Result<(), Failure> {
    if keys == values {
        return Ok(());
    }
    Err(format!("number of keys ({keys}) does not match number of values ({values})").into())
}

fn key_at(at: usize, key: &Value) -> Result<Arc<str>, Failure> {
    let null = || Failure::from(format!("key {at} is null"));
    key.as_str().map(Arc::from).ok_or_else(null)
}

fn zipmap(call: &Call<'_>) -> Result<Value, Failure> {
    let (keys, keys_marked) = call.arguments[0].unmark();
    let (values, values_marked) = call.arguments[1].unmark();
    let mut marked = keys_marked || values_marked;
    if !keys.is_wholly_known() {
        return Ok(Value::Unknown(call.returns.clone()).sensitive_if(marked));
    }
    let keys = keys.as_elements().unwrap_or_default();
    let values = values.as_elements().unwrap_or_default();
    same_number(keys.len(), values.len())?;
    let mut zipped = Attributes::new();
    for (at, (key, value)) in keys.iter().zip(values).enumerate() {
        marked |= key.unmark().1;
        zipped.insert(key_at(at, key)?, value.clone());
    }
    let result = match &call.returns {
        Type::Map(element) => {
            let kind = match element_type(zipped.values()) {
                Type::Dynamic => (**element).clone(),
                kind => kind,
            };
            Value::Map(kind, Arc::new(zipped))
        }
        _ => Value::Object(Arc::new(zipped)),
    };
    Ok(result.sensitive_if(marked))
}
