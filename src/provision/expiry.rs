//! A machine's own end, where the platform deletes what switches itself off. Pure.
//!
//! A timer of systemd does it, with no need of anybody's connection. It does not
//! outlive a boot, so each boot sets it again, from a file that says when. The time of a
//! machine whose disk this one began with does not count.

use jiff::Timestamp;

const EXPIRY: &str = include_str!("guest/expiry.sh");
/// What cloud-init runs at each boot, when the machine is up.
const PER_BOOT: &str = "/var/lib/cloud/scripts/per-boot/sandplan-expiry";

/// Makes the shell script that each boot runs; what has been set since the first one
/// counts.
pub fn at_boot(at: Timestamp) -> String {
    format!("{EXPIRY}[ -n \"$end\" ] || keep {}\narm\n", at.as_second())
}

/// Makes the shell script that sets another end; nothing lets the machine live on. It
/// holds over boots, also on a machine whose user-data knows of no end.
pub fn script(at: Option<Timestamp>) -> String {
    let end = at.map_or_else(|| "never".to_owned(), |at| at.as_second().to_string());
    let boots = format!("#!/bin/sh\n{EXPIRY}arm\n");
    format!(
        "set -eu\n{EXPIRY}keep {end}\nmkdir -p \"$(dirname {PER_BOOT})\"\n\
         cat >{PER_BOOT} <<'SANDPLAN'\n{boots}SANDPLAN\nchmod 0755 {PER_BOOT}\narm\n"
    )
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

    /// Runs a script where systemd only says what it was asked, on the machine of a name.
    fn run_on(instance: &str, directory: &Path, script: &str) -> String {
        for (name, does) in [("systemctl", SAYS), ("systemd-run", SAYS), ("date", "echo 1000")] {
            let path = directory.join(name);
            fs::write(&path, format!("#!/bin/sh\n{does}\n")).expect("a tool");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a tool");
        }
        let data = directory.join("lib/cloud/data");
        fs::create_dir_all(&data).expect("a directory");
        fs::write(data.join("instance-id"), format!("{instance}\n")).expect("a name");
        let script = script.replace("/var/lib/", &format!("{}/lib/", directory.display()));
        let path = format!("{}:/usr/bin:/bin", directory.display());
        let ran = Command::new("sh").arg("-c").arg(script).env("PATH", path).output();
        let ran = ran.expect("sh runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    fn run(directory: &Path, script: &str) -> String {
        run_on("i-1", directory, script)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn the_first_boot_sets_the_end_and_later_ones_keep_what_was_set_since() {
        let directory = tempfile::tempdir().expect("a directory");
        let run = |script: &str| run(directory.path(), script);
        assert!(run(&at_boot(at(4600))).contains("--on-active=3600 "));
        assert!(run(&script(Some(at(8200)))).contains("--on-active=7200 "));
        assert!(run(&at_boot(at(4600))).contains("--on-active=7200 "));
        assert!(!run(&script(None)).contains("poweroff"));
        assert!(!run(&at_boot(at(4600))).contains("poweroff"));
    }

    #[test]
    fn an_end_that_has_passed_comes_in_two_minutes() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(run(directory.path(), &at_boot(at(500))).contains("--on-active=120 "));
    }

    #[test]
    fn an_end_that_was_set_later_holds_over_boots() {
        let directory = tempfile::tempdir().expect("a directory");
        run(directory.path(), &script(Some(at(8200))));
        let boot = directory.path().join("lib/cloud/scripts/per-boot/sandplan-expiry");
        let boot = fs::read_to_string(boot).expect("what each boot runs");
        assert!(run(directory.path(), &boot).contains("--on-active=7200 "));
    }

    #[test]
    fn what_a_saved_disk_has_of_its_machines_end_does_not_count() {
        let directory = tempfile::tempdir().expect("a directory");
        run(directory.path(), &script(Some(at(8200))));
        let boot = directory.path().join("lib/cloud/scripts/per-boot/sandplan-expiry");
        let boot = fs::read_to_string(boot).expect("what each boot runs");
        assert!(!run_on("i-2", directory.path(), &boot).contains("poweroff"));
        assert!(run_on("i-2", directory.path(), &at_boot(at(4600))).contains("--on-active=3600 "));
        let kept = fs::read_to_string(directory.path().join("lib/sandplan/expires"));
        assert_eq!(kept.expect("the end"), "i-2 4600\n");
    }

    /// Timers wait for sysinit.target by default, and cloud-init runs before that: without
    /// this, the machine does not come up (seen with systemd 252 and cloud-init 22.4).
    #[test]
    fn the_timer_waits_for_no_target() {
        let directory = tempfile::tempdir().expect("a directory");
        let said = run(directory.path(), &at_boot(at(4600)));
        assert!(said.contains("--timer-property=DefaultDependencies=no "), "{said}");
        assert!(said.contains(" --property=DefaultDependencies=no "), "{said}");
    }
}
