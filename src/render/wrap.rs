//! Text broken into lines of a width.

use unicode_width::UnicodeWidthStr;

/// Breaks each line between words so that none is wider than `width`, if words allow it.
///
/// Lines that go on keep the indentation of the line that they continue.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrap_line(line, width)).collect();
    lines.join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let line = line.trim_end();
    let indentation = &line[..line.len() - line.trim_start().len()];
    let mut out = String::from(indentation);
    let mut column = indentation.width();
    for (index, word) in line.trim_start().split(' ').enumerate() {
        if index > 0 && column + 1 + word.width() > width {
            out.push('\n');
            out.push_str(indentation);
            column = indentation.width();
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.width();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_move_to_the_next_line_and_wide_characters_count_twice() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("日本 語 x", 6), "日本\n語 x");
    }

    #[test]
    fn line_breaks_and_indentation_stay() {
        assert_eq!(wrap("log:\n  one  two three\n", 10), "log:\n  one  two\n  three");
    }

    #[test]
    fn a_long_word_is_not_broken() {
        assert_eq!(wrap("a verylongword b", 5), "a\nverylongword\nb");
    }
}
