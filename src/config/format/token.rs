//! The tokens that the formatter moves about.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

/// What a token is, as far as layout can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Identifier,
    Number,
    /// `\n` or `\r\n`.
    Newline,
    /// A line comment has its newline, a block comment has not.
    Comment,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Dot,
    Comma,
    Ellipsis,
    Equal,
    Colon,
    DoubleColon,
    Question,
    Bang,
    Minus,
    /// An operator that takes two operands.
    Operator,
    Arrow,
    OpenQuote,
    CloseQuote,
    /// Text between quotes.
    Quoted,
    /// `<<EOT` with its newline.
    OpenHeredoc,
    /// The whole of the last line without its newline.
    CloseHeredoc,
    /// Text of a heredoc, at most a line with its newline.
    Line,
    /// `${` or `${~`.
    Interpolation,
    /// `%{` or `%{~`.
    Directive,
    /// The `}` or `~}` that ends an interpolation or a directive.
    EndTemplate,
    /// A character that the language does not know.
    Unknown,
}

/// A piece of text and how many spaces stand before it.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: Cow<'a, str>,
    pub(super) spaces: usize,
}

impl<'a> Token<'a> {
    /// Makes a token without spaces before it.
    pub(super) fn new(kind: Kind, text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, text: text.into(), spaces: 0 }
    }

    /// Tells whether nothing more follows on its line.
    pub(super) fn ends_line(&self) -> bool {
        self.kind == Kind::Newline || self.is_line_comment()
    }

    /// Tells whether it is a `#` or `//` comment.
    pub(super) fn is_line_comment(&self) -> bool {
        self.kind == Kind::Comment && self.text.ends_with('\n')
    }

    /// Tells whether it is a `/* */` comment.
    pub(super) fn is_block_comment(&self) -> bool {
        self.kind == Kind::Comment && !self.is_line_comment()
    }

    /// Returns how many columns it takes, the spaces before it included.
    pub(super) fn columns(&self) -> usize {
        self.spaces + columns(&self.text)
    }
}

impl Kind {
    /// Returns 1 for what opens a bracket of any kind, -1 for what closes one.
    pub(super) fn nesting(self) -> isize {
        match self {
            Self::OpenBrace | Self::OpenBracket | Self::OpenParen => 1,
            Self::Interpolation | Self::Directive => 1,
            Self::CloseBrace | Self::CloseBracket | Self::CloseParen | Self::EndTemplate => -1,
            _ => 0,
        }
    }
}

/// Counts grapheme clusters, by the rules of Unicode 15.0 that Terraform goes by.
fn columns(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\r') {
        text.len()
    } else {
        text.graphemes(true).map(|cluster| 1 + conjuncts(cluster)).sum()
    }
}

/// Counts the letters that Unicode 15.1 began to join with the one before them.
fn conjuncts(cluster: &str) -> usize {
    const JOINER: char = '\u{200d}';
    let mut linked = false;
    let is_conjunct = |&c: &char| {
        let joined = linked && c.is_alphabetic();
        linked = LINKERS.contains(&c) || (linked && c == JOINER);
        joined
    };
    cluster.chars().filter(is_conjunct).count()
}

/// The characters with `Indic_Conjunct_Break=Linker`.
const LINKERS: [char; 20] = [
    '\u{94d}',
    '\u{9cd}',
    '\u{acd}',
    '\u{b4d}',
    '\u{c4d}',
    '\u{d4d}',
    '\u{1039}',
    '\u{17d2}',
    '\u{1a60}',
    '\u{1b44}',
    '\u{1bab}',
    '\u{a9c0}',
    '\u{aaf6}',
    '\u{10a3f}',
    '\u{11133}',
    '\u{113d0}',
    '\u{1193e}',
    '\u{11a47}',
    '\u{11a99}',
    '\u{11f42}',
];
