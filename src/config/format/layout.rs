//! Where each token stands: indentation, spaces within a line, and columns of
//! `=` and of trailing comments over consecutive lines.

use std::ops::Range;

use super::spacing::is_spaced;
use super::token::{Kind, Token};

const INDENT: usize = 2;

/// Sets the spaces before each token.
pub(super) fn lay_out(tokens: &mut [Token<'_>]) {
    let lines = lines(tokens);
    indent(tokens, &lines);
    space(tokens, &lines);
    align(tokens, &lines, |line| &line.lead, |line| &line.assignment);
    align(tokens, &lines, |line| &line.code, |line| &line.comment);
}

/// A line in cells, as ranges of tokens; a cell that it has not is empty.
///
/// A line goes on over newlines inside of a block comment or a heredoc.
struct Line {
    /// All but the trailing comment.
    code: Range<usize>,
    /// What stands before `=`, or all of `code`.
    lead: Range<usize>,
    /// From `=` on, when the value ends on this line.
    assignment: Range<usize>,
    comment: Range<usize>,
}

fn lines(tokens: &[Token<'_>]) -> Vec<Line> {
    let mut start = 0;
    let lines = tokens.split_inclusive(Token::ends_line);
    lines
        .map(|line| {
            let span = start..start + line.len();
            start = span.end;
            cells(line, span)
        })
        .collect()
}

fn cells(line: &[Token<'_>], span: Range<usize>) -> Line {
    let is_comment = line.last().is_some_and(|last| last.kind == Kind::Comment);
    let code = line.len() - usize::from(line.len() > 1 && is_comment);
    let assign = assignment(&line[..code]).unwrap_or(code);
    let (code, assign) = (span.start + code, span.start + assign);
    Line {
        code: span.start..code,
        lead: span.start..assign,
        assignment: assign..code,
        comment: code..span.end,
    }
}

/// Finds the `=` whose value begins and ends on this line.
fn assignment(code: &[Token<'_>]) -> Option<usize> {
    let equal = 1 + code.iter().skip(1).position(|token| token.kind == Kind::Equal)?;
    (nesting(&code[equal..]) == 0).then_some(equal)
}

fn nesting(tokens: &[Token<'_>]) -> isize {
    tokens.iter().map(|token| token.kind.nesting()).sum()
}

/// Indents each line by the number of earlier lines that opened brackets and are not closed.
fn indent(tokens: &mut [Token<'_>], lines: &[Line]) {
    let mut open = Vec::new();
    for line in lines {
        let change = nesting_before_heredoc(&tokens[line.lead.clone()])
            + nesting_before_heredoc(&tokens[line.assignment.clone()]);
        let first = &mut tokens[line.code.start];
        if first.kind == Kind::Newline {
            continue;
        }
        close(&mut open, change.min(0).unsigned_abs());
        first.spaces = INDENT * open.len();
        if change > 0 {
            open.push(change.unsigned_abs());
        }
    }
}

fn nesting_before_heredoc(cell: &[Token<'_>]) -> isize {
    nesting(cell.split(|token| token.kind == Kind::OpenHeredoc).next().unwrap_or_default())
}

/// Takes closed brackets off the lines that opened them, the latest first.
fn close(open: &mut Vec<usize>, mut closed: usize) {
    while let Some(last) = open.last_mut()
        && closed > 0
    {
        let taken = closed.min(*last);
        *last -= taken;
        closed -= taken;
        if *last == 0 {
            open.pop();
        }
    }
}

fn space(tokens: &mut [Token<'_>], lines: &[Line]) {
    for line in lines {
        space_cell(&mut tokens[line.lead.clone()]);
        space_cell(&mut tokens[line.assignment.clone()]);
    }
}

fn space_cell(cell: &mut [Token<'_>]) {
    for right in 1..cell.len() {
        let before = right.checked_sub(2).map(|before| &cell[before]);
        let spaced = is_spaced(before, &cell[right - 1], &cell[right]);
        cell[right].spaces = usize::from(spaced);
    }
}

type Cell = fn(&Line) -> &Range<usize>;

/// Puts `cell` into one column over consecutive lines that have it, one space after `before`.
fn align(tokens: &mut [Token<'_>], lines: &[Line], before: Cell, cell: Cell) {
    for chain in lines.chunk_by(|a, b| cell(a).is_empty() == cell(b).is_empty()) {
        if !cell(&chain[0]).is_empty() {
            align_chain(tokens, chain, before, cell);
        }
    }
}

fn align_chain(tokens: &mut [Token<'_>], chain: &[Line], before: Cell, cell: Cell) {
    let columns: Vec<usize> = chain
        .iter()
        .map(|line| tokens[before(line).clone()].iter().map(Token::columns).sum())
        .collect();
    let widest = columns.iter().max().copied().unwrap_or_default();
    for (line, columns) in chain.iter().zip(columns) {
        tokens[cell(line).start].spaces = widest - columns + 1;
    }
}
