//! Whether two neighbours on a line have a space between them.

use super::token::{Kind, Token};

/// Tells whether a space belongs between `left` and `right`; `before` precedes `left`.
pub(super) fn is_spaced(before: Option<&Token<'_>>, left: &Token<'_>, right: &Token<'_>) -> bool {
    if right.kind == Kind::Newline || is_joined_name(left.kind, right.kind) {
        return false;
    }
    match (left.kind, right.kind) {
        (_, Kind::Comma | Kind::Ellipsis) => false,
        (Kind::Comma, _) => true,
        (left, right) if is_template_text(left, right) => false,
        _ if is_in_of_for(before, left) => true,
        (left, Kind::OpenBracket) if is_indexable(left) => false,
        (Kind::Bang, _) => false,
        (Kind::Minus, _) => before.is_some_and(|before| ends_operand(before.kind)),
        (left, right) => is_spaced_by_brackets(left, right),
    }
}

fn is_joined_name(left: Kind, right: Kind) -> bool {
    matches!(
        (left, right),
        (Kind::Identifier, Kind::OpenParen | Kind::DoubleColon)
            | (Kind::DoubleColon, Kind::Identifier)
            | (Kind::Dot, _)
            | (_, Kind::Dot)
    )
}

fn is_template_text(left: Kind, right: Kind) -> bool {
    matches!(left, Kind::Quoted | Kind::Line | Kind::OpenQuote | Kind::OpenHeredoc)
        || matches!(right, Kind::Quoted | Kind::Line | Kind::CloseQuote | Kind::CloseHeredoc)
}

fn is_in_of_for(before: Option<&Token<'_>>, left: &Token<'_>) -> bool {
    left.kind == Kind::Identifier
        && left.text == "in"
        && before.is_some_and(|before| before.kind == Kind::Identifier)
}

fn is_indexable(left: Kind) -> bool {
    matches!(left, Kind::Identifier | Kind::Number) || left.nesting() < 0
}

/// Guesses that a minus after this subtracts; otherwise it negates.
fn ends_operand(before: Kind) -> bool {
    !matches!(
        before,
        Kind::OpenParen
            | Kind::OpenBrace
            | Kind::OpenBracket
            | Kind::Equal
            | Kind::Colon
            | Kind::Comma
            | Kind::Question
            | Kind::Operator
            | Kind::Minus
            | Kind::Bang
    )
}

fn is_spaced_by_brackets(left: Kind, right: Kind) -> bool {
    match (left, right) {
        (Kind::OpenBrace, Kind::CloseBrace) => false,
        (Kind::OpenBrace, _) | (_, Kind::CloseBrace) => true,
        (Kind::Interpolation | Kind::Directive, Kind::OpenBrace) => true,
        (Kind::CloseBrace, Kind::EndTemplate) => true,
        (Kind::EndTemplate, Kind::Interpolation | Kind::Directive) => false,
        (left, right) => left.nesting() <= 0 && right.nesting() >= 0,
    }
}
