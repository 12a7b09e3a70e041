use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

#[tokio::test]
async fn nothing_of_the_host_is_visible_but_its_programs() {
    let bench = Bench::plain().await;
    let top = bench.says("ls /").await;
    for absent in ["root", "work", "run", "mnt", "srv", "boot", "sys", "media"] {
        assert!(!top.lines().any(|name| name == absent), "{absent} in {top}");
    }
    assert_eq!(
        bench.says("ls /home; ls -A /home/agent /workspace /tmp | grep -v :").await.trim(),
        "agent"
    );
    let etc = bench.says("ls /etc").await;
    for absent in ["shadow", "ssh", "sudoers", "npmrc", "pip.conf", "gitconfig", "machine-id"] {
        assert!(!etc.lines().any(|name| name == absent), "{absent} in {etc}");
    }
    assert_eq!(bench.says("command -v sh").await, "/usr/bin/sh");
}

#[tokio::test]
async fn processes_of_the_host_are_invisible() {
    let bench = Bench::plain().await;
    let pids = bench.says("ls /proc | grep -c '^[0-9]'").await;
    assert!(pids.parse::<u32>().unwrap() < 8, "{pids}");
    let (code, _) = bench.sh("kill -0 $PPID").await;
    assert_ne!(code, 127);
    let host = std::process::id().to_string();
    let seen =
        bench.says(&format!("cat /proc/{host}/cmdline 2>/dev/null | tr '\\0' ' '; true")).await;
    assert!(!seen.contains("provider::local"), "{seen}");
}

#[tokio::test]
async fn the_user_is_agent_and_has_no_privileges() {
    let bench = Bench::plain().await;
    assert_eq!(
        bench.says("id -un; id -u; id -g; hostname; pwd").await,
        "agent\n1000\n1000\nreview-ada\n/home/agent"
    );
    let status =
        bench.says("grep -E '^(CapPrm|CapEff|CapInh|CapAmb|NoNewPrivs)' /proc/self/status").await;
    for line in status.lines() {
        let (name, value) = line.split_once(':').unwrap();
        let value = u64::from_str_radix(value.trim(), 16).unwrap();
        assert_eq!(value, u64::from(name == "NoNewPrivs"), "{line}");
    }
}

#[tokio::test]
async fn files_made_inside_belong_to_one_user_of_the_host_who_is_not_root() {
    let bench = Bench::plain().await;
    bench
        .says("touch ~/a /workspace/b /tmp/c /var/lib/sandplan/d; stat -c %u ~/a | grep -x 1000")
        .await;
    let owners = ["home/a", "workspace/b", "tmp/c", "var/d"]
        .map(|name| std::fs::metadata(bench.path(name)).unwrap().uid());
    assert!(owners.iter().all(|uid| *uid == owners[0] && *uid != 0), "{owners:?}");
    if !rustix::process::geteuid().is_root() {
        assert_eq!(owners[0], rustix::process::geteuid().as_raw());
    }
}

#[tokio::test]
async fn a_sandbox_of_root_cannot_read_what_only_root_may() {
    let bench = Bench::plain().await;
    // A view that has a private file of the host, were it let in by mistake.
    let private = tempfile::tempdir().unwrap();
    std::fs::write(private.path().join("secret"), "x").unwrap();
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(private.path(), readable).unwrap();
    let locked = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(private.path().join("secret"), locked).unwrap();
    if rustix::process::geteuid().is_root() {
        let (_, mut jail, _in_use) = bench.local.entered(&bench.id).unwrap();
        jail.binds.push((private.path().to_owned(), "/mnt".to_owned()));
        let argv = ["cat", "/mnt/secret"].map(str::to_owned);
        let io = ExecIo::Capture(None);
        let stdio = run::stdio(&io);
        let env = BTreeMap::new();
        let bwrap = &bench.local.bwrap;
        let launch = Launch { bwrap, jail: &jail, argv: &argv, env: &env, workdir: None, stdio };
        let outcome = run::finish(launch.start().await.unwrap(), io, None).await.unwrap();
        assert_eq!(outcome.code, 1);
        assert!(String::from_utf8_lossy(&outcome.stderr).contains("Permission denied"));
    }
}

#[tokio::test]
async fn the_system_cannot_be_written() {
    let bench = Bench::plain().await;
    for path in
        ["/x", "/usr/x", "/etc/x", "/home/x", "/opt/x", "/var/lib/x", "/proc/sys/kernel/hostname"]
    {
        let (code, said) = bench.sh(&format!("echo > {path}")).await;
        assert_ne!(code, 0, "{path}: {said}");
    }
    bench
        .says(
            "for d in ~ /workspace /tmp /var/tmp /dev/shm /var/lib/sandplan; do echo > $d/x; done",
        )
        .await;
}

#[tokio::test]
async fn without_a_network_there_is_only_an_own_loopback() {
    let isolated = Bench::new(Value::object([("network", Value::from("none"))])).await;
    assert_eq!(isolated.says("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").await, "lo");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'");
    assert_ne!(isolated.sh(&connect).await.0, 0);
    let shared = Bench::plain().await;
    assert_eq!(shared.sh(&connect).await, (0, String::new()));
}

#[tokio::test]
async fn the_environment_is_the_sandboxes_own() {
    let bench = Bench::new(env(&[("A", "it's\n$HOME"), ("PATH", "/usr/bin:/bin")])).await;
    let mut request = bench.request(&["env", "-0"]);
    request.env.insert("B".into(), "2".into());
    let outcome = Exec::exec(&bench.local, request).await.unwrap();
    let text = String::from_utf8(outcome.stdout).unwrap();
    let mut names: Vec<_> =
        text.split_terminator('\0').map(|v| v.split('=').next().unwrap()).collect();
    names.sort_unstable();
    let expected = ["A", "B", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "USER"];
    assert_eq!(names, expected);
    assert!(text.contains("A=it's\n$HOME\0") && text.contains("PATH=/usr/bin:/bin\0"), "{text}");
}

#[tokio::test]
async fn a_secret_is_on_no_command_line() {
    let bench = Bench::new(env(&[("TOKEN", "hunter2-in-env")])).await;
    let (told, mut lines) = unbounded_channel();
    let mut request =
        bench.request(&["sh", "-c", "echo up; cat /dev/zero | head -c 0; read x < /tmp/go"]);
    request.io = ExecIo::Capture(Some(told));
    bench.says("mkfifo /tmp/go").await;
    let local = bench.local.clone();
    let running = tokio::spawn(async move { Exec::exec(&local, request).await });
    assert_eq!(lines.recv().await.as_deref(), Some("up"));
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains("hunter2-in-env"));
    }
    bench.says("echo > /tmp/go").await;
    assert_eq!(running.await.unwrap().unwrap().code, 0);
}

#[tokio::test]
async fn only_the_standard_streams_are_open_inside() {
    let bench = Bench::plain().await;
    // What this process was started with may be covered by /dev/null.
    let open =
        bench.says("ls -l /proc/self/fd | tail -n +2 | sed 's/.* \\([0-9]* -> \\)/\\1/'").await;
    // `ls` has the directory open that it lists.
    let more = open.lines().filter(|line| !line.ends_with(" /dev/null") && !line.ends_with("/fd"));
    let more: Vec<_> = more.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(more, ["1", "2"], "{open}");
}

#[tokio::test]
async fn an_environment_cannot_run_code_as_root() {
    // Were it taken on before root gives itself up, the loader would open this as root.
    let bench =
        Bench::new(env(&[("LD_PRELOAD", "/home/agent/evil.so"), ("ENV", "/home/agent/evil")]))
            .await;
    std::fs::write(bench.path("home/evil"), "id -u > /tmp/evil").unwrap();
    let outcome = bench.run(&["true"]).await;
    assert_eq!(outcome.code, 0);
    assert!(!bench.path("tmp/evil").exists());
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(said.matches("evil.so").count(), 1, "{said}");
}
