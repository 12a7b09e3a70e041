//! Problems as values: what is wrong, where, and what to do about it.
//!
//! Diagnostics are collected, not thrown, so that several can be shown at
//! once. Nothing here draws them: that is `render`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A place in a source: 1-based line and column (in characters), 0-based byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub line: u32,
    pub column: u32,
    pub byte: usize,
}

/// A stretch of a source file; `end` is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceRange {
    pub filename: Arc<str>,
    pub start: Position,
    pub end: Position,
}

impl fmt::Display for SourceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.filename, self.start.line, self.start.column)
    }
}

/// A text that was read, with the name under which users know it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Source(Arc<SourceInner>);

#[derive(Debug)]
struct SourceInner {
    name: Arc<str>,
    text: Box<str>,
    line_starts: Vec<usize>,
}

impl Source {
    /// Takes a text and indexes its lines.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self(Arc::new(SourceInner { name: name.into(), text, line_starts }))
    }

    /// Returns the name under which users know the text, usually a relative path.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Turns a byte offset (clamped to the text) into a position.
    pub fn position(&self, byte: usize) -> Position {
        let mut byte = byte.min(self.0.text.len());
        while !self.0.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.0.line_starts.partition_point(|start| *start <= byte) - 1;
        let column = self.0.text[self.0.line_starts[line]..byte].chars().count() + 1;
        Position { line: line as u32 + 1, column: column as u32, byte }
    }

    /// Turns a byte range, as `hcl::edit` gives it, into a source range.
    pub fn range(&self, span: Range<usize>) -> SourceRange {
        SourceRange {
            filename: self.0.name.clone(),
            start: self.position(span.start),
            end: self.position(span.end),
        }
    }
}

/// All the texts that diagnostics may point into.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Remembers a text, in place of an earlier one of the same name.
    pub fn add(&mut self, source: Source) {
        self.0.retain(|other| other.name() != source.name());
        self.0.push(source);
    }

    /// Finds a text by the name in a range.
    pub fn find(&self, name: &str) -> Option<&Source> {
        self.0.iter().find(|source| &**source.name() == name)
    }

    /// Finds the text that a range points into, if the lines that it touches may be
    /// shown: those of a private key, pasted in by mistake, may not.
    pub fn shown(&self, range: &SourceRange) -> Option<&Source> {
        let source = self.find(&range.filename)?;
        let text = source.text();
        let start = source.position(range.start.byte).byte;
        let end = source.position(range.end.byte).byte.max(start);
        let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let lines = &text[first..last];
        let is_secret = lines.contains("PRIVATE KEY") || lines.contains("PuTTY-User-Key-File");
        (!is_secret).then_some(source)
    }

    /// Lists the texts in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

/// How bad it is: an error stops, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// What kind of failure an error is, as the exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Anything else: exit 1.
    #[default]
    Error,
    /// Refused by a limit, a policy or `prevent_destroy`: exit 3.
    Refused,
    /// No capacity or quota left: exit 4.
    NoCapacity,
    /// Provisioning or a probe failed: exit 5.
    NotReady,
    /// Somebody else holds the state's lock: exit 6.
    Locked,
    /// Credentials are missing or were refused: exit 7.
    Credentials,
    /// The command line is wrong: exit 64.
    Usage,
}

/// One problem, for a person and for a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// One word per kind of problem, listed in `docs/diagnostics.md`: `unknown-attribute`.
    pub code: std::borrow::Cow<'static, str>,
    /// Terse, without the user's names.
    pub summary: String,
    /// Full sentences: what is wrong, why, what to do.
    #[serde(default)]
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<SourceRange>,
    /// "did you mean `image`?"
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The resource that it is about, as an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default)]
    pub failure: Failure,
}

impl Diagnostic {
    /// Starts an error of this kind; `code` is listed in `docs/diagnostics.md`.
    pub fn error(code: &'static str, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            summary: summary.into(),
            detail: String::new(),
            range: None,
            hint: None,
            address: None,
            failure: Failure::Error,
        }
    }

    /// Starts a warning of this kind.
    pub fn warning(code: &'static str, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, summary) }
    }

    /// Says in full sentences what is wrong, why, and what to do.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Points into a source.
    pub fn at(mut self, range: impl Into<Option<SourceRange>>) -> Self {
        self.range = range.into();
        self
    }

    /// Suggests a remedy, such as the nearest known name.
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Names the resource that it is about.
    pub fn address(mut self, address: impl fmt::Display) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// Sets which exit code the failure has.
    pub fn failure(mut self, failure: Failure) -> Self {
        self.failure = failure;
        self
    }

    /// Makes a warning of it.
    pub fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Tells whether it stops the command.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(range) = &self.range {
            write!(f, "{range}: ")?;
        }
        f.write_str(&self.summary)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Problems in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Starts with none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless the very same is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.0.contains(&diagnostic) {
            self.0.push(diagnostic);
        }
    }

    /// Tells whether there is no problem at all, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts errors and warnings.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether one of them stops the command.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    /// Lists them in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Returns itself as the error if there is one in it, else its warnings.
    pub fn into_errors_or_warnings(self) -> Result<Self, Self> {
        if self.has_errors() { Err(self) } else { Ok(self) }
    }

    /// Returns the value if there were no errors; warnings are dropped.
    pub fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.has_errors() { Err(self) } else { Ok(value) }
    }

    /// Takes the value of a result, or keeps its problems and returns nothing.
    pub fn absorb<T>(&mut self, result: Result<T, Diagnostics>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problems) => {
                self.extend(problems);
                None
            }
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        for diagnostic in more {
            self.push(diagnostic);
        }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        let mut diagnostics = Self::new();
        diagnostics.extend(iter);
        diagnostics
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Suggests the known name that is nearest to a mistyped one: "did you mean `image`?"
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, name)| {
            let shorter = name.len().min(typed.len());
            // Two names of one letter have nothing in common.
            *distance <= 1 + shorter / 4 && *distance < name.len().max(typed.len())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_clamp() {
        let source = Source::new("a.hcl", "é = 1\nb = 2");
        assert_eq!(source.position(3), Position { line: 1, column: 3, byte: 3 });
        assert_eq!(source.position(7), Position { line: 2, column: 1, byte: 7 });
        assert_eq!(source.position(99), Position { line: 2, column: 6, byte: 12 });
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(
            did_you_mean("imgae", ["image", "ttl"]).as_deref(),
            Some("did you mean `image`?")
        );
        assert_eq!(did_you_mean("zzz", ["image", "ttl"]), None);
        assert_eq!(did_you_mean("b", ["a"]), None);
    }

    #[test]
    fn the_same_problem_is_told_once() {
        let mut all = Diagnostics::new();
        all.push(Diagnostic::error("x", "X"));
        all.push(Diagnostic::error("x", "X"));
        assert_eq!(all.len(), 1);
    }
}
