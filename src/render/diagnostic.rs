//! Diagnostics drawn for people: what, where in the source, why, and what to do.

use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Element, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::style::{Role, Style};
use super::wrap::wrap;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Source, SourceRange, Sources};

/// Below this nothing can be drawn well, so it is the least that is assumed.
const LEAST_WIDTH: usize = 40;

/// Draws diagnostics in their order, an empty line between them, and a count if they are several.
///
/// A source that is not at hand leaves out the excerpt only. No diagnostics are an empty text;
/// any other ends with a newline. What comes from files or platforms cannot steer the terminal.
pub fn draw(diagnostics: &Diagnostics, sources: &Sources, style: Style, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let mut parts: Vec<String> =
        diagnostics.iter().map(|diagnostic| draw_one(diagnostic, sources, style, width)).collect();
    if parts.len() > 1 {
        parts.push(count(diagnostics, style) + "\n");
    }
    parts.join("\n")
}

fn draw_one(diagnostic: &Diagnostic, sources: &Sources, style: Style, width: usize) -> String {
    let level = level(diagnostic.severity);
    let head = "warning[]: ".len() + diagnostic.code.len();
    let title = level
        .primary_title(wrap(&safe(&diagnostic.summary), width.saturating_sub(head)))
        .id(safe(&diagnostic.code));
    let excerpt = diagnostic.range.as_ref().map(|range| place(range, sources, width));
    let report = [title.elements(excerpt).elements(remarks(diagnostic, width))];
    let mut text = renderer(style, width).render(&report);
    text.push('\n');
    text
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

fn renderer(style: Style, width: usize) -> Renderer {
    let renderer = if style.is_colored() { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(width)
}

/// Replaces control characters by visible ones.
fn safe(text: &str) -> String {
    normalize_untrusted_str(text)
}

fn remarks(diagnostic: &Diagnostic, width: usize) -> Vec<Element<'static>> {
    let digits = diagnostic.range.as_ref().map_or(1, |range| range.end.line.to_string().len());
    let margin = digits + " = note: ".len();
    let message = |level: Level<'static>, text: &str| -> Element<'static> {
        level.message(wrap(&safe(text), width - margin)).into()
    };
    let with = diagnostic.address.as_ref().map(|address| format!("with {address}"));
    let with = with.map(|with| message(Level::NOTE.no_name(), &with));
    let detail = Some(&diagnostic.detail).filter(|detail| !detail.is_empty());
    let note = detail.map(|detail| message(Level::NOTE, detail));
    let help = diagnostic.hint.as_ref().map(|hint| message(Level::HELP, hint));
    with.into_iter().chain(note).chain(help).collect()
}

fn place(range: &SourceRange, sources: &Sources, width: usize) -> Element<'static> {
    match sources.shown(range) {
        Some(source) => excerpt(range, source, width).into(),
        None => Origin::path(safe(&range.filename))
            .line(range.start.line as usize)
            .char_column(range.start.column as usize)
            .into(),
    }
}

/// Cuts the lines of the range out of the source, so that a large file costs no more.
fn excerpt(range: &SourceRange, source: &Source, width: usize) -> Snippet<'static, Annotation> {
    let text = source.text();
    let start = source.position(range.start.byte).byte;
    let end = source.position(range.end.byte).byte.max(start);
    let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let lines = without_returns(&text[first..last]);
    let span = without_returns(&text[first..start]).len()..without_returns(&text[first..end]).len();
    let span = fit(&lines, span, width);
    Snippet::source(lines)
        .path(safe(&range.filename))
        .line_start(range.start.line as usize)
        .annotation(AnnotationKind::Primary.span(span))
}

fn without_returns(lines: &str) -> String {
    lines.strip_suffix('\r').unwrap_or(lines).replace("\r\n", "\n")
}

type Annotation = annotate_snippets::Annotation<'static>;

/// Shortens an underline that no line has room for.
fn fit(lines: &str, span: Range<usize>, width: usize) -> Range<usize> {
    let most = width / 2;
    match lines[span.clone()].char_indices().nth(most) {
        Some((cut, _)) if !lines[span.clone()].contains('\n') => span.start..span.start + cut,
        _ => span,
    }
}

fn count(diagnostics: &Diagnostics, style: Style) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let counts =
        [(errors, "error", Role::Error), (diagnostics.len() - errors, "warning", Role::Warning)];
    let told = counts.into_iter().filter(|(count, ..)| *count > 0);
    let told = told.map(|(count, word, role)| {
        let plural = if count == 1 { "" } else { "s" };
        style.paint(role, format!("{count} {word}{plural}")).to_string()
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
