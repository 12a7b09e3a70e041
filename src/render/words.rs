//! Small pieces of wording: counts, spans of time, wrapped paragraphs, and
//! text from elsewhere made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Counts something: `1 step`, `3 steps`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Says a span in its largest unit, or the two largest: `45s`, `3h`, `2d 4h`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (large, small) = match seconds {
        0..60 => return format!("{seconds}s"),
        60..3600 => ((seconds / 60, "m"), (seconds % 60, "s")),
        3600..86_400 => ((seconds / 3600, "h"), (seconds % 3600 / 60, "m")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3600, "h")),
    };
    match small.0 {
        0 => format!("{}{}", large.0, large.1),
        _ => format!("{}{} {}{}", large.0, large.1, small.0, small.1),
    }
}

/// Says a span in its largest unit only, rounded: `3h`.
pub fn rough_span(seconds: i64) -> String {
    let unit = match seconds {
        ..60 => 1,
        60..3600 => 60,
        3600..86_400 => 3600,
        _ => 86_400,
    };
    let whole = span((seconds + unit / 2) / unit * unit);
    whole.split(' ').next().unwrap_or_default().to_owned()
}

/// Says how far a time is from now: `3h ago`, `in 20m`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    match at.as_second() - now.as_second() {
        ahead @ 1.. => format!("in {}", rough_span(ahead)),
        behind => format!("{} ago", rough_span(-behind)),
    }
}

/// Breaks a paragraph into lines of at most this display width.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].width() + 1 + word.width() > width {
            lines.push(word.to_owned());
            continue;
        }
        let line = &mut lines[last];
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

/// Breaks each paragraph of a text into lines, joined by newlines.
pub fn paragraphs(text: &str, width: usize) -> String {
    let broken: Vec<_> = text.split('\n').map(|p| wrap(p, width).join("\n")).collect();
    broken.join("\n")
}

/// Cuts a text to a display width, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut room = width.saturating_sub(1);
    let kept: String = text
        .chars()
        .take_while(|c| {
            let wide = c.width().unwrap_or(0);
            let fits = wide <= room;
            room = room.saturating_sub(wide);
            fits
        })
        .collect();
    Cow::Owned(kept + "…")
}

/// Spells out what would steer the terminal or hide itself: control characters
/// except tab, and marks that turn the direction of text.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_hostile(c) {
            true => drop(write!(safe, "\\u{:04x}", c as u32)),
            false => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_name_their_two_largest_units() {
        let cases = [(0, "0s"), (59, "59s"), (60, "1m"), (5400, "1h 30m"), (187_200, "2d 4h")];
        for (seconds, words) in cases {
            assert_eq!(span(seconds), words);
        }
        assert_eq!(rough_span(5400), "2h");
        assert_eq!(rough_span(28_799), "8h");
    }

    #[test]
    fn wrapping_and_cutting_count_columns() {
        assert_eq!(wrap("a bb ccc dddd", 6), ["a bb", "ccc", "dddd"]);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}"), "a\\u001b[2Jb\\u202e");
    }
}
