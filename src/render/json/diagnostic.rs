//! Problems in the shape of Terraform's JSON, with the stretch of source that they are about.

use serde_json::{Value as Json, json};

use crate::diagnostic::{
    Diagnostic, Diagnostics, Position, Severity, Source, SourceRange, Sources,
};

/// Returns a problem as JSON; `code` and `hint` are ours.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let mut json = json!({
        "severity": diagnostic.severity,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "code": diagnostic.code,
    });
    if let Some(hint) = &diagnostic.hint {
        json["hint"] = hint.as_str().into();
    }
    if let Some(address) = &diagnostic.address {
        json["address"] = address.as_str().into();
    }
    if let Some(range) = &diagnostic.range {
        json["range"] = json!({
            "filename": range.filename,
            "start": position(range.start),
            "end": position(range.end),
        });
        if let Some(source) = sources.shown(range) {
            json["snippet"] = snippet(source, range);
        }
    }
    json
}

/// Returns what `validate -json` prints.
pub fn validate(problems: &Diagnostics, sources: &Sources) -> Json {
    let count = |severity| problems.iter().filter(|d| d.severity == severity).count();
    json!({
        "format_version": "1.0",
        "valid": !problems.has_errors(),
        "error_count": count(Severity::Error),
        "warning_count": count(Severity::Warning),
        "diagnostics": problems.iter().map(|d| diagnostic(d, sources)).collect::<Vec<_>>(),
    })
}

fn position(at: Position) -> Json {
    json!({ "line": at.line, "column": at.column, "byte": at.byte })
}

/// Returns the whole lines that a range touches, and where in them it is.
fn snippet(source: &Source, range: &SourceRange) -> Json {
    let text = source.text();
    let clamp = |byte: usize| source.position(byte).byte;
    let (from, to) = (clamp(range.start.byte), clamp(range.end.byte).max(clamp(range.start.byte)));
    let start = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let last = if to > from && text[..to].ends_with('\n') { to - 1 } else { to };
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    let code = text[start..end].trim_end_matches('\r');
    json!({
        "context": context(&text[..start]),
        "code": code,
        "start_line": range.start.line,
        "highlight_start_offset": from - start,
        "highlight_end_offset": (to - start).min(code.len()).max(from - start),
        "values": [],
    })
}

/// Finds the header of the block that the text after this is in.
fn context(before: &str) -> Option<&str> {
    let line = before.lines().rev().find(|line| line.starts_with(|c: char| !c.is_whitespace()))?;
    line.trim_end().strip_suffix('{').map(str::trim_end)
}
