//! Starts processes from one thread that never ends.
//!
//! `--die-with-parent` means the *thread* that started bubblewrap (see
//! `PR_SET_PDEATHSIG` in prctl(2)). A thread of a pool may end while the
//! process lives on, and would take a running sandbox with it.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Job {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts a command; it is killed when the child that is returned is dropped.
pub async fn spawn(mut command: Command) -> io::Result<Child> {
    command.kill_on_drop(true);
    let (reply, answer) = oneshot::channel();
    let job = Job { command, runtime: Handle::current(), reply };
    spawner()?.send(job).map_err(|_| ended())?;
    answer.await.map_err(|_| ended())?
}

fn spawner() -> io::Result<&'static Sender<Job>> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    if let Some(sender) = SPAWNER.get() {
        return Ok(sender);
    }
    let (sender, jobs) = channel();
    std::thread::Builder::new().name("spawner".into()).spawn(move || serve(jobs))?;
    // When two callers are first at once, the loser's thread ends with its sender.
    Ok(SPAWNER.get_or_init(|| sender))
}

fn serve(jobs: Receiver<Job>) {
    for mut job in jobs {
        let _runtime = job.runtime.enter();
        // A caller that has gone drops the child, which kills it.
        let _ = job.reply.send(job.command.spawn());
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that starts processes has ended")
}
