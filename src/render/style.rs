//! The one place that knows colours.
//!
//! Text is complete without them: a role never says what the text does not.

use owo_colors::Styled;

/// What a piece of text is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// What will be created.
    Add,
    /// What will be changed in place.
    Change,
    /// What will be destroyed, or loses its disk.
    Destroy,
    /// What will be destroyed and made anew.
    Replace,
    /// What will be dropped from the state and left alone.
    Forget,
    /// What went well.
    Success,
    Error,
    Warning,
    /// A remark below an error.
    Note,
    /// What to do about it.
    Hint,
    /// A heading, a total, an address.
    Bold,
    /// What may be skipped: unchanged lines, punctuation, times.
    Dim,
}

/// Paints text, or leaves it as it is when colour is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    color: bool,
}

impl Style {
    /// Paints if `color`.
    pub fn new(color: bool) -> Self {
        Self { color }
    }

    /// Tells whether it paints.
    pub fn is_colored(self) -> bool {
        self.color
    }

    /// Gives text the looks of its role; width and alignment of the format apply to the text alone.
    pub fn paint<T>(self, role: Role, text: T) -> Styled<T> {
        let looks = if self.color { looks(role) } else { owo_colors::Style::new() };
        looks.style(text)
    }
}

fn looks(role: Role) -> owo_colors::Style {
    let plain = owo_colors::Style::new();
    match role {
        Role::Add => plain.green(),
        Role::Change => plain.yellow(),
        Role::Destroy => plain.red(),
        Role::Replace => plain.magenta(),
        Role::Forget | Role::Dim => plain.dimmed(),
        Role::Success => plain.green().bold(),
        Role::Error => plain.red().bold(),
        Role::Warning => plain.yellow().bold(),
        Role::Note => plain.blue().bold(),
        Role::Hint => plain.cyan().bold(),
        Role::Bold => plain.bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_text_stays_as_it_is() {
        assert_eq!(Style::new(false).paint(Role::Error, "no").to_string(), "no");
    }

    #[test]
    fn a_width_counts_the_text_and_not_its_colour() {
        let painted = format!("{:<4}|", Style::new(true).paint(Role::Add, "+"));
        assert_eq!(painted, "\u{1b}[32m+   \u{1b}[0m|");
    }
}
