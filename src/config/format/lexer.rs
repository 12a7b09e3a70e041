//! From text to tokens, with nothing lost but the blanks between them.
//!
//! Never fails: what the language does not know becomes a token of its own.

use hcl::edit::Ident;

use super::token::{Kind, Token};

/// Splits a text into tokens.
pub(super) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { rest: text, tokens: Vec::new(), modes: Vec::new(), braces: 0 };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    tokens: Vec<Token<'a>>,
    /// What the text is inside of; code when there is none.
    modes: Vec<Mode<'a>>,
    /// How many braces are open in the innermost code.
    braces: usize,
}

enum Mode<'a> {
    Quoted,
    Heredoc {
        marker: &'a str,
        line_start: bool,
    },
    /// Code inside of a template, and the open braces of the code outside of it.
    Code {
        outer_braces: usize,
    },
}

impl<'a> Lexer<'a> {
    fn step(&mut self) {
        match self.modes.last() {
            None | Some(Mode::Code { .. }) => self.code(),
            Some(Mode::Quoted) => self.quoted(),
            Some(&Mode::Heredoc { marker, line_start }) => self.heredoc(marker, line_start),
        }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let (text, rest) = self.rest.split_at(length);
        self.tokens.push(Token::new(kind, text));
        self.rest = rest;
    }

    fn code(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let Some(first) = self.rest.chars().next() else { return };
        match first {
            '#' => self.line_comment(),
            '/' if self.rest.starts_with("//") => self.line_comment(),
            '/' if self.rest.starts_with("/*") => self.block_comment(),
            '"' => self.open_quote(),
            '<' if self.open_heredoc() => {}
            '{' | '}' | '~' => self.brace(first),
            '0'..='9' => self.push(Kind::Number, number_length(self.rest)),
            _ if is_identifier_start(first) => {
                self.push(Kind::Identifier, identifier_length(self.rest));
            }
            _ => self.symbol(first),
        }
    }

    fn line_comment(&mut self) {
        let length = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.push(Kind::Comment, length);
    }

    fn block_comment(&mut self) {
        let end = self.rest[2..].find("*/").map_or(self.rest.len(), |at| at + 4);
        self.push(Kind::Comment, end);
    }

    fn open_quote(&mut self) {
        self.push(Kind::OpenQuote, 1);
        self.modes.push(Mode::Quoted);
    }

    /// Takes `<<EOT` or `<<-EOT` with the newline after it, if that is what follows.
    fn open_heredoc(&mut self) -> bool {
        let Some(after) = self.rest.strip_prefix("<<") else { return false };
        let after = after.strip_prefix('-').unwrap_or(after);
        let marker = &after[..identifier_length(after)];
        let after = &after[marker.len()..];
        let newline = newline_length(after);
        if marker.is_empty() || newline == 0 {
            return false;
        }
        self.push(Kind::OpenHeredoc, self.rest.len() - after.len() + newline);
        self.modes.push(Mode::Heredoc { marker, line_start: true });
        true
    }

    fn brace(&mut self, first: char) {
        let length = if self.rest.starts_with("~}") { 2 } else { 1 };
        if first == '{' {
            self.braces += 1;
            self.push(Kind::OpenBrace, 1);
        } else if let Some(outer_braces) = self.ending_template(length) {
            self.push(Kind::EndTemplate, length);
            self.modes.pop();
            self.braces = outer_braces;
        } else if first == '}' {
            self.braces = self.braces.saturating_sub(1);
            self.push(Kind::CloseBrace, 1);
        } else {
            self.push(Kind::Unknown, 1);
        }
    }

    fn ending_template(&self, length: usize) -> Option<usize> {
        match self.modes.last() {
            Some(&Mode::Code { outer_braces })
                if self.braces == 0 && self.rest[..length].ends_with('}') =>
            {
                Some(outer_braces)
            }
            _ => None,
        }
    }

    fn symbol(&mut self, first: char) {
        let newline = newline_length(self.rest);
        if newline > 0 {
            return self.push(Kind::Newline, newline);
        }
        let found = SYMBOLS.iter().find(|(symbol, _)| self.rest.starts_with(symbol));
        let (length, kind) =
            found.map_or((first.len_utf8(), Kind::Unknown), |&(symbol, kind)| (symbol.len(), kind));
        self.push(kind, length);
    }

    fn quoted(&mut self) {
        if self.rest.starts_with('"') {
            self.push(Kind::CloseQuote, 1);
            self.modes.pop();
        } else if !self.open_template() {
            let length = quoted_length(self.rest);
            self.push(Kind::Quoted, length);
        }
    }

    fn heredoc(&mut self, marker: &'a str, line_start: bool) {
        self.stay_in_heredoc(false);
        if self.open_template() {
            return;
        }
        if line_start && let Some(length) = heredoc_end_length(self.rest, marker) {
            self.push(Kind::CloseHeredoc, length);
            self.modes.pop();
            return;
        }
        let length = line_length(self.rest);
        self.stay_in_heredoc(self.rest[..length].ends_with('\n'));
        self.push(Kind::Line, length);
    }

    fn stay_in_heredoc(&mut self, at_line_start: bool) {
        if let Some(Mode::Heredoc { line_start, .. }) = self.modes.last_mut() {
            *line_start = at_line_start;
        }
    }

    /// Takes what begins an interpolation or a directive, if that is what follows.
    fn open_template(&mut self) -> bool {
        let kind = match self.rest.as_bytes() {
            [b'$', b'{', ..] => Kind::Interpolation,
            [b'%', b'{', ..] => Kind::Directive,
            _ => return false,
        };
        let length = if self.rest[2..].starts_with('~') { 3 } else { 2 };
        self.push(kind, length);
        self.modes.push(Mode::Code { outer_braces: std::mem::take(&mut self.braces) });
        true
    }
}

/// Longer ones first.
const SYMBOLS: [(&str, Kind); 26] = [
    ("...", Kind::Ellipsis),
    ("=>", Kind::Arrow),
    ("==", Kind::Operator),
    ("!=", Kind::Operator),
    (">=", Kind::Operator),
    ("<=", Kind::Operator),
    ("&&", Kind::Operator),
    ("||", Kind::Operator),
    ("::", Kind::DoubleColon),
    ("=", Kind::Equal),
    (",", Kind::Comma),
    (".", Kind::Dot),
    ("(", Kind::OpenParen),
    (")", Kind::CloseParen),
    ("[", Kind::OpenBracket),
    ("]", Kind::CloseBracket),
    (":", Kind::Colon),
    ("?", Kind::Question),
    ("!", Kind::Bang),
    ("-", Kind::Minus),
    ("+", Kind::Operator),
    ("*", Kind::Operator),
    ("/", Kind::Operator),
    ("%", Kind::Operator),
    (">", Kind::Operator),
    ("<", Kind::Operator),
];

fn newline_length(text: &str) -> usize {
    match text.as_bytes() {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    }
}

fn identifier_length(text: &str) -> usize {
    if !text.chars().next().is_some_and(is_identifier_start) {
        return 0;
    }
    text.find(|c| !is_identifier_part(c)).unwrap_or(text.len())
}

fn is_identifier_start(c: char) -> bool {
    if c.is_ascii() { c == '_' || c.is_ascii_alphabetic() } else { is_identifier(&[c]) }
}

fn is_identifier_part(c: char) -> bool {
    if c.is_ascii() {
        c == '-' || c == '_' || c.is_ascii_alphanumeric()
    } else {
        is_identifier(&['a', c])
    }
}

fn is_identifier(characters: &[char]) -> bool {
    Ident::try_new(String::from_iter(characters)).is_ok()
}

/// Measures digits with an optional fraction and an optional exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let whole = digits(bytes, 0);
    let fraction = match bytes.get(whole) {
        Some(b'.') => digits(bytes, whole + 1),
        _ => whole,
    };
    let mantissa = if fraction > whole + 1 { fraction } else { whole };
    exponent(bytes, mantissa).unwrap_or(mantissa)
}

fn exponent(bytes: &[u8], at: usize) -> Option<usize> {
    if !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
    let end = digits(bytes, at + 1 + sign);
    (end > at + 1 + sign).then_some(end)
}

fn digits(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Measures the text up to the quote that ends it or to a template.
fn quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => break,
            b'\\' => at += 2,
            b'$' | b'%' => match template_length(&bytes[at..]) {
                0 => break,
                length => at += length,
            },
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// Measures the end of a heredoc, if that is what this line begins with.
///
/// Blanks after the marker belong to it when nothing else follows.
fn heredoc_end_length(text: &str, marker: &str) -> Option<usize> {
    let after = text.trim_start_matches([' ', '\t']).strip_prefix(marker)?;
    let rest = after.trim_start_matches([' ', '\t']);
    let ends = rest.is_empty() || newline_length(rest) > 0;
    let rest = if ends { rest } else { after };
    (!after.starts_with(is_identifier_part)).then_some(text.len() - rest.len())
}

/// Measures the text up to the end of the line, its newline included, or to a template.
fn line_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => return at + 1,
            b'$' | b'%' => match template_length(&bytes[at..]) {
                0 => break,
                length => at += length,
            },
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// Measures text that begins with `$` or `%`; 0 when it begins a template.
fn template_length(bytes: &[u8]) -> usize {
    match bytes {
        [_, b'{', ..] => 0,
        [first, second, b'{', ..] if first == second => 3,
        _ => 1,
    }
}
