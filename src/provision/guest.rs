//! What lies in a machine so that its setup steps can run: the runner, the list
//! of steps and their scripts. The same files at first boot and later. Pure.

use super::setup::{Setup, quoted};

/// Where it all is.
pub use super::journal::DIRECTORY;

/// The step runner.
pub const RUNNER: &str = "/var/lib/sandplan/runner";

const COMMON_TEXT: &str = include_str!("guest/common.sh");
const RUNNER_TEXT: &str = include_str!("guest/runner.sh");

/// Lists the files that have to be there, each with its text; none for no steps.
pub fn files(setup: &[Setup]) -> Vec<(String, String)> {
    if setup.is_empty() {
        return Vec::new();
    }
    let place = |name: &str| format!("{DIRECTORY}/{name}");
    let scripts =
        setup.iter().map(|step| (place(&format!("setup/{}", step.file())), step.script.clone()));
    let mut files: Vec<_> = scripts.collect();
    files.push((place("setup/common"), COMMON_TEXT.to_owned()));
    files.push((place("setup/list"), setup.iter().map(line).collect()));
    files.push((place("runner"), RUNNER_TEXT.to_owned()));
    files
}

/// A line of the list: name, script and log, hash, seconds.
fn line(step: &Setup) -> String {
    format!("{} {} {} {}\n", step.name, step.file(), step.hash, step.timeout.as_secs())
}

/// Makes a shell script that puts the files there, starts the runner, which goes
/// on when the connection ends, and waits until it is at work. A file that was cut
/// off is not put in its place.
pub(super) fn installer(setup: &[Setup]) -> String {
    let there = quoted(DIRECTORY);
    let mut text = format!("set -eu\numask 077\nmkdir -p {there}/setup\ncd {there}\n");
    text.push_str("rm -f result.json setup/from\n");
    for (path, content) in files(setup) {
        let (new, path) = (quoted(&format!("{path}.new")), quoted(&path));
        text.push_str(&format!("cat >{new} <<'{END}'\n{content}{END}\nmv -f {new} {path}\n"));
    }
    text + &format!("setsid /bin/sh ./runner {there} </dev/null >/dev/null 2>&1 &\n{STARTED}")
}

/// No line of a script is this.
const END: &str = "END OF A FILE OF SANDPLAN";

const STARTED: &str = r#"tries=150
while [ ! -e setup/from ] && [ "$tries" -gt 0 ]; do
  sleep 0.1
  tries=$((tries - 1))
done
"#;
