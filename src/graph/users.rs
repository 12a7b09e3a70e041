//! Which sandboxes use which SSH keys and networks: these are made on the
//! providers that the sandboxes run on.

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::{Graph, Node, names_a_provider};
use crate::address::{BlockAddress, ResourceType};
use crate::config::{BlockBody, Config, Expr, Resource};

/// For each block, the blocks that use it.
pub type Users = BTreeMap<BlockAddress, BTreeSet<BlockAddress>>;

/// The arguments by which a sandbox uses an SSH key or a network.
pub const USES: [&str; 2] = ["ssh_keys", "network"];

/// Tells whether a type is declared once and made on each provider that needs it.
pub fn is_per_provider(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::SshKey | ResourceType::Network)
}

/// Finds the sandboxes that use each SSH key and network, directly, by their
/// profiles, or over local values.
pub fn of(graph: &Graph<'_>, config: &Config) -> Users {
    let mut users = Users::new();
    let sandboxes = config.resources.values().filter(|r| r.address.kind == ResourceType::Sandbox);
    for sandbox in sandboxes {
        let arguments = bodies(config, sandbox).into_iter().flat_map(|body| {
            USES.into_iter().filter_map(|name| body.expr(name)).collect::<Vec<_>>()
        });
        for used in arguments.flat_map(|expr| graph.reached_by(expr)) {
            if is_per_provider(used.kind) {
                users.entry(used).or_default().insert(sandbox.address.clone());
            }
        }
    }
    users
}

/// The sandbox's own body and those of its profiles.
fn bodies<'a>(config: &'a Config, sandbox: &'a Resource) -> Vec<&'a BlockBody> {
    let mut bodies = vec![&sandbox.body];
    let mut next = sandbox.profile.as_ref();
    // Profiles that extend each other in a circle are refused elsewhere.
    while let Some(profile) = next.and_then(|reference| config.profiles.get(&reference.name)) {
        if bodies.len() > config.profiles.len() {
            break;
        }
        bodies.push(&profile.body);
        next = profile.extends.as_ref();
    }
    bodies
}

/// Lists what has to be evaluated before an SSH key or network, so that it is known
/// which providers its users run on.
pub fn evaluated_before(graph: &Graph<'_>, config: &Config) -> Vec<(Node, Node)> {
    let mut before = Vec::new();
    for (used, users) in of(graph, config) {
        for user in users.iter().filter_map(|user| config.resources.get(user)) {
            let targets = placing(config, user).into_iter().flat_map(|expr| graph.named_by(expr));
            before.extend(targets.map(|target| (Node::Resource(used.clone()), target)));
        }
    }
    before
}

/// The expressions that decide which providers a sandbox block runs on.
fn placing<'a>(config: &Config, resource: &'a Resource) -> Vec<&'a Expr> {
    match &resource.provider {
        Some(provider) if !names_a_provider(config, provider) => {
            [Some(provider), resource.count.as_ref(), resource.for_each.as_ref()]
                .into_iter()
                .flatten()
                .collect()
        }
        _ => Vec::new(),
    }
}
