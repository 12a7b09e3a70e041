//! A console on a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::stage::Stage;
use crate::support::SANDPLAN;

/// A terminal with a program on it.
struct Pty {
    master: OwnedFd,
    screen: File,
    /// What the screen has shown since the last text that was waited for.
    shown: String,
    child: Child,
}

impl Pty {
    fn console(stage: &Stage) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let mut command = stage.command("setsid");
        command.args(["--ctty", "--wait", SANDPLAN, "console", "box"]).env("TERM", "xterm");
        command.stdin(open()).stdout(open()).stderr(open());
        let screen = File::from(master.try_clone().unwrap());
        let pty = Self { master, screen, shown: String::new(), child: command.spawn().unwrap() };
        pty.resize(30, 100);
        pty
    }

    fn resize(&self, ws_row: u16, ws_col: u16) {
        tcsetwinsize(&self.master, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    }

    fn type_in(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Types a line until the screen shows a text: a shell that comes back to its
    /// prompt after Ctrl-C may throw away what was typed before that.
    fn type_until(&mut self, line: &'static str, text: &str) {
        let (seen, is_seen) = std::sync::mpsc::channel::<()>();
        let mut screen = self.screen.try_clone().unwrap();
        let typist = std::thread::spawn(move || {
            while screen.write_all(line.as_bytes()).is_ok() {
                let pause = std::time::Duration::from_secs(1);
                if is_seen.recv_timeout(pause) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        self.until(text);
        drop(seen);
        typist.join().unwrap();
    }

    /// Reads until the screen shows a text; what comes after it is for the next call.
    fn until(&mut self, text: &str) {
        let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            let mut screen = [PollFd::new(&self.screen, PollFlags::IN)];
            let is_ready = poll(&mut screen, Some(&patience)).unwrap() > 0;
            let read = if is_ready { self.screen.read(&mut buffer).unwrap_or(0) } else { 0 };
            assert!(read > 0, "no {text:?} in {:?}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }
}

#[test]
fn a_console_is_a_terminal_with_its_size_ctrl_c_and_its_shells_code() {
    let Some(stage) = Stage::new("sandbox \"box\" {\n  env = { WHO = \"ada\" }\n}\n") else {
        return;
    };
    stage.apply();
    let mut pty = Pty::console(&stage);
    pty.type_in("echo \"I am $WHO on $TERM\"; stty size\n");
    pty.until("I am ada on xterm\r\n");
    pty.until("30 100");
    pty.resize(40, 120);
    pty.type_in("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo re''sized\n");
    pty.until("resized");
    // It speaks from the foreground, where Ctrl-C goes.
    pty.type_in("sh -c 'trap \"echo inter\"\"rupted; exit\" INT; echo wait\"\"ing; while :; do sleep 0.1; done'\n");
    pty.until("waiting");
    pty.type_in("\x03");
    pty.until("interrupted");
    pty.type_until("echo go''ing on; exit 6\n", "going on");
    assert_eq!(pty.child.wait().unwrap().code(), Some(6));
}
