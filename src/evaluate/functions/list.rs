//! Lists and tuples: building, cutting, ordering, searching.

use std::sync::Arc;

use super::string::strings;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Number, Safety, Type, Value, convert, unify};

const LIST: Parameter = Parameter::new("list", Kind::Any);
const ANYS: Parameter = Parameter::new("list", Kind::List(&Kind::Any));
const STRINGS: Parameter = Parameter::new("list", Kind::List(&Kind::String));
const IS_STRINGS: Returns = Returns::Is(Kind::List(&Kind::String));

const fn list_of(name: &'static str) -> Parameter {
    Parameter::new(name, Kind::List(&Kind::Any))
}

const fn number(name: &'static str) -> Parameter {
    Parameter::new(name, Kind::Number)
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "chunklist",
        &[ANYS.marked(), number("size")],
        Returns::From(|arguments| Ok(Type::list(arguments[0].type_of()))),
        chunk_list,
    ),
    Function::new("compact", &[STRINGS], IS_STRINGS, compact),
    Function::new("concat", &[], Returns::From(concat_type), concat)
        .variadic(Parameter::new("seqs", Kind::Any).marked()),
    Function::new(
        "distinct",
        &[ANYS],
        Returns::From(|arguments| Ok(arguments[0].type_of())),
        distinct,
    ),
    Function::new(
        "element",
        &[LIST.marked(), number("index")],
        Returns::From(element_type),
        element,
    ),
    Function::new("flatten", &[LIST.marked()], Returns::From(flatten_type), flatten),
    Function::new(
        "index",
        &[LIST, Parameter::new("value", Kind::Any)],
        Returns::Is(Kind::Number),
        index,
    ),
    Function::new(
        "matchkeys",
        &[list_of("values"), list_of("keys"), list_of("searchset")],
        Returns::From(match_keys_type),
        match_keys,
    ),
    Function::new("range", &[], Returns::Is(Kind::List(&Kind::Number)), range)
        .variadic(number("params")),
    Function::new("reverse", &[LIST.marked()], Returns::From(reverse_type), reverse),
    Function::new(
        "slice",
        &[LIST.marked(), number("start_index"), number("end_index")],
        Returns::From(slice_type),
        slice,
    ),
    Function::new("sort", &[STRINGS.unknown()], IS_STRINGS, sort),
];

fn list(kind: Type, elements: impl Into<Arc<Vec<Value>>>) -> Value {
    Value::List(kind, elements.into())
}

fn chunk_list(call: &Call<'_>) -> Result<Value, Failure> {
    let size = call.whole(1).map_err(|failure| format!("invalid size: {}", failure.message))?;
    let size = usize::try_from(size).map_err(|_| "the size argument must be positive")?;
    let (value, marked) = call.arguments[0].unmark();
    let elements = value.as_elements().unwrap_or_default();
    let kind = value.type_of();
    let element = kind.element().cloned().unwrap_or(Type::Dynamic);
    let size = if size == 0 { elements.len().max(1) } else { size };
    let chunks: Vec<Value> =
        elements.chunks(size).map(|chunk| list(element.clone(), chunk.to_vec())).collect();
    Ok(list(kind, chunks).sensitive_if(marked))
}

fn compact(call: &Call<'_>) -> Result<Value, Failure> {
    if !call.arguments[0].is_wholly_known() {
        return Ok(Value::Unknown(call.returns.clone()));
    }
    let texts = call.elements(0).iter().filter_map(Value::as_str).filter(|text| !text.is_empty());
    Ok(strings(texts))
}

fn concat_type(arguments: &[Value]) -> Result<Type, Failure> {
    let types: Vec<Type> = arguments.iter().map(Value::type_of).collect();
    if types.is_empty() {
        return Err("at least one argument is required".into());
    }
    if types.iter().all(|kind| matches!(kind, Type::List(_)))
        && let Some(common) = unify(&types, Safety::Unsafe)
    {
        return Ok(common);
    }
    let mut elements = Vec::new();
    for (at, argument) in arguments.iter().enumerate() {
        let value = argument.revealed();
        match (value.type_of(), value.as_elements()) {
            (Type::Tuple(kinds), _) => elements.extend(kinds.iter().cloned()),
            (Type::List(_), None) => return Ok(Type::Dynamic),
            (Type::List(kind), Some(given)) => {
                elements.extend(given.iter().map(|_| (*kind).clone()));
            }
            (other, _) => {
                let name = other.friendly_name();
                let message = format!("only lists and tuples can be joined, not {name}");
                return Err(Failure::argument(at, message));
            }
        }
    }
    Ok(Type::Tuple(elements.into()))
}

fn concat(call: &Call<'_>) -> Result<Value, Failure> {
    let mut elements = Vec::new();
    let mut marked = false;
    for (at, argument) in call.arguments.iter().enumerate() {
        let given = match &call.returns {
            Type::List(_) => convert(argument, &call.returns)
                .map_err(|error| Failure::argument(at, error.message))?,
            _ => argument.clone(),
        };
        let (value, is_marked) = given.unmark();
        marked |= is_marked;
        elements.extend(value.as_elements().unwrap_or_default().iter().cloned());
    }
    let result = match &call.returns {
        Type::List(element) => list((**element).clone(), elements),
        _ => Value::tuple(elements),
    };
    Ok(result.sensitive_if(marked))
}

fn distinct(call: &Call<'_>) -> Result<Value, Failure> {
    if !call.arguments[0].is_wholly_known() {
        return Ok(Value::Unknown(call.returns.clone()));
    }
    let mut unique: Vec<Value> = Vec::new();
    for element in call.elements(0) {
        if !unique.iter().any(|each| each.equals(element) == Some(true)) {
            unique.push(element.clone());
        }
    }
    Ok(list(call.returns_element(), unique))
}

/// Turns an index of any size into one of the list, from the end when negative.
fn wrapped(index: &Value, length: usize) -> Result<usize, Failure> {
    if length == 0 {
        return Err("an empty list has no element to take".into());
    }
    let Some(index) = index.as_number().and_then(Number::to_i64) else {
        return Err(format!("invalid index: {}", super::WHOLE_NUMBER).into());
    };
    Ok(index.rem_euclid(length as i64) as usize)
}

fn element_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::List(element) => Ok((*element).clone()),
        Type::Tuple(_) if arguments[1].is_unknown() => Ok(Type::Dynamic),
        Type::Tuple(kinds) => Ok(kinds[wrapped(&arguments[1], kinds.len())?].clone()),
        other => Err(format!("cannot read elements from {}", other.friendly_name()).into()),
    }
}

fn element(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let elements = value.as_elements().unwrap_or_default();
    let at = wrapped(&call.arguments[1], elements.len())?;
    Ok(elements[at].clone().sensitive_if(marked))
}

/// Elements of a sequence and of the sequences inside it; not complete when
/// some of them are not known yet.
#[derive(Default)]
struct Flat {
    elements: Vec<Value>,
    marked: bool,
    incomplete: bool,
}

impl Flat {
    fn take(&mut self, value: &Value) {
        let (inner, marked) = value.unmark();
        self.marked |= marked;
        for element in inner.as_elements().unwrap_or_default() {
            let (inner, marked) = element.unmark();
            let kind = inner.type_of();
            let is_sequence = matches!(kind, Type::List(_) | Type::Set(_) | Type::Tuple(_));
            match inner {
                Value::Unknown(_) if is_sequence || kind == Type::Dynamic => {
                    self.incomplete = true;
                    self.marked |= marked;
                }
                Value::Null(_) | Value::Unknown(_) => self.elements.push(element.clone()),
                _ if is_sequence => self.take(element),
                _ => self.elements.push(element.clone()),
            }
        }
    }
}

fn flatten_type(arguments: &[Value]) -> Result<Type, Failure> {
    if !arguments[0].is_wholly_known() {
        return Ok(Type::Dynamic);
    }
    match arguments[0].type_of() {
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => Ok(Type::Dynamic),
        _ => Err("can only flatten lists, sets and tuples".into()),
    }
}

fn flatten(call: &Call<'_>) -> Result<Value, Failure> {
    let mut flat = Flat::default();
    flat.take(&call.arguments[0]);
    let result = if flat.incomplete { Value::unknown() } else { Value::tuple(flat.elements) };
    Ok(result.sensitive_if(flat.marked))
}

fn index(call: &Call<'_>) -> Result<Value, Failure> {
    if !matches!(call.arguments[0], Value::List(..) | Value::Tuple(_)) {
        return Err("only a list or tuple can be searched".into());
    }
    let elements = call.elements(0);
    if elements.is_empty() {
        return Err("cannot search an empty list".into());
    }
    for (at, element) in elements.iter().enumerate() {
        match element.equals(&call.arguments[1]) {
            Some(true) => return Ok(Value::count(at)),
            Some(false) => {}
            None => return Ok(Value::Unknown(Type::Number)),
        }
    }
    Err("item not found".into())
}

fn match_keys_type(arguments: &[Value]) -> Result<Type, Failure> {
    let types = [arguments[1].type_of(), arguments[2].type_of()];
    match unify(&types, Safety::Unsafe) {
        Some(_) => Ok(arguments[0].type_of()),
        None => Err("the keys and the searchset have no type in common".into()),
    }
}

fn match_keys(call: &Call<'_>) -> Result<Value, Failure> {
    let (values, keys) = (call.elements(0), call.elements(1));
    if values.len() != keys.len() {
        return Err("there must be as many keys as values".into());
    }
    let types = [call.arguments[1].type_of(), call.arguments[2].type_of()];
    let kind = unify(&types, Safety::Unsafe).unwrap_or(Type::Dynamic);
    let same = |at: usize| convert(&call.arguments[at], &kind).map_err(|error| error.message);
    let (keys, search) = (same(1)?, same(2)?);
    let element = call.returns_element();
    let wanted = search.as_elements().unwrap_or_default();
    if wanted.is_empty() {
        return Ok(list(element, Vec::new()));
    }
    if !call.arguments[0].is_wholly_known() || !keys.is_wholly_known() {
        return Ok(Value::Unknown(call.returns.clone()));
    }
    let is_wanted = |key: &Value| wanted.iter().any(|each| key.equals(each) == Some(true));
    let pairs = keys.as_elements().unwrap_or_default().iter().zip(values);
    let found = pairs.filter(|(key, _)| is_wanted(key)).map(|(_, value)| value.clone());
    Ok(list(element, found.collect::<Vec<_>>()))
}

fn range(call: &Call<'_>) -> Result<Value, Failure> {
    let numbers: Vec<&Number> = call.arguments.iter().filter_map(Value::as_number).collect();
    let zero = Number::from(0);
    let towards = |start: &Number, end: &Number| Number::from(if end < start { -1 } else { 1 });
    let (start, end, step) = match numbers.as_slice() {
        [end] => (zero.clone(), (*end).clone(), towards(&zero, end)),
        [start, end] => ((*start).clone(), (*end).clone(), towards(start, end)),
        [start, end, step] => ((*start).clone(), (*end).clone(), (*step).clone()),
        _ => return Err("range takes one to three arguments".into()),
    };
    if step.is_zero() {
        return Err(Failure::argument(2, "step must not be zero"));
    }
    let down = step < zero;
    if down && end > start {
        return Err(Failure::argument(1, "the step goes down, but the end lies above the start"));
    }
    if !down && end < start {
        return Err(Failure::argument(1, "the step goes up, but the end lies below the start"));
    }
    let mut result = Vec::new();
    let mut next = start;
    while if down { next > end } else { next < end } {
        if result.len() >= 1024 {
            return Err("the range has more than 1024 numbers; take a larger step, or ends that \
                        lie closer together"
                .into());
        }
        result.push(Value::Number(next.clone()));
        next = next.add(&step).ok_or("infinities of opposite signs have no sum")?;
    }
    Ok(list(Type::Number, result))
}

fn reverse_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::Tuple(kinds) => Ok(Type::Tuple(kinds.iter().rev().cloned().collect())),
        Type::List(element) | Type::Set(element) => Ok(Type::List(element)),
        other => {
            let name = other.friendly_name();
            let message = format!("only lists, sets and tuples can be reversed, not {name}");
            Err(Failure::argument(0, message))
        }
    }
}

fn reverse(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let elements = value.as_elements().unwrap_or_default().iter().rev().cloned();
    let result = match &call.returns {
        Type::Tuple(_) => Value::tuple(elements),
        _ => list(call.returns_element(), elements.collect::<Vec<_>>()),
    };
    Ok(result.sensitive_if(marked))
}

/// Checks the bounds of a slice as far as they and the list are known.
fn bounds(arguments: &[Value]) -> Result<Option<(usize, usize)>, Failure> {
    let list = arguments[0].revealed();
    let length = match list.type_of() {
        Type::Tuple(kinds) => Some(kinds.len()),
        _ => list.as_elements().map(<[Value]>::len),
    };
    let bound = |at: usize, name: &str| -> Result<Option<usize>, Failure> {
        let failure = |message: String| Failure::argument(at, message);
        if arguments[at].is_unknown() {
            return Ok(None);
        }
        let Some(whole) = arguments[at].as_number().and_then(Number::to_i64) else {
            return Err(failure(format!("invalid {name} index: {}", super::WHOLE_NUMBER)));
        };
        let Ok(bound) = usize::try_from(whole) else {
            return Err(failure(format!("the {name} index is negative")));
        };
        if length.is_some_and(|length| bound > length) {
            let message = "index lies beyond the end of the list";
            return Err(failure(format!("the {name} {message}")));
        }
        Ok(Some(bound))
    };
    match (bound(1, "start")?, bound(2, "end")?) {
        (Some(start), Some(end)) if start > end => {
            Err(Failure::argument(1, "the start index lies after the end index"))
        }
        (Some(start), Some(end)) => Ok(Some((start, end))),
        _ => Ok(None),
    }
}

fn slice_type(arguments: &[Value]) -> Result<Type, Failure> {
    let kind = arguments[0].type_of();
    match &kind {
        Type::Set(_) => Err(Failure::argument(
            0,
            "a set has no order to slice by; give it one with `sort`, or with `tolist` if any \
             order will do",
        )),
        Type::List(_) => bounds(arguments).map(|_| kind.clone()),
        Type::Tuple(kinds) => Ok(match bounds(arguments)? {
            Some((start, end)) => Type::Tuple(kinds[start..end].into()),
            None => Type::Dynamic,
        }),
        _ => Err(Failure::argument(0, "only a list or tuple can be sliced")),
    }
}

fn slice(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let Some((start, end)) = bounds(call.arguments)? else {
        return Ok(Value::Unknown(call.returns.clone()));
    };
    let part = &value.as_elements().unwrap_or_default()[start..end];
    let result = match &call.returns {
        Type::Tuple(_) => Value::tuple(part.iter().cloned()),
        _ => list(call.returns_element(), part.to_vec()),
    };
    Ok(result.sensitive_if(marked))
}

fn sort(call: &Call<'_>) -> Result<Value, Failure> {
    if !call.arguments[0].is_wholly_known() {
        return Ok(Value::Unknown(call.returns.clone()));
    }
    let mut texts = Vec::new();
    for (at, element) in call.elements(0).iter().enumerate() {
        let null = || format!("element {at} is null, which has no place in the order");
        texts.push(element.as_str().ok_or_else(null)?);
    }
    texts.sort_unstable();
    Ok(strings(texts))
}
