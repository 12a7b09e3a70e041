//! Where living sandboxes stay while the default provider changes: where they are,
//! until their block names a provider, or something replaces them anyway.

use std::collections::BTreeMap;

use super::{Change, Reason};
use crate::address::{Address, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Desired, DesiredResource, Resource, Stays, stays};
use crate::object::{Object, ProviderRef};

/// Where living sandboxes are, and which of them go elsewhere for all that.
#[derive(Debug, Default)]
pub(super) struct Placement {
    pub(super) stays: Stays,
    /// Those that are replaced anyway, and why: they go where the configuration says.
    freed: BTreeMap<Address, Reason>,
}

impl Placement {
    pub(super) fn of(objects: &[Object]) -> Self {
        Self { stays: stays(objects), freed: BTreeMap::new() }
    }

    /// Lets sandboxes go where the configuration says.
    pub(super) fn free(&mut self, freed: BTreeMap<Address, Reason>) {
        self.stays.retain(|address, _| !freed.contains_key(address));
        self.freed.extend(freed);
    }

    /// Tells whether an instance stays where it would not be made.
    pub(super) fn holds(&self, instance: &DesiredResource, desired: &Desired) -> bool {
        let stays = self.stays.get(&instance.address);
        stays.is_some_and(|home| *home != desired.default_provider)
            && names_no_provider(desired, &instance.address)
    }

    /// Says why a sandbox moves: for the reason for which it is replaced anyway, or
    /// because its provider is another one now.
    pub(super) fn reason(&self, before: &Object, to: &ProviderRef) -> Reason {
        match self.freed.get(&before.address) {
            Some(reason) if *reason != Reason::CannotUpdate => reason.clone(),
            _ => Reason::ProviderChanged { from: before.provider.clone(), to: to.clone() },
        }
    }

    /// Says by which sandboxes the default provider is not heeded, and how to move them.
    pub(super) fn warnings(&self, changes: &[Change], desired: &Desired) -> Diagnostics {
        let default = &desired.default_provider;
        let mut staying: BTreeMap<&ProviderRef, Vec<String>> = BTreeMap::new();
        for change in changes.iter().filter(|change| change.after.is_some()) {
            let stays = self.stays.get(&change.address) == Some(&change.provider);
            if stays && change.provider != *default && names_no_provider(desired, &change.address) {
                let names = staying.entry(&change.provider).or_default();
                names.push(change.address.to_string());
            }
        }
        staying.into_iter().map(|(home, names)| note(home, &names, default)).collect()
    }
}

fn names_no_provider(desired: &Desired, address: &Address) -> bool {
    let resource: Option<&Resource> = desired.config.resources.get(&address.block);
    address.kind() == ResourceType::Sandbox && resource.is_some_and(|r| r.provider.is_none())
}

fn note(home: &ProviderRef, names: &[String], default: &ProviderRef) -> Diagnostic {
    let (who, they_are) = match names {
        [one] => (format!("{one} stays"), "it is"),
        [first, ..] => (format!("{} sandboxes ({first}, …) stay", names.len()), "they are"),
        [] => (String::new(), ""),
    };
    Diagnostic::warning("stays-on-provider", "The default provider is for new sandboxes").detail(
        format!(
            "{who} on `{home}`, where {they_are} alive; new ones are made on `{default}`. \
             `provider = \"{default}\"` in a block moves its sandboxes, and `-replace=ADDRESS` \
             makes one anew there."
        ),
    )
}

/// Says how to get a sandbox away from a provider that refuses it.
pub(super) fn advice(problem: Diagnostic, home: &ProviderRef, default: &ProviderRef) -> Diagnostic {
    let hint = format!(
        "it is alive on `{home}` and stays there; `provider = \"{default}\"` in its block moves it"
    );
    match problem.hint {
        None => problem.hint(hint),
        Some(_) => problem,
    }
}
