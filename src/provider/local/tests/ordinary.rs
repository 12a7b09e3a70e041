use std::os::unix::process::CommandExt;
use std::process::Command;

/// A user id that nobody has.
const SOMEBODY: u32 = 54_321;

#[test]
fn all_of_this_holds_for_an_ordinary_user_too() {
    if !rustix::process::geteuid().is_root() {
        return; // Then the other tests have shown it.
    }
    let place = tempfile::tempdir().unwrap();
    let own = place.path().join("own");
    std::fs::create_dir(&own).unwrap();
    for path in [place.path(), &own] {
        std::os::unix::fs::chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    // The test program may lie where only root gets to.
    let program = place.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program)
        .args(["provider::local::tests::", "--skip", "tests::ordinary", "--test-threads=2"])
        .env("TMPDIR", &own)
        .env("HOME", &own)
        .current_dir(&own)
        .uid(SOMEBODY)
        .gid(SOMEBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("test result: ok") && !said.contains(" 0 passed"), "{said}");
}
