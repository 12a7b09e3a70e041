//! Ends the processes that still run in a sandbox which is being deleted,
//! whoever started them.
//!
//! No list of pids is kept, for a list can be wrong. A process is *in* a
//! sandbox when its mount namespace has the sandbox's directory mounted, and
//! the kernel tells that in `/proc/PID/mountinfo`. The directory has been moved
//! to a name that never was before, so nothing new can start in it, and no
//! other process can be taken for one of its own.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long the kernel may take to end killed processes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kills all processes in a directory with a unique name, and waits until none is left.
pub fn end(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let started = Instant::now();
    loop {
        let left = processes().filter(|pid| kill_if_inside(*pid, &name)).count();
        if left == 0 {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("{left} processes in the sandbox do not end")));
        }
        // Killed processes take a moment to go; nothing signals their end to others.
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// Kills a process if it is inside, and tells whether it was. The descriptor is
/// opened first, so that a pid which is given away meanwhile is not hit.
fn kill_if_inside(pid: Pid, name: &str) -> bool {
    if shares_our_mounts(pid) {
        return false;
    }
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let inside = mounts(pid).is_some_and(|mounts| mounts.contains(name));
    if inside {
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
    inside
}

/// Most processes of the host do, which is cheaper to find out than their mounts.
fn shares_our_mounts(pid: Pid) -> bool {
    let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    of(&pid.as_raw_nonzero().to_string()).is_some_and(|theirs| Some(theirs) == of("self"))
}

fn mounts(pid: Pid) -> Option<String> {
    let text = fs::read(format!("/proc/{}/mountinfo", pid.as_raw_nonzero())).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
