//! Text to tree, with a diagnostic where it is not HCL.

use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr;

use hcl::edit::Span;
use hcl::edit::expr::Expression;
use hcl::edit::parser::{self, Error};
use hcl::edit::structure::Body;
use hcl::edit::template::{Element, StringTemplate, Template};
use hcl::edit::visit::{Visit, visit_expr, visit_string_template};

use crate::diagnostic::{Diagnostic, Diagnostics, Source};

/// Parses a file: attributes and blocks.
pub fn parse_body(source: &Source) -> Result<Body, Diagnostics> {
    let body = parser::parse_body(&without_empty_heredocs(source.text()))
        .map_err(|error| problem(&error, source))?;
    let mut check = Check { source, problems: Diagnostics::new() };
    check.visit_body(&body);
    check.problems.into_result(body)
}

/// Parses a text that is one expression; there may be space around it.
pub fn parse_expression(source: &Source) -> Result<Expression, Diagnostics> {
    let text = without_empty_heredocs(source.text());
    let text = text.trim_end();
    let parsed = match text.chars().next() {
        // The parser takes no space before an expression unless it is in
        // parentheses; one stands in for the first space, so that offsets stay.
        Some(first) if first.is_ascii_whitespace() => {
            Expression::from_str(&format!("({}\n)", &text[1..])).map(without_parentheses)
        }
        _ => Expression::from_str(text),
    };
    let expr = parsed.map_err(|error| problem(&error, source))?;
    let mut check = Check { source, problems: Diagnostics::new() };
    check.visit_expr(&expr);
    check.problems.into_result(expr)
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

/// Writes `""` for heredocs without any line, which the parser would read on
/// past their end. Offsets stay.
fn without_empty_heredocs(text: &str) -> Cow<'_, str> {
    let mut result = Cow::Borrowed(text);
    for (at, _) in text.match_indices("<<") {
        if let Some(length) = empty_heredoc(&text[at..]) {
            let blank: String =
                text[at..at + length].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            result.to_mut().replace_range(at..at + length, &format!("\"\"{}", &blank[2..]));
        }
    }
    result
}

fn empty_heredoc(text: &str) -> Option<usize> {
    let after = text.trim_start_matches('<').trim_start_matches('-');
    let (delimiter, rest) = after.split_once('\n')?;
    let delimiter = delimiter.trim_end_matches('\r');
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if delimiter.is_empty() || !delimiter.is_ascii() || !delimiter.chars().all(is_name) {
        return None;
    }
    let end = rest.trim_start_matches([' ', '\t']).strip_prefix(delimiter)?;
    (!end.starts_with(is_name)).then(|| text.len() - end.len())
}

/// Finds what the parser takes and the language does not: quoted texts over
/// several lines.
struct Check<'s> {
    source: &'s Source,
    problems: Diagnostics,
}

impl Check<'_> {
    fn one_line(&mut self, span: Option<Range<usize>>) {
        let Some(span) = span else { return };
        let text = self.source.text().get(span.clone()).unwrap_or_default();
        if let Some(at) = text.find('\n') {
            let at = span.start + at;
            let problem = Diagnostic::error("multi-line-string", "Invalid multi-line string")
                .detail(
                    "A string in quotes has to end on the line where it begins. Write `\\n` for \
                     a line break in it, or use a heredoc (`<<EOT`) for a text of several lines.",
                )
                .at(self.source.range(at..at + 1));
            self.problems.push(problem);
        }
    }
}

impl Visit for Check<'_> {
    fn visit_expr(&mut self, expr: &Expression) {
        if let Expression::String(text) = expr
            && text.span().is_some_and(|span| self.source.text()[span].starts_with('"'))
        {
            self.one_line(text.span());
        }
        visit_expr(self, expr);
    }

    fn visit_string_template(&mut self, template: &StringTemplate) {
        for element in template.iter() {
            if let Element::Literal(text) = element {
                self.one_line(text.span());
            }
        }
        visit_string_template(self, template);
    }
}

fn problem(error: &Error, source: &Source) -> Diagnostic {
    let at = error.location().offset();
    let found = source.text().get(at..).and_then(|rest| rest.chars().next());
    // At the end of the text the parser points to its last character.
    let is_end = at + 1 >= source.text().trim_end().len() && error.message().contains("expected");
    let found_text = match found {
        Some(c) if !is_end && !c.is_whitespace() => format!(", but found `{c}`"),
        Some('\n') if !is_end => ", but found the end of the line".into(),
        _ => String::new(),
    };
    let mut detail = error.message().to_owned();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Diagnostic::error("syntax", "Invalid syntax")
        .detail(format!("{detail}{found_text}."))
        .at(source.range(at..at + found.map_or(0, char::len_utf8)))
        .hint(open_quote(source.text(), at))
}

/// Guesses at a quote that is missing on the line where the parser gave up.
fn open_quote(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..)?.lines().next()?;
    let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
    (quotes % 2 == 1).then(|| "is a `\"` missing on this line?".to_owned())
}
