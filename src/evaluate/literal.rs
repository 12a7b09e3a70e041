//! The literal text of templates: escapes, `~` trimming, `<<-` indentation.
//!
//! `hcl::edit` trims and dedents differently from Terraform, so the text is
//! taken from the source again and treated as HCL does, token by token: a
//! literal of a heredoc is one token per line.

use std::collections::HashMap;
use std::ops::Range;

use hcl::edit::Span;
use hcl::edit::template::{Directive, Element, Strip, Template};
use unicode_segmentation::UnicodeSegmentation;

use crate::diagnostic::Source;

/// Where a template stands, which decides how its literals are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Between quotes, with backslash escapes.
    Quoted,
    /// `<<EOT`, or a whole text.
    Plain,
    /// `<<-EOT`: the smallest indentation goes from all lines.
    Flush,
}

/// The text of each literal of a template, by where it starts in the source.
pub(super) type Literals = HashMap<usize, String>;

enum Token {
    Literal { start: usize, text: String },
    Sequence,
}

/// Reads the literals of a template and of the templates inside its directives.
pub(super) fn literals(template: &Template, source: &Source, style: Style) -> Literals {
    let mut reader = Reader { source, style, tokens: Vec::new(), trim_next: false };
    reader.template(template);
    let mut tokens = reader.tokens;
    if style == Style::Flush {
        flush(&mut tokens);
    }
    let mut literals = Literals::new();
    for token in tokens {
        if let Token::Literal { start, text } = token {
            literals.entry(start).or_default().push_str(&text);
        }
    }
    literals
}

struct Reader<'s> {
    source: &'s Source,
    style: Style,
    tokens: Vec<Token>,
    trim_next: bool,
}

impl Reader<'_> {
    fn template(&mut self, template: &Template) {
        for element in template.iter() {
            match element {
                Element::Literal(text) => self.literal(text.span(), text.value()),
                Element::Interpolation(interpolation) => self.sequence(interpolation.strip),
                Element::Directive(directive) => self.directive(directive),
            }
        }
    }

    fn directive(&mut self, directive: &Directive) {
        match directive {
            Directive::If(directive) => {
                self.sequence(directive.if_expr.strip);
                self.template(&directive.if_expr.template);
                if let Some(otherwise) = &directive.else_expr {
                    self.sequence(otherwise.strip);
                    self.template(&otherwise.template);
                }
                self.sequence(directive.endif_expr.strip);
            }
            Directive::For(directive) => {
                self.sequence(directive.for_expr.strip);
                self.template(&directive.for_expr.template);
                self.sequence(directive.endfor_expr.strip);
            }
        }
    }

    fn sequence(&mut self, strip: Strip) {
        if strip.strip_start()
            && let Some(Token::Literal { text, .. }) = self.tokens.last_mut()
        {
            text.truncate(text.trim_end().len());
        }
        self.tokens.push(Token::Sequence);
        self.trim_next = strip.strip_end();
    }

    fn literal(&mut self, span: Option<Range<usize>>, parsed: &str) {
        let Some(span) = span else { return };
        let start = span.start;
        let raw = self.source.text().get(span).unwrap_or(parsed).to_owned();
        let pieces: Vec<String> = match self.style {
            Style::Quoted => vec![unescape_quoted(&raw)],
            _ => raw.split_inclusive('\n').map(unescape_markers).collect(),
        };
        for mut text in pieces {
            if std::mem::take(&mut self.trim_next) {
                text = text.trim_start().to_owned();
            }
            self.tokens.push(Token::Literal { start, text });
        }
    }
}

fn unescape_markers(text: &str) -> String {
    text.replace("$${", "${").replace("%%{", "%{")
}

/// Reads backslash escapes; the parser has refused those that are none.
fn unescape_quoted(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let text = unescape_markers(text);
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            result.push(next);
            continue;
        }
        match rest.next() {
            Some('n') => result.push('\n'),
            Some('r') => result.push('\r'),
            Some('t') => result.push('\t'),
            Some('u') => result.extend(unicode_escape(&mut rest, 4)),
            Some('U') => result.extend(unicode_escape(&mut rest, 8)),
            Some(other) => result.push(other),
            None => result.push('\\'),
        }
    }
    result
}

fn unicode_escape(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let code: String = rest.by_ref().take(digits).collect();
    u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
}

/// Takes the smallest indentation of any line from every line that starts with
/// a literal. Lines that are blank do not count and stay.
fn flush(tokens: &mut [Token]) {
    let mut smallest = usize::MAX;
    let mut lines = Vec::new();
    let mut starts_line = true;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal { text, .. } => {
                if starts_line && !is_blank_line(text) {
                    smallest = smallest.min(indentation(text));
                    lines.push(at);
                }
                starts_line = text.ends_with('\n');
            }
            Token::Sequence => {
                if starts_line {
                    smallest = 0;
                }
                starts_line = false;
            }
        }
    }
    for at in lines {
        if let Token::Literal { text, .. } = &mut tokens[at] {
            *text = text.graphemes(true).skip(smallest).collect();
        }
    }
}

fn is_blank_line(text: &str) -> bool {
    text.ends_with('\n') && text.trim().is_empty()
}

fn indentation(text: &str) -> usize {
    let spaces = &text[..text.len() - text.trim_start().len()];
    spaces.graphemes(true).count()
}
