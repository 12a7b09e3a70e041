//! What changes under one lock: instances, tokens, images, faults, counts.

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::faults::Faults;
use super::form::Form;
use super::ledger::Ledger;
use super::machines::{Machine, Machines, Phase, Release};
use super::refusal::Refusal;
use super::settings::Settings;

/// A RunInstances that was done: what it asked and what it made.
#[derive(Debug, Clone)]
pub struct Run {
    pub form: Form,
    pub instances: Vec<String>,
}

/// An image that was made of an instance.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its number as a disk.
    pub number: u64,
    /// The number of the instance it was made of.
    pub source: u64,
    pub release: Release,
    /// Of the root volume, in GB.
    pub size: String,
    pub available_from: u64,
}

/// Tokens hold in a region, or in a zone where the request names one.
pub type TokenKey = [String; 3];

#[derive(Default)]
pub struct Core {
    pub machines: Machines,
    pub runs: BTreeMap<TokenKey, Run>,
    pub images: BTreeMap<String, Image>,
    pub faults: Faults,
    pub ledger: Ledger,
    /// Regions that were asked for anything.
    pub regions: BTreeSet<String>,
    pub now: u64,
    last_number: u64,
    last_address: u32,
    body_net: Option<[u8; 2]>,
}

impl Core {
    pub fn new(settings: &Settings, port: u16) -> Self {
        Self {
            faults: Faults(settings.faults.clone()),
            body_net: settings.bodies.as_ref().map(|_| port.to_be_bytes()),
            ..Self::default()
        }
    }

    /// Does what is due by now.
    pub fn settle(&mut self) {
        self.now = clock::now();
        self.machines.settle(self.now);
    }

    pub fn new_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The next address: of 198.18.0.0/15, which is nobody's; for bodies on
    /// loopback, in a net of this proxy's own, and long unused.
    pub fn new_address(&mut self) -> [u8; 4] {
        loop {
            self.last_address += 1;
            let address = self.address_at(self.last_address);
            let mut machines = self.machines.0.values();
            if !machines.any(|m| m.address == address && m.phase != Phase::Terminated) {
                return address;
            }
        }
    }

    fn address_at(&self, number: u32) -> [u8; 4] {
        let [_, high, middle, low] = number.to_be_bytes();
        match self.body_net {
            Some([net, subnet]) => [127, net, subnet, ((number - 1) % 254 + 1) as u8],
            None => [198, 18 + high % 2, middle, low],
        }
    }

    /// An instance that requests can see.
    pub fn machine_mut(&mut self, id: &str) -> Result<&mut Machine, Refusal> {
        let is_unseen = self.machines.is_unseen(id, self.now);
        let machine = self.machines.0.get_mut(id).filter(|_| !is_unseen);
        machine.ok_or_else(|| Refusal::no_instance(id))
    }

    /// Refuses what names an instance that is too new to be seen.
    pub fn refuse_unseen(&self, form: &Form) -> Result<(), Refusal> {
        let lists = ["InstanceId", "ResourceId"].map(|name| form.list(name));
        let named = lists.into_iter().flatten().chain(form.get("InstanceId"));
        let mut unseen = named.filter(|id| self.machines.is_unseen(id, self.now));
        unseen.next().map_or(Ok(()), |id| Err(Refusal::no_instance(id)))
    }
}
