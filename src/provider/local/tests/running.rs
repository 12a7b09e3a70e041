use super::*;
use std::path::Path;

#[tokio::test]
async fn exit_codes_are_those_of_a_shell() {
    let bench = Bench::plain().await;
    for (argv, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["no-such-command"], 127),
        (&["--help"], 127),
        (&["/etc/passwd"], 126),
        (&["/home"], 126),
    ] {
        assert_eq!(bench.run(argv).await.code, code, "{argv:?}");
    }
}

#[tokio::test]
async fn a_missing_sandbox_directory_or_bubblewrap_is_an_error_of_ours() {
    let bench = Bench::plain().await;
    let mut request = bench.request(&["true"]);
    request.workdir = Some("/nonexistent".into());
    let error = Exec::exec(&bench.local, request).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Rejected, "{error}");

    let broken = bench.local.clone().with_bwrap("/nonexistent/bwrap".into());
    let error = Exec::exec(&broken, bench.request(&["true"])).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Unavailable);
    assert!(error.message.contains("apt install bubblewrap"), "{error}");

    let failing = bench.local.clone().with_bwrap("/bin/false".into());
    let error = Exec::exec(&failing, bench.request(&["true"])).await.unwrap_err();
    assert!(error.message.contains("user namespaces"), "{error}");

    bench.local.delete(bench.deletion()).await.unwrap();
    let error = Exec::exec(&bench.local, bench.request(&["true"])).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::NotFound);
}

#[tokio::test]
async fn output_is_collected_and_each_line_sent_on() {
    let bench = Bench::plain().await;
    let (told, mut lines) = unbounded_channel();
    let mut request = bench.request(&["sh", "-c", "echo a; echo b >&2; printf c"]);
    request.io = ExecIo::Capture(Some(told));
    let outcome = Exec::exec(&bench.local, request).await.unwrap();
    assert_eq!((&outcome.stdout[..], &outcome.stderr[..]), (&b"a\nc"[..], &b"b\n"[..]));
    let mut seen = Vec::new();
    while let Some(line) = lines.recv().await {
        seen.push(line);
    }
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);
}

#[tokio::test]
async fn input_of_any_size_is_fed_even_to_who_does_not_read_it() {
    let bench = Bench::plain().await;
    let feed = |argv: &[&str]| ExecRequest {
        io: ExecIo::Feed(vec![b'x'; 1 << 20]),
        ..bench.request(argv)
    };
    let outcome = Exec::exec(&bench.local, feed(&["wc", "-c"])).await.unwrap();
    assert_eq!(outcome.stdout, b"1048576\n");
    assert_eq!(Exec::exec(&bench.local, feed(&["true"])).await.unwrap().code, 0);
}

#[tokio::test]
async fn a_timeout_ends_grandchildren_too() {
    let bench = Bench::plain().await;
    let mut request =
        bench.request(&["sh", "-c", "setsid sh -c 'trap \"\" TERM; sleep 987654' & echo up; wait"]);
    request.timeout = Some(Duration::from_millis(700));
    let outcome = Exec::exec(&bench.local, request).await.unwrap();
    assert_eq!((outcome.code, &outcome.stdout[..]), (124, &b"up\n"[..]));
    assert_eq!(survivors_of(&bench), 0);
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it() {
    let bench = Bench::plain().await;
    assert_eq!(bench.sh("setsid sleep 987654 & echo up").await, (0, "up\n".into()));
    assert_eq!(survivors_of(&bench), 0);
}

#[tokio::test]
async fn dropping_a_running_command_ends_it() {
    let bench = Bench::plain().await;
    let (told, mut lines) = unbounded_channel();
    let mut request = bench.request(&["sh", "-c", "echo up; sleep 987654"]);
    request.io = ExecIo::Capture(Some(told));
    let local = bench.local.clone();
    let running = tokio::spawn(async move { Exec::exec(&local, request).await });
    lines.recv().await.unwrap();
    assert!(survivors_of(&bench) > 0);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    // The kernel ends the namespace on its own time.
    while survivors_of(&bench) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn signals_reach_the_command_and_leave_it_the_choice() {
    let bench = Bench::plain().await;
    let (_, jail, _in_use) = bench.local.entered(&bench.id).unwrap();
    let script = "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.05; done";
    let argv = ["sh", "-c", script].map(str::to_owned);
    let env = BTreeMap::new();
    let io = ExecIo::Capture(None);
    let (bwrap, stdio) = (&bench.local.bwrap, run::stdio(&io));
    let launch = Launch { bwrap, jail: &jail, argv: &argv, env: &env, workdir: None, stdio };
    let mut running = launch.start().await.unwrap();
    let mut stdout = running.child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"up\n") {
        tokio::io::AsyncReadExt::read_buf(&mut stdout, &mut said).await.unwrap();
    }
    running.signals.forward(rustix::process::Signal::INT);
    tokio::io::AsyncReadExt::read_to_end(&mut stdout, &mut said).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), "up\ncaught\n");
    assert_eq!(running.child.wait().await.unwrap().code(), Some(5));
}

#[tokio::test]
async fn this_machine_can_have_sandboxes_and_says_whose() {
    let bench = Bench::plain().await;
    let account = bench.local.whoami().await.unwrap();
    assert!(account.summary.contains("bubblewrap"), "{}", account.summary);
    assert!(account.summary.contains(&bench.data.path().display().to_string()));
}

/// Counts the processes that have the sandbox's directory mounted.
pub fn survivors_of(bench: &Bench) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mounts =
        entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("mountinfo")).ok());
    let name = bench.data.path().file_name().unwrap().to_str().unwrap().to_owned();
    mounts.filter(|mounts| mounts.contains(&name)).count()
}

/// Not a test: what the tests below start as a process of its own.
#[tokio::test]
async fn an_exec_of_another_process() {
    let Ok(script) = std::env::var("SANDPLAN_TEST_EXEC") else { return };
    let bench = Bench::plain().await;
    let request =
        ExecRequest { io: ExecIo::Inherit, timeout: None, ..bench.request(&["sh", "-c", &script]) };
    let code = Exec::exec(&bench.local, request).await.unwrap().code;
    std::fs::write(std::env::var("SANDPLAN_TEST_CODE").unwrap(), code.to_string()).unwrap();
}

/// Starts it, and returns it once it has said `up`.
fn elsewhere(script: &str, code: &Path) -> (std::process::Child, std::process::ChildStdout) {
    let mut child = begun(script, code);
    let mut stdout = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.ends_with("up\n") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stdout, &mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    (child, stdout)
}

fn send(child: &std::process::Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn an_interrupt_of_this_process_reaches_the_command() {
    let code = tempfile::NamedTempFile::new().unwrap();
    let script = "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.05; done";
    let (mut child, mut stdout) = elsewhere(script, code.path());
    send(&child, rustix::process::Signal::INT);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(said.starts_with("caught\n"), "{said}");
    assert_eq!(std::fs::read_to_string(code.path()).unwrap(), "5");
}

#[test]
fn killing_this_process_ends_the_command() {
    let code = tempfile::NamedTempFile::new().unwrap();
    let script = "trap '' INT TERM HUP; echo up; setsid sleep 987654 & sleep 987654";
    let (mut child, mut stdout) = elsewhere(script, code.path());
    send(&child, rustix::process::Signal::KILL);
    child.wait().unwrap();
    // The end of the output is the end of all who could write it.
    std::io::Read::read_to_end(&mut stdout, &mut Vec::new()).unwrap();
}

/// Starts it without waiting for anything.
fn begun(script: &str, code: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "provider::local::tests::running::an_exec_of_another_process"])
        .env("SANDPLAN_TEST_EXEC", script)
        .env("SANDPLAN_TEST_CODE", code)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// Lists the processes whose command line these words begin, by pid.
fn processes(words: &[&str]) -> Vec<rustix::process::Pid> {
    let wanted: String = words.iter().map(|word| format!("{word}\0")).collect();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let told = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
    pids.filter(|pid| told(pid).is_some_and(|line| line.starts_with(&wanted)))
        .filter_map(rustix::process::Pid::from_raw)
        .collect()
}

/// Lists the bubblewraps that were to run this script.
fn bubblewraps_of(script: &str) -> Vec<rustix::process::Pid> {
    let all = processes(&["bwrap"]).into_iter().chain(processes(&["/usr/bin/bwrap"]));
    let is_of = |pid: &rustix::process::Pid| {
        let line = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
        line.is_ok_and(|line| line.contains(script))
    };
    all.filter(is_of).collect()
}

/// Bubblewrap itself may be left behind when it is killed between cloning its
/// child and telling it to go on: the child then waits for ever, and runs nothing.
/// On a very busy machine a command was seen to live on, once in some hundred kills;
/// why is not known, so one in sixty is let pass here, and more is not.
#[test]
fn killing_this_process_at_any_moment_leaves_no_command_running() {
    let code = tempfile::NamedTempFile::new().unwrap();
    // Another run of this test may be at work.
    let seconds = format!("98{:08}", std::process::id());
    let script = format!("sleep {seconds}");
    let mut living = Vec::new();
    for moment in 0..60 {
        let mut child = begun(&script, code.path());
        // Not to wait for anything: to hit each stage of a start once.
        std::thread::sleep(Duration::from_micros(500 * moment));
        send(&child, rustix::process::Signal::KILL);
        child.wait().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = std::io::Read::read_to_end(&mut stdout, &mut Vec::new());
            done.send(())
        });
        if ended.recv_timeout(Duration::from_secs(5)).is_err() {
            if !processes(&["sleep", &seconds]).is_empty() {
                living.push(moment);
            }
            for stuck in bubblewraps_of(&script) {
                let _ = rustix::process::kill_process(stuck, rustix::process::Signal::KILL);
            }
        }
    }
    assert!(living.len() < 2, "killed after {living:?} half milliseconds, it lives on");
}
