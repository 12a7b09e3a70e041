use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::*;
use crate::tty::Terminal;

/// A terminal that a test sits at.
fn terminal() -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let near = openpt(flags).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let far = ioctl_tiocgptpeer(&near, flags).unwrap();
    let size = Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&near, size).unwrap();
    (File::from(near), far)
}

/// Reads until a text has appeared.
fn expect(near: &mut File, text: &str) -> String {
    let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut bytes = [0; 1024];
        let ready = poll(&mut [PollFd::new(near, PollFlags::IN)], Some(&patience)).unwrap();
        assert!(ready > 0, "no {text:?} in {seen:?}");
        let length = near.read(&mut bytes).unwrap();
        seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    seen
}

#[tokio::test]
async fn a_console_is_a_real_terminal_with_job_control() {
    let bench = Bench::plain().await;
    let (mut near, far) = terminal();
    let terminal = Terminal { input: far.try_clone().unwrap(), output: far.try_clone().unwrap() };
    let request = ConsoleRequest { machine: Machine::of(bench.id.clone()), term: "xterm".into() };
    let typing = std::thread::spawn(move || {
        near.write_all(b"PS1='prompt''> '; stty size; echo $TERM; id -un\n").unwrap();
        let seen = expect(&mut near, "prompt> ");
        assert!(
            seen.contains("33 77") && seen.contains("xterm") && seen.contains("agent"),
            "{seen}"
        );
        assert!(!seen.contains("no job control"), "{seen}");
        // Ctrl-C ends the command, not the shell.
        near.write_all(b"sh -c 'echo go\"\"ing; exec sleep 987654'\n").unwrap();
        expect(&mut near, "going");
        near.write_all(b"\x03").unwrap();
        expect(&mut near, "prompt> ");
        let size = Winsize { ws_row: 44, ws_col: 88, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&near, size).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::WINCH)
            .unwrap();
        near.write_all(b"until stty size | grep 44; do :; done; exit 7\n").unwrap();
        expect(&mut near, "44 88");
        near
    });
    let code = bench.local.console_on(request, terminal).await.unwrap();
    let _near = typing.join().unwrap();
    assert_eq!(code, 7);
    let modes = tcgetattr(&far).unwrap().local_modes;
    assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
}

#[tokio::test]
async fn the_terminal_is_restored_when_the_console_cannot_open() {
    let bench = Bench::plain().await;
    let (_near, far) = terminal();
    let terminal = Terminal { input: far.try_clone().unwrap(), output: far.try_clone().unwrap() };
    let request = ConsoleRequest { machine: Machine::of(bench.id.clone()), term: "xterm".into() };
    let broken = bench.local.clone().with_bwrap("/bin/false".into());
    assert!(broken.console_on(request, terminal).await.is_err());
    assert!(tcgetattr(&far).unwrap().local_modes.contains(LocalModes::ECHO));
}
