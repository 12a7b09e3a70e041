//! Collections of any kind: size, choice, membership, sums.

use unicode_segmentation::UnicodeSegmentation;

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Number, Safety, Type, Value, convert, unify};

const LIST: Parameter = Parameter::new("list", Kind::Any);
const BOOLS: Parameter = Parameter::new("list", Kind::List(&Kind::Bool));
const VALS: Parameter = Parameter::new("vals", Kind::Any).null().unknown().untyped();
const IS_BOOL: Returns = Returns::Is(Kind::Bool);
const IS_NUMBER: Returns = Returns::Is(Kind::Number);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("alltrue", &[BOOLS], IS_BOOL, all_true),
    Function::new("anytrue", &[BOOLS], IS_BOOL, any_true),
    Function::new("coalesce", &[], Returns::From(coalesce_type), coalesce).variadic(VALS),
    Function::new("coalescelist", &[], Returns::From(coalesce_list_type), coalesce_list)
        .variadic(VALS),
    Function::new("contains", &[LIST, Parameter::new("value", Kind::Any)], IS_BOOL, contains),
    Function::new(
        "length",
        &[Parameter::new("value", Kind::Any).unknown().untyped().marked()],
        Returns::From(length_type),
        length,
    ),
    Function::new("one", &[LIST], Returns::From(one_type), one),
    Function::new("sum", &[LIST], IS_NUMBER, sum),
];

fn all_true(call: &Call<'_>) -> Result<Value, Failure> {
    for element in call.elements(0) {
        match element {
            Value::Unknown(_) => return Ok(Value::Unknown(Type::Bool)),
            Value::Bool(true) => {}
            _ => return Ok(Value::Bool(false)),
        }
    }
    Ok(Value::Bool(true))
}

fn any_true(call: &Call<'_>) -> Result<Value, Failure> {
    let elements = call.elements(0);
    Ok(if elements.iter().any(|element| element.as_bool() == Some(true)) {
        Value::Bool(true)
    } else if elements.iter().any(Value::is_unknown) {
        Value::Unknown(Type::Bool)
    } else {
        Value::Bool(false)
    })
}

fn coalesce_type(arguments: &[Value]) -> Result<Type, Failure> {
    let types: Vec<Type> = arguments.iter().map(Value::type_of).collect();
    if types.is_empty() {
        return Err("at least one argument is required".into());
    }
    unify(&types, Safety::Unsafe).ok_or_else(|| "the arguments have no type in common".into())
}

fn coalesce(call: &Call<'_>) -> Result<Value, Failure> {
    for argument in call.arguments {
        let value = convert(argument, &call.returns).map_err(|error| error.message)?;
        if value.is_unknown() {
            return Ok(Value::Unknown(call.returns.clone()));
        }
        let is_empty = call.returns == Type::String && value.as_str() == Some("");
        if !value.is_null() && !is_empty {
            return Ok(value);
        }
    }
    Err("every argument is null or an empty string".into())
}

fn coalesce_list_type(arguments: &[Value]) -> Result<Type, Failure> {
    let Some(first) = arguments.first() else {
        return Err("at least one argument is required".into());
    };
    if arguments.iter().any(Value::is_unknown) {
        return Ok(Type::Dynamic);
    }
    let is_list = |kind: &Type| matches!(kind, Type::List(_) | Type::Tuple(_));
    let types: Vec<Type> = arguments.iter().map(Value::type_of).collect();
    if !types.iter().all(is_list) {
        return Err("every argument must be a list or a tuple".into());
    }
    let first = first.type_of();
    Ok(if types.iter().all(|kind| *kind == first) { first } else { Type::Dynamic })
}

fn coalesce_list(call: &Call<'_>) -> Result<Value, Failure> {
    for argument in call.arguments {
        if argument.is_unknown() {
            return Ok(Value::Unknown(call.returns.clone()));
        }
        if argument.as_elements().is_some_and(|elements| !elements.is_empty()) {
            return Ok(argument.clone());
        }
    }
    Err("every argument is null or empty".into())
}

fn contains(call: &Call<'_>) -> Result<Value, Failure> {
    let Some(elements) = call.arguments[0].as_elements() else {
        return Err("only a list, tuple or set can be searched".into());
    };
    let wanted = &call.arguments[1];
    let found: Vec<Option<bool>> = elements.iter().map(|each| wanted.equals(each)).collect();
    Ok(if found.contains(&Some(true)) {
        Value::Bool(true)
    } else if found.contains(&None) {
        Value::Unknown(Type::Bool)
    } else {
        Value::Bool(false)
    })
}

fn length_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::Bool | Type::Number => {
            Err("only strings, collections, tuples and objects have a length".into())
        }
        _ => Ok(Type::Number),
    }
}

fn length(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let length = match (value, value.type_of()) {
        (_, Type::Tuple(kinds)) => Some(kinds.len()),
        (_, Type::Object(attributes)) => Some(attributes.len()),
        (Value::String(text), _) => Some(text.graphemes(true).count()),
        // Elements that are not known yet may turn out to be one.
        (Value::Set(_, elements), _) => {
            let is_settled = elements.len() < 2 || value.is_wholly_known();
            is_settled.then_some(elements.len())
        }
        (Value::List(_, elements), _) => Some(elements.len()),
        (Value::Map(_, elements), _) => Some(elements.len()),
        _ => None,
    };
    Ok(length.map_or(Value::Unknown(Type::Number), Value::count).sensitive_if(marked))
}

const ONE: &str = "must be a list, set, or tuple value with either zero or one elements";

fn one_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::List(element) | Type::Set(element) => Ok((*element).clone()),
        Type::Tuple(kinds) if kinds.is_empty() => Ok(Type::Dynamic),
        Type::Tuple(kinds) if kinds.len() == 1 => Ok(kinds[0].clone()),
        _ => Err(Failure::argument(0, ONE)),
    }
}

fn one(call: &Call<'_>) -> Result<Value, Failure> {
    match call.elements(0) {
        [] => Ok(Value::Null(call.returns.clone())),
        [only] => Ok(only.clone()),
        _ if matches!(call.arguments[0], Value::Set(..))
            && !call.arguments[0].is_wholly_known() =>
        {
            Ok(Value::Unknown(call.returns.clone()))
        }
        _ => Err(Failure::argument(0, ONE)),
    }
}

fn sum(call: &Call<'_>) -> Result<Value, Failure> {
    let value = &call.arguments[0];
    let failure = |message: &str| Failure::argument(0, message);
    let Some(elements) = value.as_elements() else {
        let name = value.type_of().friendly_name();
        return Err(failure(&format!("only lists, sets and tuples can be summed, not {name}")));
    };
    if elements.is_empty() {
        return Err(failure("cannot sum an empty list"));
    }
    if !value.is_wholly_known() {
        return Ok(Value::Unknown(Type::Number));
    }
    let mut total: Option<Number> = None;
    for element in elements {
        let Ok(Value::Number(number)) = convert(element, &Type::Number) else {
            return Err(failure("argument must be list, set, or tuple of number values"));
        };
        total = Some(match total {
            None => number,
            Some(total) => total.add(&number).ok_or("infinities of opposite signs have no sum")?,
        });
    }
    Ok(total.map_or(Value::Unknown(Type::Number), Value::Number))
}
