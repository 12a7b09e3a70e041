//! Values to YAML: block style, strings quoted.

use std::fmt::Write;

use crate::value::Value;

/// Lines of quoted text are folded beyond this column.
const WIDTH: usize = 80;

/// Writes a document.
pub(super) fn encode(value: &Value) -> String {
    let mut writer = Writer { text: String::new() };
    match value.revealed() {
        Value::Null(_) | Value::Bool(_) | Value::Number(_) => {
            writer.scalar(value.revealed(), 0);
            writer.text.push_str("\n...\n");
        }
        value => {
            writer.node(value, Place { indent: 0, inline: true, in_map: false });
            if !writer.text.ends_with('\n') {
                writer.text.push('\n');
            }
        }
    }
    writer.text
}

/// Where a node is written.
#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    /// On the line that is already begun.
    inline: bool,
    /// As a value of a mapping.
    in_map: bool,
}

struct Writer {
    text: String,
}

impl Writer {
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Sensitive(inner) => self.node(inner, place),
            Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements)
                if !elements.is_empty() =>
            {
                self.sequence(elements, place);
            }
            Value::Map(_, attributes) | Value::Object(attributes) if !attributes.is_empty() => {
                self.mapping(attributes, place);
            }
            other => {
                if place.in_map {
                    self.text.push(' ');
                }
                self.scalar(other, place.indent);
            }
        }
    }

    fn line(&mut self, indent: usize) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&" ".repeat(indent));
    }

    /// A sequence inside a mapping is not indented further.
    fn sequence(&mut self, elements: &[Value], place: Place) {
        let indent = if place.in_map { place.indent - 2 } else { place.indent };
        for (at, element) in elements.iter().enumerate() {
            if at > 0 || !place.inline {
                self.line(indent);
            }
            self.text.push_str("- ");
            self.node(element, Place { indent: indent + 2, inline: true, in_map: false });
        }
    }

    fn mapping(&mut self, attributes: &crate::value::Attributes, place: Place) {
        for (at, (name, value)) in attributes.iter().enumerate() {
            if at > 0 || !place.inline {
                self.line(place.indent);
            }
            if name.contains('\n') || name.len() > 128 {
                self.text.push_str("? ");
                self.string(name, place.indent + 2);
                self.line(place.indent);
            } else {
                self.quoted(name, None);
            }
            self.text.push(':');
            self.node(value, Place { indent: place.indent + 2, inline: false, in_map: true });
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.text.push_str(&number.to_string()),
            Value::String(text) => self.string(text, indent.max(2)),
            Value::Map(..) | Value::Object(_) => self.text.push_str("{}"),
            Value::List(..) | Value::Set(..) | Value::Tuple(_) => self.text.push_str("[]"),
            _ => self.text.push_str("null"),
        }
    }

    fn string(&mut self, text: &str, indent: usize) {
        if text.contains('\n') && can_be_literal(text) {
            self.literal(text, indent);
        } else {
            self.quoted(text, Some(indent));
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            self.text.push('2');
        }
        let body = text.trim_end_matches('\n');
        self.text.push_str(match text.len() - body.len() {
            0 => "-",
            1 if !body.is_empty() => "",
            _ => "+",
        });
        self.text.push('\n');
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.text.push_str(&" ".repeat(indent));
            }
            self.text.push_str(line);
        }
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Writes between quotes; long lines are folded at spaces where that is allowed.
    fn quoted(&mut self, text: &str, fold: Option<usize>) {
        let start = self.text.rfind('\n').map_or(0, |at| at + 1);
        let mut column = self.text[start..].chars().count() + 1;
        self.text.push('"');
        let last = text.len();
        let mut after_space = false;
        for (at, c) in text.char_indices() {
            let is_inside = at > 0 && at + 1 < last;
            match fold {
                Some(indent) if c == ' ' && !after_space && column > WIDTH && is_inside => {
                    self.text.push('\n');
                    self.text.push_str(&" ".repeat(indent));
                    column = indent;
                    if text[at + 1..].starts_with(' ') {
                        self.text.push('\\');
                        column += 1;
                    }
                    after_space = true;
                }
                _ => {
                    let before = self.text.len();
                    escape(c, &mut self.text);
                    column += self.text[before..].chars().count();
                    after_space = c == ' ';
                }
            }
        }
        self.text.push('"');
    }
}

/// Block text cannot hold special characters, nor spaces at the end of a line.
fn can_be_literal(text: &str) -> bool {
    !text.contains(" \n") && !text.ends_with(' ') && text.chars().all(|c| c == '\n' || is_plain(c))
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn escape(c: char, text: &mut String) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ => "",
    };
    let code = u32::from(c);
    if !short.is_empty() {
        text.push_str(short);
    } else if is_plain(c) {
        text.push(c);
    } else {
        let _ = match code {
            0..=0xff => write!(text, "\\x{code:02X}"),
            0x100..=0xffff => write!(text, "\\u{code:04X}"),
            _ => write!(text, "\\U{code:08X}"),
        };
    }
}
