//! Virtual environments of Python, with packages that tests need in versions that
//! the repository pins.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the Python of an environment that has these packages, which is made when
/// it is missing and made anew when the list is another.
pub fn environment(name: &str, packages: &[&str]) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(place).unwrap();
    // One at a time makes it; the others wait and find it.
    let lock = fs::File::create(place.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let place = place.join(format!("{name}-{:016x}", fingerprint(packages)));
    let (python, stamp) = (place.join("bin/python"), place.join("complete"));
    if !stamp.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
        fs::write(stamp, "").unwrap();
    }
    python
}

/// The packages that a file lists, one a line.
#[allow(dead_code, reason = "not every test binary uses all of this")]
pub fn listed(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

fn fingerprint(packages: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    packages.hash(&mut hasher);
    hasher.finish()
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{text}");
}
