//! Block labels in quotes, with only those escapes that are needed.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::LazyLock;

use regex::Regex;

use crate::config::format::token::{Kind, Token};

/// Puts a bare label into quotes and tidies the escapes of a quoted one; anything else stays.
pub(super) fn quote<'a>(token: &Token<'a>) -> Vec<Token<'a>> {
    match token.kind {
        Kind::Identifier => vec![
            Token::new(Kind::OpenQuote, "\""),
            Token::new(Kind::Quoted, token.text.clone()),
            Token::new(Kind::CloseQuote, "\""),
        ],
        Kind::Quoted => vec![tidy(token)],
        _ => vec![token.clone()],
    }
}

fn tidy<'a>(token: &Token<'a>) -> Token<'a> {
    let is_plain = |c: char| c.is_ascii() && !c.is_ascii_control() && c != '\\';
    if token.text.chars().all(is_plain) || token.text.contains(['$', '%']) {
        return token.clone();
    }
    unescape(&token.text)
        .map_or_else(|| token.clone(), |text| Token::new(Kind::Quoted, escape(&text)))
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        out.push(if c == '\\' { unescape_one(&mut rest)? } else { c });
    }
    Some(out)
}

fn unescape_one(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => unescape_hex(rest, 4)?,
        'U' => unescape_hex(rest, 8)?,
        c => c,
    })
}

fn unescape_hex(rest: &mut Chars<'_>, digits: usize) -> Option<char> {
    let code: String = rest.by_ref().take(digits).collect();
    char::from_u32(u32::from_str_radix(&code, 16).ok()?)
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        escape_one(c, &mut rest, &mut out);
    }
    out
}

fn escape_one(c: char, rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '"' | '\\' => out.extend(['\\', c]),
        '$' | '%' if rest.peek() == Some(&'{') => out.extend([c, c]),
        _ if is_printable(c) => out.push(c),
        _ => escape_hex(c, out),
    }
}

fn escape_hex(c: char, out: &mut String) {
    let code = u32::from(c);
    let written =
        if code > 0xffff { write!(out, "\\U{code:08x}") } else { write!(out, "\\u{code:04x}") };
    debug_assert!(written.is_ok(), "a string takes all that is written to it");
}

fn is_printable(c: char) -> bool {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static PRINTABLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\A[\p{L}\p{M}\p{N}\p{P}\p{S} ]\z").unwrap());
    PRINTABLE.is_match(c.encode_utf8(&mut [0; 4]))
}
