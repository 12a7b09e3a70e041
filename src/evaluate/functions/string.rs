//! Texts: case, trimming, cutting, searching, joining.

use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Type, Value};

const STR: Parameter = Parameter::new("str", Kind::String);
const IS_STRING: Returns = Returns::Is(Kind::String);
const IS_BOOL: Returns = Returns::Is(Kind::Bool);
const IS_STRINGS: Returns = Returns::Is(Kind::List(&Kind::String));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("chomp", &[STR], IS_STRING, |call| {
        Ok(Value::from(call.text(0).trim_end_matches(['\r', '\n'])))
    }),
    Function::new("endswith", &[STR, text("suffix")], IS_BOOL, |call| {
        Ok(Value::Bool(call.text(0).ends_with(call.text(1))))
    }),
    Function::new("indent", &[Parameter::new("spaces", Kind::Number), STR], IS_STRING, indent),
    Function::new("join", &[text("separator")], IS_STRING, join)
        .variadic(Parameter::new("lists", Kind::List(&Kind::String))),
    Function::new("lower", &[STR], IS_STRING, |call| Ok(Value::from(lower(call.text(0))))),
    Function::new("split", &[text("separator"), STR], IS_STRINGS, split),
    Function::new("startswith", &[STR.unknown(), text("prefix")], IS_BOOL, starts_with),
    Function::new("strcontains", &[STR, text("substr")], IS_BOOL, |call| {
        Ok(Value::Bool(call.text(0).contains(call.text(1))))
    }),
    Function::new("strrev", &[STR], IS_STRING, |call| {
        Ok(Value::from(call.text(0).graphemes(true).rev().collect::<String>()))
    }),
    Function::new(
        "substr",
        &[STR, Parameter::new("offset", Kind::Number), Parameter::new("length", Kind::Number)],
        IS_STRING,
        substr,
    ),
    Function::new("title", &[STR], IS_STRING, |call| Ok(Value::from(title(call.text(0))))),
    Function::new("trim", &[STR, text("cutset")], IS_STRING, |call| {
        let cut = call.text(1);
        Ok(Value::from(call.text(0).trim_matches(|c| cut.contains(c))))
    }),
    Function::new("trimprefix", &[STR, text("prefix")], IS_STRING, |call| {
        let text = call.text(0);
        Ok(Value::from(text.strip_prefix(call.text(1)).unwrap_or(text)))
    }),
    Function::new("trimspace", &[STR], IS_STRING, |call| Ok(Value::from(call.text(0).trim()))),
    Function::new("trimsuffix", &[STR, text("suffix")], IS_STRING, |call| {
        let text = call.text(0);
        Ok(Value::from(text.strip_suffix(call.text(1)).unwrap_or(text)))
    }),
    Function::new("upper", &[STR], IS_STRING, |call| Ok(Value::from(upper(call.text(0))))),
];

const fn text(name: &'static str) -> Parameter {
    Parameter::new(name, Kind::String)
}

/// Makes a list of strings.
pub(super) fn strings<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Value {
    let texts = texts.into_iter().map(|text| Value::from(text.into()));
    Value::List(Type::String, Arc::new(texts.collect()))
}

/// Letters that have no single letter of the other case stay.
fn upper(text: &str) -> String {
    let one = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(upper), None) => upper,
            _ => c,
        }
    };
    text.chars().map(one).collect()
}

fn lower(text: &str) -> String {
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

/// Words begin after anything but a letter, a digit, `_` or a combining mark.
fn title(text: &str) -> String {
    let mut in_word = false;
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        result.push(if in_word { c } else { title_case(c) });
        in_word = match c {
            '_' => true,
            c if c.is_ascii() => c.is_ascii_alphanumeric(),
            c => c.is_alphanumeric() || !c.is_whitespace(),
        };
    }
    result
}

fn title_case(c: char) -> char {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        c => upper(c.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(c),
    }
}

fn indent(call: &Call<'_>) -> Result<Value, Failure> {
    let spaces = usize::try_from(call.whole(0)?).map_err(|_| "spaces must not be negative")?;
    let lines = call.text(1).matches('\n').count();
    if spaces.saturating_mul(lines) > MAX_TEXT {
        return Err("the result would be too long".into());
    }
    Ok(Value::from(call.text(1).replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

/// Functions do not make texts of more bytes than this.
pub(super) const MAX_TEXT: usize = 64 << 20;

fn join(call: &Call<'_>) -> Result<Value, Failure> {
    let lists = &call.arguments[1..];
    if lists.is_empty() {
        return Err("at least one list is required".into());
    }
    if !lists.iter().all(Value::is_wholly_known) {
        return Ok(Value::Unknown(Type::String));
    }
    let mut parts = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        for (element, value) in list.as_elements().unwrap_or_default().iter().enumerate() {
            let Some(text) = value.as_str() else {
                let which = match lists.len() {
                    1 => format!("element {element} is null"),
                    _ => format!("element {element} of list {} is null", at + 1),
                };
                let message = format!("{which} and cannot be joined");
                return Err(Failure::argument(at + 1, message));
            };
            parts.push(text);
        }
    }
    let length: usize = parts.iter().map(|part| part.len() + call.text(0).len()).sum();
    if length > MAX_TEXT {
        return Err("the result would be too long".into());
    }
    Ok(Value::from(parts.join(call.text(0))))
}

fn split(call: &Call<'_>) -> Result<Value, Failure> {
    let (separator, text) = (call.text(0), call.text(1));
    Ok(if separator.is_empty() { strings(text.chars()) } else { strings(text.split(separator)) })
}

fn starts_with(call: &Call<'_>) -> Result<Value, Failure> {
    let prefix = call.text(1);
    Ok(match call.arguments[0].as_str() {
        Some(text) => Value::Bool(text.starts_with(prefix)),
        None if prefix.is_empty() => Value::Bool(true),
        None => Value::Unknown(Type::Bool),
    })
}

fn substr(call: &Call<'_>) -> Result<Value, Failure> {
    let (offset, length) = (call.whole(1)?, call.whole(2)?);
    let graphemes: Vec<&str> = call.text(0).graphemes(true).collect();
    let total = graphemes.len() as i64;
    let start = if offset < 0 { (offset + total).max(0) } else { offset.min(total) };
    let rest = &graphemes[start as usize..];
    // A length of zero counts only where the offset is not negative, as in Terraform.
    let taken = match length {
        0 if offset >= 0 => 0,
        length if length <= 0 => rest.len(),
        length => rest.len().min(length as usize),
    };
    Ok(Value::from(rest[..taken].concat()))
}
