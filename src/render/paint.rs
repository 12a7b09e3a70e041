//! The only place of the printers that knows colours, by role.

use owo_colors::{OwoColorize, Style};

use crate::plan::Action;

/// Paints text by role, or leaves it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paint {
    color: bool,
}

impl Paint {
    /// Makes a painter that colours, or one that does not.
    pub fn new(color: bool) -> Self {
        Self { color }
    }

    /// Paints what is added, or went well.
    pub fn added(self, text: &str) -> String {
        self.put(text, Style::new().green())
    }

    /// Paints what is removed or lost.
    pub fn removed(self, text: &str) -> String {
        self.put(text, Style::new().red())
    }

    /// Paints what changes.
    pub fn changed(self, text: &str) -> String {
        self.put(text, Style::new().yellow())
    }

    /// Paints what keeps its name and loses its content.
    pub fn rebuilt(self, text: &str) -> String {
        self.put(text, Style::new().magenta())
    }

    /// Paints a headline.
    pub fn bold(self, text: &str) -> String {
        self.put(text, Style::new().bold())
    }

    /// Paints what matters least.
    pub fn dim(self, text: &str) -> String {
        self.put(text, Style::new().bright_black())
    }

    /// Paints the headline of a success.
    pub fn success(self, text: &str) -> String {
        self.put(text, Style::new().bold().green())
    }

    /// Paints the headline of a failure, or a loss.
    pub fn failure(self, text: &str) -> String {
        self.put(text, Style::new().bold().red())
    }

    /// Paints an action's symbol; a replacement's parts each in their own colour.
    pub fn symbol(self, action: Action) -> String {
        match action {
            Action::Create => self.added("+"),
            Action::Update => self.changed("~"),
            Action::Rebuild => self.rebuilt("@"),
            Action::Delete => self.removed("-"),
            Action::Replace => format!("{}/{}", self.removed("-"), self.added("+")),
            Action::ReplaceCreateFirst => format!("{}/{}", self.added("+"), self.removed("-")),
            Action::NoOp | Action::Forget => action.symbol().to_owned(),
        }
    }

    fn put(self, text: &str, style: Style) -> String {
        if self.color { text.style(style).to_string() } else { text.to_owned() }
    }
}
