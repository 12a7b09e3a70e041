//! `sandplan ssh-config`.

use crate::cli::Exit;
use crate::cli::args::SshConfig;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Sandbox, Target};
use crate::object::SshAccess;
use crate::render::ssh_config::{Host, text};

/// Prints a `Host` block for each sandbox that an SSH client can reach.
pub fn run(context: &Context, args: &SshConfig) -> Result<Exit, Diagnostics> {
    let (project, state) = context.load_state()?;
    let chosen = match args.names.as_slice() {
        [] => Target::all(&state).collect(),
        names => names.iter().map(|n| Target::find(&state, n)).collect::<Result<Vec<_>, _>>()?,
    };
    let mut problems = Diagnostics::new();
    let mut hosts = Vec::new();
    for target in &chosen {
        match project.ssh(target) {
            Some(access) => hosts.push(host(target, access)),
            None if !args.names.is_empty() => problems.push(unreachable(target)),
            None => {}
        }
    }
    context.terminal.out(&text(&hosts));
    problems.into_result(Exit::Done)
}

fn host(target: &Target, access: SshAccess) -> Host {
    let address = target.object.address.to_string();
    let name = target.object.text("name").unwrap_or(&address).to_owned();
    let ports = Sandbox::from_value(&target.object.attributes).ports;
    let forwards = ports.values().map(|p| (p.host.unwrap_or(p.guest), p.guest)).collect();
    Host { name, address, access, forwards }
}

fn unreachable(target: &Target) -> Diagnostic {
    Diagnostic::error("no-ssh", "Not reachable by SSH")
        .detail(format!(
            "No SSH server runs in a sandbox of `{}`, or its address is not known yet. `sandplan \
             exec` and `sandplan console` work on every sandbox.",
            target.provider
        ))
        .address(&target.object.address)
}
