//! A real sshd on a free port of loopback, which ends with the value.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ssh::{Endpoint, HostKey, Identities, access_key, host_key};

/// A real sshd.
pub struct Server {
    pub folder: TempDir,
    pub port: u16,
    pub host_key: HostKey,
    child: Option<Child>,
}

impl Server {
    /// Starts one that takes the access key of its own folder.
    pub fn start(config: &str) -> Self {
        let mut server = Self::prepare(config);
        server.launch();
        server
    }

    /// Writes everything that one needs, and starts nothing yet.
    pub fn prepare(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (private, host_key) = host_key::generate().unwrap();
        let server = Self { folder, port, host_key, child: None };
        secret(&server.path("host_key"), private.expose());
        let own = access_key::ensure(&server.path("id_ed25519")).unwrap();
        fs::write(server.path("authorized_keys"), format!("{own}\n")).unwrap();
        let path = server.folder.path().display();
        let text = format!(
            "{config}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_key\n\
             PidFile {path}/pid\nAuthorizedKeysFile {path}/authorized_keys\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nLogLevel VERBOSE\nMaxStartups 100\nPrintMotd no\n",
        );
        fs::write(server.path("config"), text).unwrap();
        server
    }

    /// Starts it and waits until it listens.
    pub fn launch(&mut self) {
        // Where sshd keeps nothing, but wants to find it.
        let _ = fs::create_dir_all("/run/sshd");
        let log = fs::OpenOptions::new().append(true).create(true).open(self.path("log")).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.path("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("these tests need openssh-server");
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// How often somebody has logged in.
    pub fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    pub fn endpoint(&self) -> Endpoint {
        let pins = vec![self.host_key];
        Endpoint { address: Ipv4Addr::LOCALHOST.into(), port: self.port, user: user(), pins }
    }

    pub fn identities(&self) -> Identities {
        let access_key = Some(self.path("id_ed25519"));
        Identities { access_key, agent: None, files: Vec::new() }
    }

    /// Stops listening, and ends every connection.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        for pid in children_of(child.id()) {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Who runs the tests.
pub fn user() -> String {
    let out = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Writes a file that only its owner may read.
pub fn secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The processes that serve connections, and their children: those of one sshd.
fn children_of(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((head, tail)) = stat.rsplit_once(") ") else { continue };
        if tail.split(' ').nth(1) == Some(&parent.to_string()) && head.contains("(sshd") {
            let pid: u32 = head.split(' ').next().unwrap().parse().unwrap();
            found.push(pid);
            found.extend(children_of(pid));
        }
    }
    found
}
