//! Text to tree, with a diagnostic where it is not HCL.

use std::ops::Range;
use std::str::FromStr;

use hcl::edit::expr::Expression;
use hcl::edit::parser::{self, Error};
use hcl::edit::structure::Body;
use hcl::edit::template::Template;

use crate::diagnostic::{Diagnostic, Diagnostics, Source};

/// Parses a file: attributes and blocks.
pub fn parse_body(source: &Source) -> Result<Body, Diagnostics> {
    parser::parse_body(source.text()).map_err(|error| problem(&error, source).into())
}

/// Parses a text that is one expression; there may be space around it.
pub fn parse_expression(source: &Source) -> Result<Expression, Diagnostics> {
    let text = source.text().trim_end();
    let parsed = match text.chars().next() {
        // The parser takes no space before an expression unless it is in
        // parentheses; one stands in for the first space, so that offsets stay.
        Some(first) if first.is_ascii_whitespace() => {
            Expression::from_str(&format!("({}\n)", &text[1..])).map(without_parentheses)
        }
        _ => Expression::from_str(text),
    };
    parsed.map_err(|error| problem(&error, source).into())
}

fn without_parentheses(expr: Expression) -> Expression {
    match expr {
        Expression::Parenthesis(inner) => inner.into_inner(),
        other => other,
    }
}

/// Parses a whole text as a template, as `templatefile` does.
pub fn parse_template(source: &Source) -> Result<Template, Diagnostics> {
    parser::parse_template(source.text()).map_err(|error| problem(&error, source).into())
}

fn problem(error: &Error, source: &Source) -> Diagnostic {
    let at = error.location().offset();
    let length =
        source.text().get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    syntax(error.message(), at..at + length, source)
}

fn syntax(message: &str, at: Range<usize>, source: &Source) -> Diagnostic {
    let mut detail = message.to_owned();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Diagnostic::error("syntax", "Invalid syntax").detail(format!("{detail}.")).at(source.range(at))
}
