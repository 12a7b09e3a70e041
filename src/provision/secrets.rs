//! Keeps secrets out of what is reported and logged.

use crate::value::Value;

/// Shorter texts are in too many words to be replaced.
const SHORTEST: usize = 4;

/// The texts that must not be shown.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Collects the sensitive texts of a value, line by line.
    pub fn of(value: &Value) -> Self {
        let mut texts = Vec::new();
        collect(value, false, &mut texts);
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts)
    }

    /// Returns a line with every secret in it replaced by `***`.
    pub fn hide(&self, line: &str) -> String {
        let hide = |line: String, secret: &String| match line.contains(secret) {
            true => line.replace(secret, "***"),
            false => line,
        };
        self.0.iter().fold(line.to_owned(), hide)
    }
}

fn collect(value: &Value, sensitive: bool, texts: &mut Vec<String>) {
    match value {
        Value::Sensitive(inner) => collect(inner, true, texts),
        Value::String(text) if sensitive => {
            let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
            texts.extend(lines.map(str::to_owned));
        }
        other => other.children().for_each(|child| collect(child, sensitive, texts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand_in_a_line() {
        let file = Value::object([("content", Value::from("a=1\ntoken=hunter2\n").sensitive())]);
        let value = Value::object([("f", file), ("t", Value::from("swordfish").sensitive())]);
        let secrets = Secrets::of(&value);
        assert_eq!(secrets.hide("> token=hunter2 swordfish."), "> *** ***.");
        assert_eq!(secrets.hide("a=1"), "a=1");
    }
}
