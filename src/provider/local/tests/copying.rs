use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("d")).unwrap();
    fs::write(tree.path().join("d/run"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(tree.path().join("d/run"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("run", tree.path().join("d/link")).unwrap();
    tree
}

#[tokio::test]
async fn directories_go_where_cp_would_put_them() {
    let (bench, tree) = (Bench::plain().await, tree());
    let up = async |from: &str, to: &str| {
        bench.local.upload(&bench.machine(), &tree.path().join(from), to).await
    };
    up("d", "/workspace").await.unwrap();
    assert_eq!(bench.says("/workspace/d/link; stat -c %a /workspace/d/run").await, "ran\n750");
    up("d", "/workspace/new").await.unwrap();
    assert_eq!(bench.says("/workspace/new/run").await, "ran");
    up("d/.", "contents").await.unwrap();
    assert_eq!(bench.says("~/contents/run").await, "ran");
    up("d/run", "/tmp/as").await.unwrap();
    up("d/run", "/tmp/").await.unwrap();
    assert_eq!(bench.says("/tmp/as; /tmp/run").await, "ran\nran");
    for (from, to, why) in [
        ("nothing", "/tmp", "cannot be read"),
        ("d", "/tmp/as", "is a file"),
        ("d/run", "/tmp/none/", "no directory"),
        ("d/run", "/tmp/none/x", "no directory /tmp/none"),
        ("d/run", "/usr/x", "could not be written"),
    ] {
        let error = up(from, to).await.unwrap_err();
        assert!(error.message.contains(why), "{from} {to}: {error}");
    }
}

#[tokio::test]
async fn directories_come_out_where_cp_would_put_them() {
    let (bench, here) = (Bench::plain().await, tempfile::tempdir().unwrap());
    bench.says("mkdir -p d/locked; echo 1 >d/a; chmod 600 d/a; chmod 4755 d/locked; ln -s /etc/passwd d/l; chmod 555 d/locked").await;
    let down = async |from: &str, to: &str| {
        let to = here.path().join(to);
        bench.local.download(&bench.machine(), from, &to).await
    };
    down("d", "").await.unwrap();
    assert_eq!(fs::read_to_string(here.path().join("d/a")).unwrap(), "1\n");
    assert_eq!(mode(&here.path().join("d/a")), 0o600);
    assert_eq!(fs::read_link(here.path().join("d/l")).unwrap(), Path::new("/etc/passwd"));
    down("/home/agent/d/a", "copy").await.unwrap();
    assert_eq!(fs::read_to_string(here.path().join("copy")).unwrap(), "1\n");
    bench.says("echo 2 >d/a; echo 3 >d/b").await;
    fs::write(here.path().join("d/kept"), "").unwrap();
    down("d", "").await.unwrap();
    assert_eq!(fs::read_to_string(here.path().join("d/a")).unwrap(), "2\n");
    assert!(here.path().join("d/b").exists() && here.path().join("d/kept").exists());
    let error = down("nothing", "").await.unwrap_err();
    assert!(error.message.contains("no ./nothing in the sandbox"), "{error}");
    assert!(down("d", "no/such").await.is_err());
    let leftovers = fs::read_dir(here.path()).unwrap().flatten();
    assert!(
        leftovers.into_iter().all(|e| !e.file_name().to_string_lossy().starts_with(".sandplan"))
    );
}

#[tokio::test]
async fn a_set_user_id_bit_does_not_come_out() {
    let (bench, here) = (Bench::plain().await, tempfile::tempdir().unwrap());
    bench.says("cp /bin/true t; chmod 4755 t").await;
    bench.local.download(&bench.machine(), "t", here.path()).await.unwrap();
    assert_eq!(mode(&here.path().join("t")), 0o755);
}

#[tokio::test]
async fn planted_links_lead_a_copy_nowhere_outside() {
    let (bench, tree, outside) = (Bench::plain().await, tree(), tempfile::tempdir().unwrap());
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(outside.path().join("secret"), "host").unwrap();
    let host = outside.path().to_str().unwrap();
    bench.says(&format!("ln -s / ~/root; ln -s {host} ~/out; ln -s {host}/secret ~/secret")).await;
    // Writing: the link leads to the sandbox's own view, where the path is not.
    assert!(
        bench
            .local
            .upload(&bench.machine(), &tree.path().join("d"), "/home/agent/out/x")
            .await
            .is_err()
    );
    bench
        .local
        .upload(&bench.machine(), &tree.path().join("d"), "/home/agent/root/tmp/")
        .await
        .unwrap();
    assert_eq!(bench.says("/tmp/d/run").await, "ran");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    // Reading: a link is copied as a link; through it there is nothing.
    let here = tempfile::tempdir().unwrap();
    bench.local.download(&bench.machine(), "secret", here.path()).await.unwrap();
    assert!(fs::symlink_metadata(here.path().join("secret")).unwrap().is_symlink());
    assert!(bench.local.download(&bench.machine(), "out/secret", here.path()).await.is_err());
}

#[tokio::test]
async fn an_archive_forged_by_the_sandbox_writes_nothing_outside() {
    let bench = Bench::plain().await;
    let here = tempfile::tempdir().unwrap();
    // The sandbox's own `tar`, found first in its PATH, sends a link and a file through it.
    bench.says("mkdir -p .local/bin x; ln -s .. x/up; echo evil >x/f; tar cf evil.tar -C x --transform 's,^f$,up/up/planted,' up f; printf '#!/bin/sh\\ncat ~/evil.tar\\n' >.local/bin/tar; chmod +x .local/bin/tar; mkdir d").await;
    let inner = here.path().join("inner");
    fs::create_dir(&inner).unwrap();
    assert!(bench.local.download(&bench.machine(), "d", &inner).await.is_err());
    assert!(!here.path().join("planted").exists());
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
}

#[tokio::test]
async fn a_link_on_the_host_side_is_replaced_and_not_followed() {
    let (bench, here) = (Bench::plain().await, tempfile::tempdir().unwrap());
    bench.says("mkdir d; echo new >d/a").await;
    fs::create_dir(here.path().join("d")).unwrap();
    fs::write(here.path().join("precious"), "old").unwrap();
    symlink("../precious", here.path().join("d/a")).unwrap();
    bench.local.download(&bench.machine(), "d", here.path()).await.unwrap();
    assert_eq!(fs::read_to_string(here.path().join("precious")).unwrap(), "old");
    assert_eq!(fs::read_to_string(here.path().join("d/a")).unwrap(), "new\n");
}

#[tokio::test]
async fn contents_merge_into_a_directory_and_a_linked_directory_is_not_written_through() {
    let (bench, here) = (Bench::plain().await, tempfile::tempdir().unwrap());
    bench.says("mkdir -p d/e; echo new >d/e/a").await;
    bench.local.download(&bench.machine(), "d/.", here.path()).await.unwrap();
    assert_eq!(fs::read_to_string(here.path().join("e/a")).unwrap(), "new\n");
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), here.path().join("d")).unwrap();
    assert!(bench.local.download(&bench.machine(), "d", here.path()).await.is_err());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
