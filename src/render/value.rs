//! Values in HCL notation, as `terraform output` and `terraform console` print them.

use crate::address::is_identifier;
use crate::object::OutputValue;
use crate::render::words::printable;
use crate::value::{Attributes, Type, Value};

/// What stands for a value that must not be shown.
pub const SENSITIVE: &str = "(sensitive value)";
/// What stands for a value that only apply will know.
pub const UNKNOWN: &str = "(known after apply)";

/// Prints a value over as many lines as it needs, without a final newline.
pub fn hcl(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

/// Prints an output's value; `<sensitive>` where it must not be shown.
pub fn output(output: &OutputValue) -> String {
    let hidden = matches!(output.value, Value::Sensitive(_) | Value::Redacted(_));
    if output.sensitive || hidden { "<sensitive>".to_owned() } else { hcl(&output.value) }
}

/// Prints `name = value` lines of several outputs.
pub fn outputs<'a>(
    outputs: impl IntoIterator<Item = (&'a std::sync::Arc<str>, &'a OutputValue)>,
) -> String {
    outputs.into_iter().map(|(name, value)| format!("{name} = {}\n", output(value))).collect()
}

/// Quotes a string, with what cannot be seen spelled out.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push_str(&printable(c.encode_utf8(&mut [0; 4]))),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes an attribute's name, quoted where it is no identifier.
pub fn key(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { quote(name) }
}

/// Chooses the word that ends a heredoc of this text.
pub fn delimiter(text: &str) -> String {
    let mut word = "EOT".to_owned();
    while text.lines().any(|line| line.trim() == word) {
        word.push('_');
    }
    word
}

/// Prints a value that fits on a line and holds no other.
pub fn scalar(value: &Value) -> String {
    match value {
        Value::Null(_) => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Sensitive(_) | Value::Redacted(_) => SENSITIVE.to_owned(),
        Value::Unknown(_) => UNKNOWN.to_owned(),
        nested => hcl(nested),
    }
}

fn write(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if text.contains('\n') => heredoc(out, text, indent),
        Value::List(_, elements) => wrapped(out, "tolist", |out| list(out, elements, indent)),
        Value::Set(_, elements) => wrapped(out, "toset", |out| list(out, elements, indent)),
        Value::Map(_, members) => wrapped(out, "tomap", |out| named(out, members, indent)),
        Value::Tuple(elements) => list(out, elements, indent),
        Value::Object(members) => named(out, members, indent),
        Value::Null(kind) => out.push_str(&null(kind)),
        other => out.push_str(&scalar(other)),
    }
}

fn null(kind: &Type) -> String {
    match kind {
        Type::Dynamic => "null".to_owned(),
        Type::Bool | Type::Number | Type::String => format!("to{kind}(null)"),
        other => format!("null /* {other} */"),
    }
}

fn wrapped(out: &mut String, function: &str, inner: impl FnOnce(&mut String)) {
    out.push_str(function);
    out.push('(');
    inner(out);
    out.push(')');
}

fn list(out: &mut String, elements: &[Value], indent: usize) {
    if elements.is_empty() {
        return out.push_str("[]");
    }
    out.push_str("[\n");
    for element in elements {
        pad(out, indent + 2);
        write(out, element, indent + 2);
        out.push_str(",\n");
    }
    pad(out, indent);
    out.push(']');
}

fn named(out: &mut String, members: &Attributes, indent: usize) {
    if members.is_empty() {
        return out.push_str("{}");
    }
    out.push_str("{\n");
    for (name, member) in members {
        pad(out, indent + 2);
        out.push_str(&quote(name));
        out.push_str(" = ");
        write(out, member, indent + 2);
        out.push('\n');
    }
    pad(out, indent);
    out.push('}');
}

fn heredoc(out: &mut String, text: &str, indent: usize) {
    let end = delimiter(text);
    out.push_str(if indent > 0 { "<<-" } else { "<<" });
    out.push_str(&end);
    for line in text.split('\n').chain([end.as_str()]) {
        out.push('\n');
        pad(out, indent);
        out.push_str(&printable(line));
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn values_print_as_terraform_console_prints_them() {
        let value = Value::object([
            ("a b", Value::from("x\"y\u{1b}")),
            ("list", Value::List(Type::Number, Arc::new(vec![Value::from(1), Value::from(2)]))),
            ("map", Value::string_map([("k", "v")])),
            ("none", Value::Null(Type::String)),
            ("secret", Value::from("s3cr3t").sensitive()),
            ("set", Value::Set(Type::String, Arc::default())),
            ("text", Value::from("one\nEOT\n")),
            ("tuple", Value::tuple([Value::Unknown(Type::String), Value::from(true)])),
        ]);
        insta::assert_snapshot!(hcl(&value), @r#"
        {
          "a b" = "x\"y\u001b"
          "list" = tolist([
            1,
            2,
          ])
          "map" = tomap({
            "k" = "v"
          })
          "none" = tostring(null)
          "secret" = (sensitive value)
          "set" = toset([])
          "text" = <<-EOT_
          one
          EOT
          
          EOT_
          "tuple" = [
            (known after apply),
            true,
          ]
        }
        "#);
    }
}
