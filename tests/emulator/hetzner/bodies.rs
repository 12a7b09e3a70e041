//! Bodies: behind each running server an sshd on an address of loopback, in a
//! process sandbox in which its user-data really is carried out.
//!
//! The project says which servers run; this makes it so, again and again, and
//! knows nothing of requests. A rebuild is a new disk, a power cut a kill, a
//! deleted server an empty place. Needs bubblewrap, openssh-server, and root
//! (or subordinate ids, through `unshare --map-auto`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::http::Emulator;
use super::project::Project;
use super::servers::{Server, Status};

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
    directory: Option<PathBuf>,
    port: u16,
    live: Mutex<BTreeMap<u64, Body>>,
}

/// A body that runs, and which disk and start of the server it is.
struct Body {
    child: Child,
    disk: u32,
    boots: u32,
}

/// What a body is made from.
struct Plan {
    id: u64,
    disk: u32,
    boots: u32,
    name: String,
    json: String,
    image: u64,
}

/// What a round brings about.
struct Wanted {
    running: BTreeMap<u64, Plan>,
    /// Every server, running or not.
    servers: BTreeSet<u64>,
    /// Each snapshot and the server it is taken of.
    snapshots: BTreeMap<u64, u64>,
}

impl Wanted {
    fn of(project: &Project, port: u16) -> Self {
        let running = project.servers.values().filter(|s| s.status == Status::Running);
        let running = running.filter_map(|server| plan(project, server, port));
        let images = project.images.values().filter(|image| !image.is_deleted());
        Self {
            running: running.map(|plan| (plan.id, plan)).collect(),
            servers: project.servers.keys().copied().collect(),
            snapshots: images.filter_map(|image| Some((image.id, image.source()?))).collect(),
        }
    }
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

    /// Makes what runs equal to what should; answers servers whose guest has
    /// gone down by itself.
    async fn reconcile(&self, directory: &Path, wanted: &Wanted) -> io::Result<Vec<u64>> {
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
        for plan in wanted.running.values().filter(|plan| !down.contains(&plan.id)) {
            if let Entry::Vacant(free) = live.entry(plan.id) {
                free.insert(start(directory, plan)?);
            }
        }
        Ok(down)
    }
}

impl Emulator {
    /// Looks after bodies for as long as the emulator runs.
    pub async fn keep_bodies(&self) {
        let Some(directory) = self.bodies.directory.as_deref() else {
            return std::future::pending().await;
        };
        loop {
            let wanted = Wanted::of(&self.core().project, self.bodies.port);
            match self.bodies.reconcile(directory, &wanted).await {
                Ok(down) => {
                    let mut core = self.core();
                    down.into_iter().for_each(|id| core.project.set_status(id, Status::Off));
                }
                Err(error) => drop(fs::write(directory.join("error"), error.to_string())),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the body of a server with an address is made from.
fn plan(project: &Project, server: &Server, port: u16) -> Option<Plan> {
    let ip = project.ip_of(server.id, true)?;
    let image = project.images.get(&server.image)?;
    let json = json!({
        "instance": format!("{}-{}", server.id, server.disk_number),
        "name": server.name,
        "address": ip.ip,
        "port": port,
        "os": image.flavor,
        "os_version": image.version,
        "user_data": server.user_data,
        "authorized_keys": server.authorized_keys,
    });
    let (disk, boots) = (server.disk_number, server.boots);
    Some(Plan {
        id: server.id,
        disk,
        boots,
        name: server.name.clone(),
        json: json.to_string(),
        image: image.id,
    })
}

/// Copies the disks that snapshots are taken of, once each.
fn take_snapshots(directory: &Path, snapshots: &BTreeMap<u64, u64>) -> io::Result<()> {
    for (image, server) in snapshots {
        let (from, to) = (directory.join(server.to_string()), directory.join(image.to_string()));
        if from.exists() && !to.exists() {
            copy_disk(&from, &to)?;
        }
    }
    Ok(())
}

/// Removes the places of servers and snapshots that are gone.
fn remove_strangers(directory: &Path, wanted: &Wanted) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let id: Option<u64> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let is_known = |id: &u64| wanted.servers.contains(id) || wanted.snapshots.contains_key(id);
        if id.is_some_and(|id| !is_known(&id)) {
            remove_disk(&entry.path())?;
        }
    }
    Ok(())
}

fn start(directory: &Path, plan: &Plan) -> io::Result<Body> {
    let place = directory.join(plan.id.to_string());
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
    fs::write(place.join("body.json"), &plan.json)?;
    fs::write(place.join("init.py"), INIT)?;
    let log = fs::File::options().create(true).append(true).open(place.join("console.log"))?;
    let mut command = sandbox(&place, &plan.name);
    command.args(["--", "/usr/bin/python3", "-I", "/run/emulator/init.py"]);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    Ok(Body { child: command.spawn()?, disk: plan.disk, boots: plan.boots })
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

/// The command that starts a sandbox on a disk, up to the program's name.
fn sandbox(place: &Path, host_name: &str) -> Command {
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if is_root { "bwrap" } else { "unshare" });
    if !is_root {
        command.args(MAPPED).arg("bwrap");
    }
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
