//! What the proxy knows of an instance and moto does not: that its states take
//! time, at which address it is reached, and what its guest was given.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::order::Order;
use super::xml::Element;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

const PHASES: [Phase; 6] = [
    Phase::Pending,
    Phase::Running,
    Phase::ShuttingDown,
    Phase::Terminated,
    Phase::Stopping,
    Phase::Stopped,
];

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::Pending => "0",
            Self::Running => "16",
            Self::ShuttingDown => "32",
            Self::Terminated => "48",
            Self::Stopping => "64",
            Self::Stopped => "80",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Pending => Self::Running,
            Self::ShuttingDown => Self::Terminated,
            Self::Stopping => Self::Stopped,
            settled => settled,
        }
    }

    /// The state that moto has for it.
    pub fn at_moto(self) -> Self {
        match self {
            Self::Pending | Self::Running => Self::Running,
            Self::Stopping | Self::Stopped => Self::Stopped,
            Self::ShuttingDown | Self::Terminated => Self::Terminated,
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        PHASES.into_iter().find(|phase| phase.name() == name)
    }

    /// Whether it is gone, or nearly.
    pub fn is_ending(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// The release of an image, for the guest's `/etc/os-release`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    pub os: String,
    pub version: String,
}

#[derive(Debug, Clone)]
pub struct Machine {
    pub id: String,
    /// Its number as a body.
    pub number: u64,
    pub region: String,
    pub order: Order,
    pub image: String,
    pub release: Release,
    pub groups: Vec<String>,
    /// Plain, as the guest reads it.
    pub user_data: String,
    pub authorized_keys: Vec<String>,
    pub token: String,
    /// The guest's shutdown terminates it.
    pub ends_at_shutdown: bool,
    /// One that can be stopped: not of a one-time spot request.
    pub is_stoppable: bool,
    pub phase: Phase,
    /// When the phase ends.
    pub until: u64,
    /// From when on other requests see it.
    pub seen_from: u64,
    /// From when on they see it no more.
    pub seen_until: u64,
    pub address: [u8; 4],
    pub boots: u32,
}

impl Machine {
    /// Begins a phase that lasts.
    pub fn begin(&mut self, phase: Phase, now: u64, time: Duration) {
        self.phase = phase;
        self.until = now + milliseconds(time);
        self.settle(now);
    }

    fn settle(&mut self, now: u64) {
        if self.until <= now {
            self.phase = self.phase.next();
        }
    }

    fn is_seen(&self, now: u64) -> bool {
        (self.seen_from..self.seen_until).contains(&now)
    }

    pub fn address(&self) -> String {
        self.address.map(|part| part.to_string()).join(".")
    }

    /// Writes into an instance, as moto draws it, what is really so.
    pub fn draw(&self, instance: &mut Element) {
        instance.set("instanceState/code", self.phase.code());
        instance.set("instanceState/name", self.phase.name());
        let address = self.address();
        instance.walk(&mut |element| match element.name.as_str() {
            "association" if !element.text("publicIp").is_empty() => {
                element.set("publicIp", &address);
                element.set("publicDnsName", "");
            }
            _ => {}
        });
        if !instance.text("ipAddress").is_empty() {
            instance.set("ipAddress", &address);
        }
        instance.set("dnsName", "");
        if instance.items("groupSet").next().is_none() {
            let interface = instance.items("networkInterfaceSet").next();
            let groups = interface.and_then(|interface| interface.child("groupSet"));
            let groups = groups.map(|list| list.children.clone()).unwrap_or_default();
            instance.child_mut("groupSet").children = groups;
        }
        if self.phase == Phase::Terminated {
            for name in ["blockDeviceMapping", "networkInterfaceSet", "groupSet"] {
                *instance.child_mut(name) = Element::new(name);
            }
            ["privateIpAddress", "subnetId", "vpcId"].iter().for_each(|name| instance.remove(name));
        }
    }
}

pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// All instances by id.
#[derive(Debug, Default)]
pub struct Machines(pub BTreeMap<String, Machine>);

impl Machines {
    /// Does what is due.
    pub fn settle(&mut self, now: u64) {
        self.0.values_mut().for_each(|machine| machine.settle(now));
    }

    /// Whether it is too new to be seen, or long gone.
    pub fn is_unseen(&self, id: &str, now: u64) -> bool {
        self.0.get(id).is_some_and(|machine| !machine.is_seen(now))
    }

    /// Those that are not long gone.
    pub fn remembered(&self, now: u64) -> impl Iterator<Item = &Machine> {
        self.0.values().filter(move |machine| now < machine.seen_until)
    }

    /// Those that are alive and have a security group.
    pub fn in_group(&self, group: &str) -> impl Iterator<Item = &Machine> {
        let alive = self.0.values().filter(|machine| machine.phase != Phase::Terminated);
        alive.filter(move |machine| machine.groups.iter().any(|of| of == group))
    }
}
