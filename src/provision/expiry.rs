//! A machine's own end, where the platform deletes what switches itself off. Pure.
//!
//! A timer of systemd does it, with no need of anybody's connection. It does not
//! outlive a boot, so each boot sets it again, from a file that says when.

use jiff::Timestamp;

/// Says when the machine ends, in seconds since 1970.
const FILE: &str = "/var/lib/sandplan/expires";
const ARM: &str = include_str!("guest/expiry.sh");

/// Makes the shell script that each boot runs; what has been set since the first one
/// counts.
pub fn at_boot(at: Timestamp) -> String {
    let at = at.as_second();
    format!(
        "file={FILE}\nmkdir -p \"${{file%/*}}\"\n[ -e \"$file\" ] || echo {at} >\"$file\"\n[ -s \"$file\" ] || exit 0\n{ARM}"
    )
}

/// Makes the shell script that sets another end; nothing lets the machine live on.
pub fn script(at: Option<Timestamp>) -> String {
    let begin = format!("set -eu\nfile={FILE}\nmkdir -p \"${{file%/*}}\"\n");
    match at {
        Some(at) => format!("{begin}echo {} >\"$file\"\n{ARM}", at.as_second()),
        // Empty, so that the next boot does not take up the first one again.
        None => {
            format!("{begin}: >\"$file\"\nsystemctl stop sandplan-expiry.timer 2>/dev/null || :\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// A tool that says how it was called.
    const SAYS: &str = "echo \"$(basename \"$0\") $*\"";

    /// Runs a script where systemd only says what it was asked.
    fn run(directory: &Path, script: &str) -> String {
        for (name, does) in [("systemctl", SAYS), ("systemd-run", SAYS), ("date", "echo 1000")] {
            let path = directory.join(name);
            fs::write(&path, format!("#!/bin/sh\n{does}\n")).expect("a tool");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a tool");
        }
        let script = script.replace(FILE, &directory.join("lib/expires").to_string_lossy());
        let path = format!("{}:/usr/bin:/bin", directory.display());
        let ran = Command::new("sh").arg("-c").arg(script).env("PATH", path).output();
        let ran = ran.expect("sh runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn the_first_boot_sets_the_end_and_later_ones_keep_what_was_set_since() {
        let directory = tempfile::tempdir().expect("a directory");
        let run = |script: &str| run(directory.path(), script);
        assert!(run(&at_boot(at(4600))).contains("--on-active=3600 systemctl poweroff"));
        assert!(run(&script(Some(at(8200)))).contains("--on-active=7200 systemctl poweroff"));
        assert!(run(&at_boot(at(4600))).contains("--on-active=7200 systemctl poweroff"));
        assert!(!run(&script(None)).contains("poweroff"));
        assert!(!run(&at_boot(at(4600))).contains("poweroff"));
    }

    #[test]
    fn an_end_that_has_passed_comes_in_a_minute() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(run(directory.path(), &at_boot(at(500))).contains("--on-active=60 "));
    }
}
