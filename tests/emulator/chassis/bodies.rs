//! Bodies: behind each running machine an sshd on an address of loopback, in a
//! process sandbox in which its user-data really is carried out.
//!
//! The cloud says which machines run; this makes it so, again and again, and
//! knows nothing of requests. A rebuild is a new disk, a power cut a kill, a
//! deleted machine an empty place. Needs bubblewrap, openssh-server, and root
//! (or subordinate ids, through `unshare --map-auto`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::cloud::Cloud;
use super::http::Emulator;

const INIT: &str = include_str!("body/init.py");

/// What sshd needs of root, and installers of files.
const CAPABILITIES: [&str; 10] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_AUDIT_WRITE",
];

/// Files of this machine that programs of `/usr` look for.
const SHARED: [&str; 12] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
];

/// Of `unshare`: root and all other accounts, for an ordinary user.
const MAPPED: [&str; 4] = ["--user", "--map-root-user", "--map-auto", "--"];

/// Directories beside `/usr` that lead into it on most systems.
const TOP: [&str; 4] = ["/bin", "/sbin", "/lib", "/lib64"];

pub struct Bodies {
    pub directory: Option<PathBuf>,
    port: u16,
    live: Mutex<BTreeMap<u64, Body>>,
}

/// A body that runs, and which disk and start of the machine it is.
struct Body {
    child: Child,
    disk: u32,
    boots: u32,
    guest: Value,
}

/// What a body is made from.
pub struct Plan {
    /// Raised when the disk is a new one.
    pub disk: u32,
    /// Raised when the guest starts again.
    pub boots: u32,
    pub name: String,
    /// What `body/init.py` reads: instance, name, address, os, os_version,
    /// user_data, authorized_keys, datasource; of guests with an agent also
    /// accounts and startup_script.
    pub guest: Value,
    /// The snapshot that a new disk is a copy of, if it is one.
    pub image: u64,
}

/// What bodies there should be.
#[derive(Default)]
pub struct Wanted {
    /// By the number of the place that holds the disk.
    pub running: BTreeMap<u64, Plan>,
    /// Every machine's place, whether it runs or not.
    pub places: BTreeSet<u64>,
    /// Each snapshot and the place it is taken of.
    pub snapshots: BTreeMap<u64, u64>,
}

impl Bodies {
    pub fn new(directory: Option<PathBuf>, port: u16) -> Self {
        Self { directory, port, live: Mutex::default() }
    }

    pub async fn stop_all(&self) {
        for body in self.live.lock().await.values_mut() {
            drop(body.child.kill().await);
        }
    }

    /// Makes what runs equal to what should; answers the places of guests that
    /// have gone down by themselves.
    pub async fn reconcile(&self, directory: &Path, wanted: &Wanted) -> io::Result<Vec<u64>> {
        let mut live = self.live.lock().await;
        let mut down = Vec::new();
        let mut ended = Vec::new();
        for (id, body) in live.iter_mut() {
            let is_same = |plan: &Plan| (plan.disk, plan.boots) == (body.disk, body.boots);
            if !wanted.running.get(id).is_some_and(is_same) {
                body.child.kill().await?;
                ended.push(*id);
            } else if body.child.try_wait()?.is_some() {
                ended.push(*id);
                down.push(*id);
            }
        }
        ended.iter().for_each(|id| drop(live.remove(id)));
        take_snapshots(directory, &wanted.snapshots)?;
        remove_strangers(directory, wanted)?;
        for (id, plan) in wanted.running.iter().filter(|(id, _)| !down.contains(id)) {
            match live.entry(*id) {
                Entry::Vacant(free) => drop(free.insert(self.start(directory, *id, plan)?)),
                Entry::Occupied(mut body) if body.get().guest != plan.guest => {
                    self.tell(&directory.join(id.to_string()), plan)?;
                    body.get_mut().guest.clone_from(&plan.guest);
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(down)
    }

    fn start(&self, directory: &Path, id: u64, plan: &Plan) -> io::Result<Body> {
        let place = directory.join(id.to_string());
        let stamp = place.join("disk");
        if fs::read_to_string(&stamp).ok() != Some(plan.disk.to_string()) {
            if place.exists() {
                remove_disk(&place)?;
            }
            match directory.join(plan.image.to_string()) {
                snapshot if snapshot.exists() => copy_disk(&snapshot, &place)?,
                _ => make_disk(directory, &place)?,
            }
            fs::write(stamp, plan.disk.to_string())?;
        }
        self.tell(&place, plan)?;
        fs::write(place.join("init.py"), INIT)?;
        let log = fs::File::options().create(true).append(true).open(place.join("console.log"))?;
        let mut command = sandbox(&place, &plan.name);
        command.args(["--", "/usr/bin/python3", "-I", "/run/emulator/init.py"]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let guest = plan.guest.clone();
        Ok(Body { child: command.spawn()?, disk: plan.disk, boots: plan.boots, guest })
    }

    /// Writes what a guest is told, in place: a running one looks again.
    fn tell(&self, place: &Path, plan: &Plan) -> io::Result<()> {
        let mut guest = plan.guest.clone();
        guest["port"] = self.port.into();
        fs::write(place.join("body.json"), guest.to_string())
    }
}

impl<C: Cloud> Emulator<C> {
    /// Looks after bodies for as long as the emulator runs.
    pub async fn keep_bodies(&self) {
        let Some(directory) = self.bodies.directory.as_deref() else {
            return std::future::pending().await;
        };
        loop {
            let wanted = self.core().cloud.bodies();
            match self.bodies.reconcile(directory, &wanted).await {
                Ok(down) => {
                    let mut core = self.core();
                    down.into_iter().for_each(|id| core.cloud.went_down(id));
                }
                Err(error) => drop(fs::write(directory.join("error"), error.to_string())),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Copies the disks that snapshots are taken of, once each.
fn take_snapshots(directory: &Path, snapshots: &BTreeMap<u64, u64>) -> io::Result<()> {
    for (image, place) in snapshots {
        let (from, to) = (directory.join(place.to_string()), directory.join(image.to_string()));
        if from.exists() && !to.exists() {
            copy_disk(&from, &to)?;
        }
    }
    Ok(())
}

/// Removes the places of machines and snapshots that are gone.
fn remove_strangers(directory: &Path, wanted: &Wanted) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let id: Option<u64> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let is_known = |id: &u64| wanted.places.contains(id) || wanted.snapshots.contains_key(id);
        if id.is_some_and(|id| !is_known(&id)) {
            remove_disk(&entry.path())?;
        }
    }
    Ok(())
}

fn copy_disk(from: &Path, to: &Path) -> io::Result<()> {
    as_owner("cp").arg("--archive").arg(from).arg(to).status().map(drop)
}

fn remove_disk(place: &Path) -> io::Result<()> {
    as_owner("rm").args(["--recursive", "--force"]).arg(place).status().map(drop)
}

/// A command that may do with every file of a body what it likes: of an
/// ordinary user, the files of the guest's other accounts have other owners.
fn as_owner(program: &str) -> std::process::Command {
    if rustix::process::geteuid().is_root() {
        return std::process::Command::new(program);
    }
    let mut command = std::process::Command::new("unshare");
    command.args(MAPPED).arg(program);
    command
}

/// An empty disk; what lies in DIR/tools is in its `/usr/local/bin`.
fn make_disk(directory: &Path, place: &Path) -> io::Result<()> {
    let root = place.join("root");
    fs::create_dir_all(&root)?;
    for path in TOP {
        if let Ok(target) = fs::read_link(path) {
            symlink(target, root.join(&path[1..]))?;
        }
    }
    let local = place.join("local/bin");
    fs::create_dir_all(&local)?;
    if let Ok(tools) = fs::read_dir(directory.join("tools")) {
        for tool in tools {
            let tool = tool?;
            fs::copy(tool.path(), local.join(tool.file_name()))?;
        }
    }
    Ok(())
}

/// The command that starts a sandbox on a disk, up to the program's name. A machine
/// ignores no signal, whatever who started this program does.
fn sandbox(place: &Path, host_name: &str) -> Command {
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new("env");
    command.arg("--default-signal");
    if !is_root {
        command.arg("unshare").args(MAPPED);
    }
    command.arg("bwrap");
    let at = |name: &str| place.join(name).into_os_string();
    command.arg("--bind").args([at("root"), "/".into()]);
    command.args(["--ro-bind", "/usr", "/usr"]);
    command.arg("--bind").args([at("local"), "/usr/local".into()]);
    for path in TOP.into_iter().filter(|path| !Path::new(path).is_symlink()) {
        command.args(["--ro-bind-try", path, path]);
    }
    for path in SHARED {
        command.args(["--ro-bind-try", path, path]);
    }
    command.args(["--proc", "/proc", "--dev", "/dev"]);
    command.args(["--tmpfs", "/run", "--perms", "1777", "--tmpfs", "/tmp"]);
    for name in ["body.json", "init.py"] {
        command.arg("--ro-bind").arg(at(name)).arg(format!("/run/emulator/{name}"));
    }
    command.args(["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", host_name]);
    command.args(["--die-with-parent", "--new-session", "--clearenv", "--chdir", "/"]);
    command.args(["--setenv", "PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
    command.args(CAPABILITIES.iter().flat_map(|capability| ["--cap-add", capability]));
    command
}
