use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::*;
use crate::tty::Terminal;

/// A terminal that a test sits at.
fn terminal() -> (File, OwnedFd, Terminal) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let near = openpt(flags).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let far = ioctl_tiocgptpeer(&near, flags).unwrap();
    resize(&near, 33, 77);
    let terminal = Terminal { input: far.try_clone().unwrap(), output: far.try_clone().unwrap() };
    (File::from(near), far, terminal)
}

fn resize(near: impl std::os::fd::AsFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(near, size).unwrap();
}

fn is_as_before(far: &OwnedFd) -> bool {
    let modes = tcgetattr(far).unwrap().local_modes;
    modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
}

/// Reads until a text has appeared.
fn expect(near: &mut File, text: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut bytes = [0; 1024];
        let length = near.read(&mut bytes).unwrap();
        seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    seen
}

#[tokio::test]
async fn a_console_is_a_real_terminal_with_job_control() {
    let bench = Bench::new();
    let (mut near, far, terminal) = terminal();
    let typing = std::thread::spawn(move || {
        near.write_all(b"PS1='prompt''> '; stty size; echo $TERM\n").unwrap();
        let seen = expect(&mut near, "prompt> ");
        assert!(seen.contains("33 77") && seen.contains("xterm-test"), "{seen}");
        assert!(!seen.contains("no job control"), "{seen}");
        // Ctrl-C ends the command, not the shell.
        near.write_all(b"sh -c 'echo go\"\"ing; exec sleep 76001'\n").unwrap();
        expect(&mut near, "going");
        near.write_all(b"\x03").unwrap();
        expect(&mut near, "prompt> ");
        resize(&near, 44, 88);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::WINCH)
            .unwrap();
        near.write_all(b"until stty size | grep 44; do :; done; exit 7\n").unwrap();
        expect(&mut near, "44 88");
        near
    });
    let endpoint = bench.server.endpoint();
    let code = bench.connections.console(&endpoint, &terminal, "xterm-test").await.unwrap();
    let _near = typing.join().unwrap();
    assert_eq!(code, 7);
    assert!(is_as_before(&far));
    assert!(!is_running("sleep 76001"));
}

#[tokio::test]
async fn the_terminal_is_restored_whatever_ends_the_console() {
    let mut bench = Bench::new();
    let endpoint = bench.server.endpoint();
    // The connection is lost.
    let (mut near, far, terminal) = terminal();
    let (connections, there) = (bench.connections.clone(), endpoint.clone());
    let running = tokio::spawn(async move { connections.console(&there, &terminal, "dumb").await });
    near.write_all(b"echo u''p\n").unwrap();
    let near = tokio::task::spawn_blocking(move || {
        expect(&mut near, "up");
        near
    });
    let near = near.await.unwrap();
    assert!(!is_as_before(&far));
    bench.server.kill();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.committed, Committed::Unknown);
    assert!(is_as_before(&far));
    drop(near);
    // It is given up; then its processes are gone too.
    bench.server.launch();
    let (mut near, far, terminal) = self::terminal();
    let connections = bench.connections.clone();
    let running =
        tokio::spawn(async move { connections.console(&endpoint, &terminal, "dumb").await });
    near.write_all(b"sh -c 'echo u\"\"p; exec sleep 76002'\n").unwrap();
    let near = tokio::task::spawn_blocking(move || {
        expect(&mut near, "up");
        near
    });
    let _near = near.await.unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert!(is_as_before(&far));
    until_gone("sleep 76002").await;
}
