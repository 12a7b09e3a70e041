use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;

use super::*;

#[tokio::test]
async fn exit_codes_are_those_of_a_shell() {
    let bench = Bench::new();
    for (argv, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "exit 255"], 255),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["sh", "-c", "kill -XCPU $$"], 255),
        (&["no-such-command"], 127),
        (&["--help"], 127),
        (&["/etc/passwd"], 126),
        (&["/home"], 126),
    ] {
        assert_eq!(bench.run(&command(argv)).await.code, code, "{argv:?}");
    }
}

#[tokio::test]
async fn output_is_collected_and_each_line_sent_on() {
    let bench = Bench::new();
    let (told, mut lines) = unbounded_channel();
    let script = sh("echo a; echo b >&2; printf '\\377c'");
    let outcome = bench.exec(&script, ExecIo::Capture(Some(told))).await.unwrap();
    assert_eq!((&outcome.stdout[..], &outcome.stderr[..]), (&b"a\n\xffc"[..], &b"b\n"[..]));
    let mut seen = Vec::new();
    while let Some(line) = lines.recv().await {
        seen.push(line);
    }
    seen.sort();
    assert_eq!(seen, ["a", "b", "\u{fffd}c"]);
}

#[tokio::test]
async fn words_arrive_as_they_were_given() {
    let bench = Bench::new();
    let words = ["", " ", "a b", "'", "\"", "$HOME", "`id`", "a\nb", "\\", "*", "-n", "é", "\t;&|"];
    let mut argv = vec!["printf", "[%s]"];
    argv.extend(words);
    let said = bench.run(&command(&argv)).await.stdout;
    let expected: String = words.iter().map(|word| format!("[{word}]")).collect();
    assert_eq!(String::from_utf8(said).unwrap(), expected);
}

#[tokio::test]
async fn the_environment_arrives_and_nobody_sees_it_pass() {
    let bench = Bench::new();
    let values = ["", "a b", "it's", "\"$HOME\" `id`", "two\n\nlines\n", "\\n", "sekret-4711"];
    let mut command =
        sh("for n in 0 1 2 3 4 5 6; do eval \"printf '[%s]' \\\"\\$V$n\\\"\"; done; \
         tr '\\0' '\\n' </proc/$PPID/cmdline >&2; ps ax -o args >&2; set | grep sandplan_ >&2");
    command.env = (0..).map(|n| format!("V{n}")).zip(values.map(str::to_owned)).collect();
    let outcome = bench.run(&command).await;
    let expected: String = values.iter().map(|value| format!("[{value}]")).collect();
    assert_eq!(String::from_utf8(outcome.stdout).unwrap(), expected);
    let seen = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert!(seen.contains("sshd") && !seen.contains("sekret"), "{seen}");
    assert!(!seen.lines().any(|line| line.starts_with("sandplan_")), "{seen}");
}

#[tokio::test]
async fn a_command_starts_at_home_or_where_it_is_told_to() {
    let bench = Bench::new();
    assert_eq!(bench.says("pwd").await, bench.says("cd; pwd").await);
    let odd = bench.server.path("it's $HOME\nno");
    std::fs::create_dir(&odd).unwrap();
    let there = |directory: &str| Command { workdir: Some(directory.to_owned()), ..sh("pwd") };
    let outcome = bench.run(&there(odd.to_str().unwrap())).await;
    assert_eq!(String::from_utf8(outcome.stdout).unwrap().trim_end(), odd.to_str().unwrap());
    let error = bench.exec(&there("/no/such"), ExecIo::Capture(None)).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Rejected);
    assert!(error.message.contains("/no/such"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_handed_over_is_refused() {
    let bench = Bench::new();
    let with = |name: &str, value: &str| Command {
        env: [(name.to_owned(), value.to_owned())].into(),
        ..sh("true")
    };
    for command in
        [command(&[]), command(&["a\0b"]), with("A", "\0"), with("A=B", ""), with("", "")]
    {
        let error = bench.exec(&command, ExecIo::Capture(None)).await.unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Rejected, "{command:?}");
    }
}

#[tokio::test]
async fn input_is_fed_whole_even_to_who_does_not_read_it() {
    let bench = Bench::new();
    let megabyte = || ExecIo::Feed(vec![b'\n'; 1 << 20]);
    assert_eq!(bench.exec(&command(&["wc", "-c"]), megabyte()).await.unwrap().stdout, b"1048576\n");
    assert_eq!(bench.exec(&command(&["true"]), megabyte()).await.unwrap().code, 0);
    let outcome = bench.exec(&sh("head -c 3 | od -An -tx1"), megabyte()).await.unwrap();
    assert_eq!(outcome.stdout, b" 0a 0a 0a\n");
    assert_eq!(bench.run(&command(&["cat"])).await.stdout, b"");
}

/// Reads zeros, so many.
fn zeros(count: u64) -> Box<dyn tokio::io::AsyncRead + Send + Unpin> {
    Box::new(tokio::io::repeat(0).take(count))
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const LARGE: u64 = 200 << 20;

#[tokio::test]
async fn streams_of_any_size_pass_in_both_directions_at_once() {
    let bench = Bench::new();
    let before = peak_memory();
    let (output, mut received) = tokio::io::duplex(64 * 1024);
    let counting = tokio::spawn(async move {
        let mut bytes = vec![0; 64 * 1024];
        let mut count = 0;
        loop {
            match received.read(&mut bytes).await.unwrap() {
                0 => return count,
                length => count += length as u64,
            }
        }
    });
    let io = ExecIo::Stream { input: zeros(LARGE), output: Box::new(output) };
    let outcome = bench.exec(&sh("cat; echo done >&2"), io).await.unwrap();
    assert_eq!((outcome.code, &outcome.stderr[..]), (0, &b"done\n"[..]));
    assert_eq!(counting.await.unwrap(), LARGE);
    // Other tests of this process count too.
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 120 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn a_reader_that_is_slow_holds_back_the_command_and_loses_nothing() {
    let bench = Bench::new();
    let (output, mut received) = tokio::io::duplex(1024);
    let io = ExecIo::Stream { input: zeros(0), output: Box::new(output) };
    let script = sh("head -c 20000000 /dev/zero; echo written >&2");
    let mut running = Box::pin(bench.exec(&script, io));
    let waiting = tokio::time::timeout(Duration::from_millis(900), &mut running);
    assert!(waiting.await.is_err(), "nobody has read anything yet");
    // Others are served meanwhile.
    assert_eq!(bench.says("echo other").await, "other\n");
    assert_eq!(bench.server.logins(), 2);
    let mut all = Vec::new();
    let (outcome, read) = tokio::join!(running, received.read_to_end(&mut all));
    assert_eq!((outcome.unwrap().code, read.unwrap()), (0, 20_000_000));
}

#[tokio::test]
async fn an_output_that_nobody_can_write_is_an_error_and_ends_the_command() {
    let bench = Bench::new();
    let (output, received) = tokio::io::duplex(1024);
    drop(received);
    let io = ExecIo::Stream { input: zeros(0), output: Box::new(output) };
    let error = bench.exec(&sh("while :; do echo 73001; sleep 0.1; done"), io).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Unavailable);
    until_gone("echo 73001").await;
}

#[tokio::test]
async fn input_that_cannot_be_read_is_an_error_and_no_end_of_file() {
    let bench = Bench::new();
    let input = tokio_test_failing();
    let io = ExecIo::Stream { input, output: Box::new(tokio::io::sink()) };
    let error = bench.exec(&sh("cat; : 73002; sleep 1000"), io).await.unwrap_err();
    assert!(error.message.contains("input of a command"), "{error}");
    until_gone(": 73002").await;
}

/// An input that breaks off.
fn tokio_test_failing() -> Box<dyn tokio::io::AsyncRead + Send + Unpin> {
    struct Failing;
    impl tokio::io::AsyncRead for Failing {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Err(std::io::Error::other("torn")))
        }
    }
    Box::new(Failing)
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_hold_it_up() {
    let bench = Bench::new();
    let outcome = bench.run(&sh("sleep 73003 & echo up; exit 3")).await;
    assert_eq!((outcome.code, &outcome.stdout[..]), (3, &b"up\n"[..]));
    assert!(is_running("sleep 73003"));
    bench.run(&sh("pkill -f '^sleep 73003'")).await;
}

#[tokio::test]
async fn an_echo_answers_each_line_as_it_comes() {
    let bench = Bench::new();
    let (input, mut type_in) = tokio::io::duplex(1024);
    let (output, mut read_off) = tokio::io::duplex(1024);
    let io = ExecIo::Stream { input: Box::new(input), output: Box::new(output) };
    let script = sh("while read -r line; do echo \"<$line>\"; done");
    let talking = async {
        for word in ["one", "two", "three"] {
            type_in.write_all(format!("{word}\n").as_bytes()).await.unwrap();
            let mut answer = vec![0; word.len() + 3];
            read_off.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, format!("<{word}>\n").as_bytes());
        }
        drop(type_in);
    };
    let (outcome, ()) = tokio::join!(bench.exec(&script, io), talking);
    assert_eq!(outcome.unwrap().code, 0);
}

#[tokio::test]
async fn a_login_shell_that_runs_nothing_is_an_error_of_ours() {
    let bench = Bench::with("ForceCommand echo this account is closed; exit 1");
    let error = bench.exec(&sh("true"), ExecIo::Capture(None)).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Unavailable);
}
