//! What a sandbox sees of this machine, as bubblewrap's arguments.
//!
//! Pure: from a [`Jail`] to arguments and the texts that they refer to. All of
//! it is a list of what is let in; whatever is not named here does not exist
//! inside. Nothing secret is in it: the environment travels apart.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The user's home inside.
pub const HOME: &str = "/home/agent";
/// The directories inside that a sandbox keeps, each with its name on the host.
pub const KEPT: [(&str, &str); 4] =
    [("home", HOME), ("workspace", "/workspace"), ("tmp", "/tmp"), ("var", "/var/lib/sandplan")];
/// The user id and group id inside, on every host and whoever runs sandplan.
pub const AGENT: u32 = 1000;
/// Where commands are looked for inside.
pub const PATH: &str = "/home/agent/.local/bin:/usr/local/sbin:/usr/local/bin:\
                        /usr/sbin:/usr/bin:/sbin:/bin";

/// The parts of the host's `/etc` that programs under `/usr` need to run: no
/// accounts, no keys, no registry credentials (`npmrc`, `pip.conf`, `gitconfig`).
const ETC: [&str; 34] = [
    "alternatives",
    "bash.bashrc",
    "bash_completion.d",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "host.conf",
    "inputrc",
    "java",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "lsb-release",
    "magic",
    "mime.types",
    "os-release",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];

const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
                        services: files\nprotocols: files\n";

/// Who runs bubblewrap, and so how the user inside comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// An ordinary user, who is `agent` inside by a user namespace.
    Ordinary,
    /// Root, who builds the view and then becomes this user of the host, who
    /// is `agent` inside by a user namespace. Root itself never runs a command.
    Root { uid: u32, gid: u32 },
}

/// What a sandbox sees of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jail {
    pub host_name: String,
    /// The host's network, or none at all.
    pub shares_network: bool,
    /// Directories of the host and where they are, writable, inside.
    pub binds: Vec<(PathBuf, String)>,
    pub identity: Identity,
}

/// A text that is to be a file inside.
pub struct Synthesised {
    pub path: &'static str,
    pub text: String,
}

impl Jail {
    /// Returns the files that are made up for the inside.
    pub fn synthesised(&self) -> Vec<Synthesised> {
        let name = &self.host_name;
        let file = |path, text| Synthesised { path, text };
        vec![
            file("/etc/passwd", passwd()),
            file("/etc/group", format!("root:x:0:\nagent:x:{AGENT}:\nnogroup:x:65534:\n")),
            file("/etc/hosts", format!("127.0.0.1 localhost {name}\n::1 localhost {name}\n")),
            file("/etc/hostname", format!("{name}\n")),
            file("/etc/nsswitch.conf", NSSWITCH.to_owned()),
        ]
    }

    /// Returns bubblewrap's options. The synthesised files are at the file
    /// descriptors from `first_fd` on; `exists` answers for the host.
    pub fn options(&self, first_fd: i32, host: &dyn Host) -> Vec<OsString> {
        let mut options = Options::default();
        self.namespaces(&mut options);
        system(&mut options, host);
        etc(&mut options);
        for (fd, file) in (first_fd..).zip(self.synthesised()) {
            options.add(["--perms", "0644", "--file", &fd.to_string(), file.path]);
        }
        if self.shares_network {
            options.add(["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]);
        }
        for (from, to) in &self.binds {
            options.add([OsStr::new("--bind"), from.as_os_str(), OsStr::new(to)]);
        }
        options.add(["--remount-ro", "/"]);
        options.0
    }

    fn namespaces(&self, options: &mut Options) {
        options.add(["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        options.add(["--hostname", &self.host_name, "--new-session", "--die-with-parent"]);
        if !self.shares_network {
            options.add(["--unshare-net"]);
        }
        let agent = AGENT.to_string();
        match self.identity {
            Identity::Ordinary => {
                options.add(["--unshare-user", "--uid", &agent, "--gid", &agent]);
            }
            Identity::Root { .. } => {
                options.add(["--cap-drop", "ALL"]);
                for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] {
                    options.add(["--cap-add", capability]);
                }
            }
        }
        options.add(["--clearenv", "--setenv", "PATH", PATH]);
    }

    /// Returns what stands before the command so that it runs as `agent`.
    pub fn becoming_agent(&self) -> Vec<String> {
        let Identity::Root { uid, gid } = self.identity else { return Vec::new() };
        let words = [
            "/usr/bin/setpriv".to_owned(),
            format!("--reuid={uid}"),
            format!("--regid={gid}"),
            "--clear-groups".to_owned(),
            "--no-new-privs".to_owned(),
            "--bounding-set=-all".to_owned(),
            "/usr/bin/unshare".to_owned(),
            "--user".to_owned(),
            format!("--map-user={AGENT}"),
            format!("--map-group={AGENT}"),
            "--".to_owned(),
        ];
        words.into()
    }
}

/// What of the host's layout decides about the view.
pub trait Host {
    /// Returns where a symbolic link points; nothing when the path is no link.
    fn link(&self, path: &str) -> Option<String>;
    /// Tells whether a directory exists.
    fn is_dir(&self, path: &str) -> bool;
}

/// This machine.
pub struct ThisMachine;

impl Host for ThisMachine {
    fn link(&self, path: &str) -> Option<String> {
        std::fs::read_link(path).ok()?.to_str().map(str::to_owned)
    }

    fn is_dir(&self, path: &str) -> bool {
        std::path::Path::new(path).is_dir()
    }
}

#[derive(Default)]
struct Options(Vec<OsString>);

impl Options {
    fn add(&mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) {
        self.0.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
    }
}

/// Adds the host's programs, read-only, and fresh `/proc` and `/dev`.
fn system(options: &mut Options, host: &dyn Host) {
    options.add(["--ro-bind", "/usr", "/usr"]);
    for path in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        match host.link(path) {
            Some(target) => options.add(["--symlink", &target, path]),
            None if host.is_dir(path) => options.add(["--ro-bind", path, path]),
            None => {}
        }
    }
    for path in ["/opt", "/nix/store"] {
        options.add(["--ro-bind-try", path, path]);
    }
    options.add(["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"]);
    for path in ["/home", "/var", "/var/lib", "/etc", "/etc/ssl", "/etc/pki", "/etc/pki/tls"] {
        options.add(["--perms", "0755", "--dir", path]);
    }
    options.add(["--perms", "1777", "--tmpfs", "/var/tmp"]);
}

fn etc(options: &mut Options) {
    for name in ETC {
        let path = format!("/etc/{name}");
        options.add(["--ro-bind-try", &path, &path]);
    }
    options.add(["--symlink", "/proc/mounts", "/etc/mtab"]);
}

fn passwd() -> String {
    format!(
        "root:x:0:0:root:/root:/usr/sbin/nologin\n\
         agent:x:{AGENT}:{AGENT}:agent:{HOME}:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jail(identity: Identity, shares_network: bool) -> Jail {
        Jail { host_name: "a".into(), shares_network, binds: Vec::new(), identity }
    }

    #[test]
    fn only_an_isolated_network_is_unshared() {
        let options = |shared| jail(Identity::Ordinary, shared).options(10, &ThisMachine);
        assert!(options(false).contains(&"--unshare-net".into()));
        assert!(!options(false).contains(&"/etc/resolv.conf".into()));
        assert!(!options(true).contains(&"--unshare-net".into()));
    }

    #[test]
    fn root_gives_itself_up_before_the_command() {
        let root = jail(Identity::Root { uid: 7, gid: 8 }, true).becoming_agent();
        assert!(root.contains(&"--reuid=7".to_owned()) && root.contains(&"--regid=8".to_owned()));
        assert!(jail(Identity::Ordinary, true).becoming_agent().is_empty());
    }
}
