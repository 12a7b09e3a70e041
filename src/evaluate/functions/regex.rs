//! Regular expressions: `regex`, `regexall`, `replace`.
//!
//! Patterns are Go's (RE2); where the `regex` crate reads the same text
//! differently, it is rewritten first.

use std::sync::Arc;

use regex::{Captures, Regex};

use super::string::MAX_TEXT;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Type, Value};

const STR: Parameter = Parameter::new("str", Kind::String);
const PATTERN: Parameter = Parameter::new("pattern", Kind::String);
const STRING: Parameter = Parameter::new("string", Kind::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regex", &[PATTERN, STRING], Returns::From(match_type), first_match),
    Function::new(
        "regexall",
        &[PATTERN, STRING],
        Returns::From(|arguments| Ok(Type::list(match_type(arguments)?))),
        all_matches,
    ),
    Function::new(
        "replace",
        &[STR, Parameter::new("substr", Kind::String), Parameter::new("replace", Kind::String)],
        Returns::Is(Kind::String),
        replace,
    ),
];

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translate(pattern)).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// The groups of a pattern decide the type: a string, a tuple or an object.
fn match_type(arguments: &[Value]) -> Result<Type, Failure> {
    let Some(pattern) = arguments[0].as_str() else { return Ok(Type::Dynamic) };
    let invalid = |why| Failure::argument(0, format!("invalid regexp pattern: {why}"));
    let regex = compile(pattern).map_err(|why| invalid(format!("{why} in {pattern}")))?;
    let groups: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
    let named: Vec<&str> = groups.iter().copied().flatten().collect();
    match (groups.len(), named.len()) {
        (0, _) => Ok(Type::String),
        (all, 0) => Ok(Type::Tuple(vec![Type::String; all].into())),
        (all, some) if all == some => {
            Ok(Type::object(named.into_iter().map(|n| (n, Type::String))))
        }
        _ => Err(invalid("give all of its groups names, or none".into())),
    }
}

fn captured(regex: &Regex, captures: &Captures<'_>) -> Value {
    let group = |at: usize| match captures.get(at) {
        Some(found) => Value::from(found.as_str()),
        None => Value::Null(Type::String),
    };
    if captures.len() == 1 {
        return group(0);
    }
    let names: Vec<Option<&str>> = regex.capture_names().collect();
    if names[1].is_some() {
        let named = names.iter().enumerate().filter_map(|(at, name)| Some(((*name)?, group(at))));
        return Value::object(named);
    }
    Value::tuple((1..captures.len()).map(group))
}

fn first_match(call: &Call<'_>) -> Result<Value, Failure> {
    let regex = compile(call.text(0))?;
    match regex.captures(call.text(1)) {
        Some(captures) => Ok(captured(&regex, &captures)),
        None => Err("nothing in the text matches the pattern; `regexall` would return an \
                     empty list"
            .into()),
    }
}

fn all_matches(call: &Call<'_>) -> Result<Value, Failure> {
    let regex = compile(call.text(0))?;
    let all = regex.captures_iter(call.text(1)).map(|captures| captured(&regex, &captures));
    Ok(Value::List(call.returns_element(), Arc::new(all.collect())))
}

/// Between slashes the text to find is a pattern.
fn replace(call: &Call<'_>) -> Result<Value, Failure> {
    let (text, find, by) = (call.text(0), call.text(1), call.text(2));
    let pattern = find.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let most = (text.len() + 1).saturating_mul(by.len() + 1);
    if most > MAX_TEXT && text.matches(find).count().saturating_mul(by.len()) > MAX_TEXT {
        return Err("the result would be too long".into());
    }
    let Some(pattern) = pattern.filter(|_| find.len() > 1) else {
        return Ok(Value::from(text.replace(find, by)));
    };
    let regex =
        compile(pattern).map_err(|why| format!("error parsing regexp: {why}: `{pattern}`"))?;
    if most > MAX_TEXT && regex.find_iter(text).count().saturating_mul(by.len()) > MAX_TEXT {
        return Err("the result would be too long".into());
    }
    Ok(Value::from(regex.replace_all(text, by).into_owned()))
}

/// Rewrites Go's syntax: ASCII classes, `\Q…\E`, literal `[`, `{`, `&&` and the
/// like.
fn translate(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(next) = rest.chars().next() {
        let (text, used): (String, usize) = match next {
            '\\' => escape(rest, in_class),
            '[' if !in_class => {
                in_class = true;
                // A bracket that closes at once is literal.
                let open = if rest.starts_with("[^") { "[^" } else { "[" };
                match rest[open.len()..].starts_with(']') {
                    true => (format!("{open}\\]"), open.len() + 1),
                    false => (open.to_owned(), open.len()),
                }
            }
            '[' => match rest.strip_prefix("[:").and_then(|after| after.find(":]")) {
                Some(end) => (rest[..end + 4].to_owned(), end + 4),
                None => ("\\[".to_owned(), 1),
            },
            ']' if in_class => {
                in_class = false;
                ("]".to_owned(), 1)
            }
            '&' | '~' if in_class => (format!("\\{next}"), 1),
            '{' if !in_class && !is_repetition(rest) => ("\\{".to_owned(), 1),
            other => (other.to_string(), other.len_utf8()),
        };
        result.push_str(&text);
        rest = &rest[used..];
    }
    result
}

fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else { return false };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match inside.split_once(',') {
        Some((least, most)) => !least.is_empty() && digits(least) && digits(most),
        None => !inside.is_empty() && digits(inside),
    }
}

/// Rewrites one escape: the text for it, and how much of the pattern it was.
fn escape(rest: &str, in_class: bool) -> (String, usize) {
    let Some(escaped) = rest[1..].chars().next() else { return ("\\".into(), 1) };
    if escaped == 'Q' {
        let quoted = &rest[2..];
        let end = quoted.find("\\E");
        let used = end.map_or(rest.len(), |end| end + 4);
        return (regex::escape(&quoted[..end.unwrap_or(quoted.len())]), used);
    }
    let text = match (escaped, in_class) {
        ('d', true) => "0-9".into(),
        ('d', false) => "[0-9]".into(),
        ('D', _) => "[^0-9]".into(),
        ('w', true) => "0-9A-Za-z_".into(),
        ('w', false) => "[0-9A-Za-z_]".into(),
        ('W', _) => "[^0-9A-Za-z_]".into(),
        ('s', true) => r"\t\n\f\r ".into(),
        ('s', false) => r"[\t\n\f\r ]".into(),
        ('S', _) => r"[^\t\n\f\r ]".into(),
        ('b', false) => r"(?-u:\b)".into(),
        (other, _) => format!("\\{other}"),
    };
    (text, 1 + escaped.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_gos() {
        for (pattern, text, matches) in [
            (r"^\d+$", "٣", false),
            (r"^\w$", "é", false),
            (r"^[[a]$", "[", true),
            (r"^a{$", "a{", true),
            (r"^a{2}$", "aa", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^[]a]+$", "a]", true),
            (r"^[a&&b]+$", "&a", true),
            (r"^[[:alpha:]]+$", "ab", true),
        ] {
            let regex = compile(pattern).expect(pattern);
            assert_eq!(regex.is_match(text), matches, "{pattern}");
        }
    }
}
