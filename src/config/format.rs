//! The formatter behind `sandplan fmt`: text in, text out, exactly as
//! `terraform fmt` does it.
//!
//! It works on tokens, not on a tree, so that comments, heredocs and blank
//! lines survive. A text with a syntax error is not touched.

mod layout;
mod lexer;
mod rewrite;
mod spacing;
mod token;

use hcl::edit::parser;

use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use token::Token;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Formats a whole file as `terraform fmt -` prints it.
///
/// The result ends with a newline, even that of an empty text, and formatting it
/// again changes nothing. A byte order mark is dropped.
///
/// # Errors
///
/// One diagnostic with the code `syntax` if the text is not valid.
pub fn format(source: &Source) -> Result<String, Diagnostics> {
    let mut text = format_in_place(source)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Formats a whole file as `terraform fmt` writes it back.
///
/// It differs from [`format`] in one thing: a last line without a newline stays so,
/// and an empty file stays empty.
///
/// # Errors
///
/// One diagnostic with the code `syntax` if the text is not valid.
pub fn format_in_place(source: &Source) -> Result<String, Diagnostics> {
    let text = without_mark(source.text());
    check_syntax(source, text)?;
    let tokens = rewrite::rewrite(lexer::lex(text));
    Ok(lay_out(tokens, text.len()))
}

/// Lays out a piece of the language that is not a whole file, such as an expression.
///
/// It only moves tokens and never looks whether they are valid.
pub fn format_fragment(text: &str) -> String {
    let text = without_mark(text);
    lay_out(lexer::lex(text), text.len())
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

fn check_syntax(source: &Source, text: &str) -> Result<(), Diagnostics> {
    let Err(error) = parser::parse_body(text) else { return Ok(()) };
    let at = source.text().len() - text.len() + error.location().offset();
    let width = source.text().get(at..).and_then(|rest| rest.chars().next());
    let range = source.range(at..at + width.map_or(0, char::len_utf8));
    let detail = format!("This is not valid here: {}.", error.message());
    Err(Diagnostic::error("syntax", "Invalid syntax").detail(detail).at(range).into())
}

fn lay_out(mut tokens: Vec<Token<'_>>, size: usize) -> String {
    layout::lay_out(&mut tokens);
    let mut text = String::with_capacity(size + size / 4);
    for token in &tokens {
        text.extend(std::iter::repeat_n(' ', token.spaces));
        text.push_str(&token.text);
    }
    text
}
