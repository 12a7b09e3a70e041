//! What a POSIX shell is told: quoting, and the last lines of every script that
//! becomes a command.

use std::collections::BTreeMap;

use super::{ProviderError, ProviderErrorKind, portable};

/// The last lines of a script whose arguments are a command: becomes it.
///
/// A shell's `exec` gives 127 and 126 as everybody expects, but takes a name
/// with a dash for an option, and does not always say what is missing.
pub const BECOME: &str = r#"case $1 in -*) echo "$1: not found" >&2; exit 127;; esac
command -v -- "$1" >/dev/null 2>&1 || [ -e "$1" ] || { echo "$1: not found" >&2; exit 127; }
exec "$@""#;

/// Quotes a text as one word of a shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Checks what cannot be handed to a process.
pub fn check(argv: &[String], env: &BTreeMap<String, String>) -> Result<(), ProviderError> {
    let rejected = |message: String| Err(ProviderError::new(ProviderErrorKind::Rejected, message));
    if argv.is_empty() {
        return rejected("There is no command to run.".to_owned());
    }
    if argv.iter().chain(env.values()).any(|text| text.contains('\0')) {
        return rejected("A command or its environment contains a NUL character.".to_owned());
    }
    match env.keys().find(|name| !portable::is_variable(name)) {
        Some(name) => rejected(format!("`{name}` cannot be the name of an environment variable.")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_its_word() {
        assert_eq!(quote("a'b $c\n"), "'a'\\''b $c\n'");
        assert_eq!(quote(""), "''");
    }
}
