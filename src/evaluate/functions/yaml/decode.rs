//! YAML to values: one document, YAML 1.1's booleans, timestamps as strings.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use crate::value::{Attributes, Number, Type, Value, convert, normal_form};

/// More nodes than this, with aliases counted as often as they are used, are refused.
const MAX_NODES: usize = 1_000_000;
/// Deeper nesting is refused.
const MAX_DEPTH: usize = 128;

/// Reads one document.
pub(super) fn decode(text: &str) -> Result<Value, String> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, line: 1 };
    reader.document()
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The anchored values, with how many nodes they have; nothing while one is read.
    anchors: HashMap<usize, Option<(Value, usize)>>,
    nodes: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                let (at, why) = (error.marker(), error.info());
                Err(format!("on line {}, column {}: {why}", at.line(), at.col() + 1))
            }
            None => Ok(Event::StreamEnd),
        }
    }

    fn problem(&self, why: impl std::fmt::Display) -> String {
        format!("on line {}: {why}", self.line)
    }

    fn document(&mut self) -> Result<Value, String> {
        loop {
            match self.next()? {
                Event::StreamStart | Event::Nothing => {}
                Event::DocumentStart(_) => break,
                _ => return Err("on line 1, column 1: missing start of document".into()),
            }
        }
        let first = self.next()?;
        let value = self.node(first, 0)?;
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(value),
                Event::DocumentStart(_) => {
                    return Err(self.problem("there must be just one document"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'t>, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(self.problem("the document is nested too deeply"));
        }
        self.count(1)?;
        let before = self.nodes;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_quoted =
                    matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                let value = scalar(&text, is_quoted, &tag_name(tag.as_ref()));
                (anchor, value.map_err(|why| self.problem(why))?)
            }
            Event::Alias(anchor) => return self.alias(anchor),
            Event::SequenceStart(anchor, tag) => {
                self.begin(anchor, tag.as_ref(), "sequence", "!!seq")?;
                (anchor, self.sequence(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(anchor, tag.as_ref(), "mapping", "!!map")?;
                (anchor, self.mapping(depth)?)
            }
            other => return Err(self.problem(format!("unexpected {other:?}"))),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, Some((value.clone(), self.nodes - before + 1)));
        }
        Ok(value)
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.problem("the document is too large"));
        }
        Ok(())
    }

    fn begin(
        &mut self,
        anchor: usize,
        tag: Option<&Cow<'_, Tag>>,
        what: &str,
        plain: &str,
    ) -> Result<(), String> {
        let tag = tag_name(tag);
        if !tag.is_empty() && tag != plain {
            return Err(self.problem(format!("can't interpret {what} as {tag}")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize) -> Result<Value, String> {
        match self.anchors.get(&anchor).cloned() {
            Some(Some((value, nodes))) => {
                self.count(nodes)?;
                Ok(value)
            }
            Some(None) => {
                Err(self.problem("what an anchor names cannot contain the anchor itself"))
            }
            None => Err(self.problem("reference to undefined anchor")),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::tuple(elements)),
                event => elements.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut attributes = Attributes::new();
        loop {
            let (text, style, tag) = match self.next()? {
                Event::MappingEnd => return Ok(Value::Object(attributes.into())),
                Event::Scalar(text, style, _, tag) => (text, style, tag_name(tag.as_ref())),
                _ => return Err(self.problem("a key of a mapping must be a string")),
            };
            let next = self.next()?;
            if text == "<<" && tag.is_empty() || tag == "!!merge" {
                let merged = self.node(next, depth + 1)?;
                merge(&mut attributes, &merged).map_err(|why| self.problem(why))?;
                continue;
            }
            let is_quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
            let key = scalar(&text, is_quoted, &tag).map_err(|why| self.problem(why))?;
            let key = match convert(&key, &Type::String) {
                Ok(Value::String(key)) => key,
                Ok(_) => return Err(self.problem("mapping key cannot be null")),
                Err(_) => return Err(self.problem("a key of a mapping must be a string")),
            };
            attributes.insert(normal_form(&key).as_ref().into(), self.node(next, depth + 1)?);
        }
    }
}

fn merge(into: &mut Attributes, value: &Value) -> Result<(), String> {
    let mut take = |value: &Value, from: &str| match value.as_attributes() {
        Some(attributes) => {
            into.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
            Ok(())
        }
        None => Err(format!("cannot merge {}{from} into mapping", value.type_of().friendly_name())),
    };
    match value {
        Value::Tuple(elements) => {
            elements.iter().try_for_each(|element| take(element, " (from sequence)"))
        }
        other => take(other, ""),
    }
}

/// Writes a tag in its short form, `!!str`.
fn tag_name(tag: Option<&Cow<'_, Tag>>) -> String {
    match tag {
        None => String::new(),
        Some(tag) if tag.handle == "tag:yaml.org,2002:" => format!("!!{}", tag.suffix),
        Some(tag) => format!("{}{}", tag.handle, tag.suffix),
    }
}

fn scalar(text: &str, is_quoted: bool, tag: &str) -> Result<Value, String> {
    let known =
        ["", "!", "!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp", "!!binary"];
    if !known.contains(&tag) {
        return Err(format!("unsupported tag {tag:?}"));
    }
    let cannot = || format!("cannot parse {text:?} as {tag}");
    match tag {
        "!!str" | "!" => return Ok(Value::from(text)),
        "!!binary" => {
            let is_base64 = super::super::encoding::decode_base64(text).is_ok();
            return if is_base64 { Ok(Value::from(text)) } else { Err(cannot()) };
        }
        _ => {}
    }
    if is_quoted {
        return Ok(Value::from(text));
    }
    let implied = implied(text, tag)?;
    match (tag, implied) {
        (_, Some(value)) => Ok(value),
        ("!!null", None) => Ok(Value::null()),
        ("!!int" | "!!float", None) => number(text).ok_or_else(cannot),
        ("", None) => Ok(Value::from(text)),
        _ => Err(cannot()),
    }
}

/// What a plain text stands for, if for anything but itself.
fn implied(text: &str, tag: &str) -> Result<Option<Value>, String> {
    let infinite = |sign: i64| {
        let zero = Number::from(0);
        Number::from(sign).divide(&zero).map(Value::Number)
    };
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::null()),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Value::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => infinite(1),
        "-.inf" | "-.Inf" | "-.INF" => infinite(-1),
        ".nan" | ".NaN" | ".NAN" if tag.is_empty() => {
            return Err("there is no number for NaN".into());
        }
        _ => match text.as_bytes().first() {
            Some(b'0'..=b'9') if tag.is_empty() || tag == "!!timestamp" => {
                timestamp(text).map(Value::from).or_else(|| plain_number(text))
            }
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => plain_number(text),
            _ => None,
        },
    })
}

fn plain_number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = match unsigned.get(..2) {
        Some("0x" | "0o") => true,
        _ => unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.'),
    };
    if !is_number || text.contains('_') {
        return None;
    }
    number(text)
}

fn number(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    if let Ok(number) = text.parse::<Number>() {
        return (!number.is_infinite()).then_some(Value::Number(number));
    }
    let (digits, radix) = match text.get(..2)? {
        "0x" => (&text[2..], 16),
        "0o" => (&text[2..], 8),
        "0b" => (&text[2..], 2),
        _ => return None,
    };
    let digits = num_bigint::BigInt::parse_bytes(digits.as_bytes(), radix)?;
    Some(Value::Number(Number::from_bigint(&digits)))
}

/// Reads a date, or a date with a time, and writes it as RFC 3339.
fn timestamp(text: &str) -> Option<String> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((&text[at..=at], &text[at + 1..]))),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let fits = is_number(year, 4, 4) && is_number(month, 1, 2) && is_number(day, 1, 2);
    if !fits || parts.next().is_some() {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let date = date.ok()?;
    let Some((between, time)) = time else { return Some(format!("{date}T00:00:00Z")) };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) if between != " " => time.split_at(at),
        None if between == " " => (time, "Z"),
        _ => return None,
    };
    let (clock, _) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let all = [hour, minute, second];
    if parts.next().is_some() || !all.iter().all(|part| is_number(part, 1, 2)) {
        return None;
    }
    let zone_fits = zone == "Z"
        || zone.split_once(':').is_some_and(|(hours, minutes)| {
            is_number(&hours[1..], 2, 2) && is_number(minutes, 2, 2)
        });
    let time =
        jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0);
    let zone = if zone == "+00:00" { "Z" } else { zone };
    (zone_fits && time.is_ok())
        .then(|| format!("{date}T{hour:0>2}:{minute:0>2}:{second:0>2}{zone}"))
}
