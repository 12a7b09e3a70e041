//! An OpenSSH client configuration, with the host keys pinned in it.

use crate::object::SshAccess;

/// One sandbox to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What is typed after `ssh`.
    pub name: String,
    /// The sandbox's address in the configuration.
    pub address: String,
    pub access: SshAccess,
    /// Ports here, and the ports of the sandbox that they lead to.
    pub forwards: Vec<(u16, u16)>,
}

/// Writes a `Host` block for each. The pinned keys are in it by
/// `KnownHostsCommand` (OpenSSH 8.5 and later), so that no file has to be kept.
pub fn text(hosts: &[Host]) -> String {
    hosts.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn block(host: &Host) -> String {
    let SshAccess { address, port, user, host_keys, identity } = &host.access;
    let mut lines = vec![
        format!("# {}", host.address),
        format!("Host {}", host.name),
        format!("  HostName {address}"),
        format!("  Port {port}"),
        format!("  User {user}"),
        "  StrictHostKeyChecking yes".to_owned(),
        "  UserKnownHostsFile none".to_owned(),
        "  GlobalKnownHostsFile none".to_owned(),
        "  HostKeyAlgorithms ssh-ed25519".to_owned(),
    ];
    lines.push(format!("  KnownHostsCommand {}", known_hosts_command(host_keys)));
    lines.extend(identity.iter().map(|path| format!("  IdentityFile \"{}\"", path.display())));
    let forward =
        |(here, there): &(u16, u16)| format!("  LocalForward 127.0.0.1:{here} 127.0.0.1:{there}");
    lines.extend(host.forwards.iter().map(forward));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A command that prints the keys as lines of `known_hosts`, whatever name is asked for.
fn known_hosts_command(keys: &[String]) -> String {
    let arguments = keys.iter().map(|key| format!("\"%H {key}\""));
    format!("/usr/bin/printf \"%%s\\n\" {}", arguments.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_with_its_pinned_keys_and_its_ports() {
        let access = SshAccess {
            address: "203.0.113.7".parse().unwrap(),
            port: 22,
            user: "agent".into(),
            host_keys: vec!["ssh-ed25519 A".into(), "ssh-ed25519 B".into()],
            identity: Some("/home/ada/my keys/id".into()),
        };
        let host = Host {
            name: "review-ada".into(),
            address: "sandbox.review[\"ada\"]".into(),
            access,
            forwards: vec![(8080, 3000)],
        };
        insta::assert_snapshot!(text(&[host]));
    }
}
