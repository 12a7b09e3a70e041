//! Values of attributes that have a plainer form.

use crate::config::format::token::{Kind, Token};

/// Counts the tokens of the value that begins here, up to the comment, newline or brace after it.
pub(super) fn length(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    let ends = |token: &Token<'_>| {
        depth += token.kind.nesting();
        depth < 0 || (depth == 0 && token.ends_line())
    };
    let end = tokens.iter().position(ends).unwrap_or(tokens.len());
    let comments = tokens[..end].iter().rev().take_while(|token| token.kind == Kind::Comment);
    end - comments.count()
}

/// Turns `"${x}"` into `x`, with parentheses if it goes over several lines.
///
/// It stays as it is where a comment in it would swallow what follows.
pub(super) fn unwrap<'a>(value: &[Token<'a>], next: Option<&Token<'a>>) -> Vec<Token<'a>> {
    let (before, core, after) = split_comments(value);
    let core = match interpolated(core) {
        Some(inside) if needs_parentheses(inside) => parenthesize(inside),
        Some(inside) if can_stand_alone(inside, next) => unwrap(inside, next),
        _ => return value.to_vec(),
    };
    [before, &core, after].concat()
}

type Tokens<'t, 'a> = &'t [Token<'a>];

fn split_comments<'t, 'a>(
    value: Tokens<'t, 'a>,
) -> (Tokens<'t, 'a>, Tokens<'t, 'a>, Tokens<'t, 'a>) {
    let is_code = |token: &Token<'_>| token.kind != Kind::Comment;
    let start = value.iter().position(is_code).unwrap_or_default();
    let end = value.iter().rposition(is_code).map_or(value.len(), |last| last + 1);
    (&value[..start], &value[start..end], &value[end..])
}

fn parenthesize<'a>(inside: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut value = vec![Token::new(Kind::OpenParen, "(")];
    value.extend_from_slice(inside);
    value.push(Token::new(Kind::CloseParen, ")"));
    value
}

/// Returns what a template consists of, if it consists of one interpolation.
fn interpolated<'t, 'a>(value: Tokens<'t, 'a>) -> Option<Tokens<'t, 'a>> {
    let [open, start, inside @ .., end, close] = value else { return None };
    let kinds = [open.kind, start.kind, end.kind, close.kind];
    let expected = [Kind::OpenQuote, Kind::Interpolation, Kind::EndTemplate, Kind::CloseQuote];
    let inside = trim_newlines(inside);
    (kinds == expected && !inside.is_empty() && !has_template(inside)).then_some(inside)
}

fn trim_newlines<'t, 'a>(tokens: Tokens<'t, 'a>) -> Tokens<'t, 'a> {
    let is_text = |token: &Token<'_>| token.kind != Kind::Newline;
    let start = tokens.iter().position(is_text).unwrap_or(tokens.len());
    let end = tokens.iter().rposition(is_text).map_or(start, |last| last + 1);
    &tokens[start..end]
}

/// Tells whether there is part of a template outside of nested quotes.
fn has_template(tokens: &[Token<'_>]) -> bool {
    let mut quotes = 0_usize;
    tokens.iter().any(|token| {
        match token.kind {
            Kind::OpenQuote => quotes += 1,
            Kind::CloseQuote => quotes = quotes.saturating_sub(1),
            Kind::Interpolation | Kind::EndTemplate | Kind::Quoted => return quotes == 0,
            _ => {}
        }
        false
    })
}

fn can_stand_alone(inside: &[Token<'_>], next: Option<&Token<'_>>) -> bool {
    let ends_block = next.is_some_and(|next| next.kind == Kind::CloseBrace);
    let last = if ends_block { inside.len() } else { inside.len() - 1 };
    !outside_brackets(&inside[..last]).any(Token::is_line_comment)
}

/// Tells whether a newline would end it too early; Terraform is overcautious here, and so is this.
fn needs_parentheses(inside: &[Token<'_>]) -> bool {
    let is_newline = |token: &Token<'_>| token.kind == Kind::Newline;
    let first_and_last = [inside[0].kind, inside[inside.len() - 1].kind];
    if first_and_last == [Kind::OpenParen, Kind::CloseParen] {
        outside_brackets(inside).any(is_newline)
    } else {
        inside.iter().any(is_newline)
    }
}

fn outside_brackets<'t, 'a>(tokens: Tokens<'t, 'a>) -> impl Iterator<Item = &'t Token<'a>> {
    let mut depth = 0;
    tokens.iter().filter(move |token| {
        depth += token.kind.nesting();
        depth == 0
    })
}

/// Spells out a type of a variable: `list` is `list(any)`, but `"list"` is `list(string)`.
pub(super) fn present_type<'a>(value: &[Token<'a>]) -> Vec<Token<'a>> {
    match value {
        [name] if name.kind == Kind::Identifier => match name.text.as_ref() {
            "list" | "map" | "set" => collection(name.clone(), "any"),
            _ => value.to_vec(),
        },
        [open, name, _] if open.kind == Kind::OpenQuote && name.kind == Kind::Quoted => {
            let bare = Token::new(Kind::Identifier, name.text.clone());
            match name.text.as_ref() {
                "string" => vec![bare],
                "list" | "map" => collection(bare, "string"),
                _ => value.to_vec(),
            }
        }
        _ => value.to_vec(),
    }
}

fn collection<'a>(name: Token<'a>, element: &'static str) -> Vec<Token<'a>> {
    vec![
        name,
        Token::new(Kind::OpenParen, "("),
        Token::new(Kind::Identifier, element),
        Token::new(Kind::CloseParen, ")"),
    ]
}
