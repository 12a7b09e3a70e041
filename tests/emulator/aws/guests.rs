//! Which guests there should be, behind the instances.

use std::time::Duration;

use serde_json::{Value, json};

use super::bodies::{Plan, Wanted};
use super::core::Core;
use super::machines::{Machine, Phase};
use super::proxy::Proxy;

impl Proxy {
    /// Looks after bodies for as long as the proxy runs.
    pub async fn keep_bodies(&self) {
        let Some(directory) = self.bodies.directory.as_deref() else {
            return std::future::pending().await;
        };
        loop {
            let wanted = wanted(&self.core());
            match self.bodies.reconcile(directory, &wanted).await {
                Ok(down) => self.take_down(&down).await,
                Err(error) => {
                    drop(std::fs::write(directory.join("error"), error.to_string()));
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn take_down(&self, numbers: &[u64]) {
        for number in numbers {
            let id = {
                let core = self.core();
                let mut machines = core.machines.0.values();
                machines.find(|machine| machine.number == *number).map(|m| m.id.clone())
            };
            if let Some(id) = id {
                drop(self.guest_went_down(&id).await);
            }
        }
    }
}

fn wanted(core: &Core) -> Wanted {
    let alive = || core.machines.0.values().filter(|m| m.phase != Phase::Terminated);
    let running = alive().filter(|machine| machine.phase == Phase::Running);
    let image_of = |machine: &Machine| core.images.get(&machine.image).map(|image| image.number);
    Wanted {
        running: running.map(|m| (m.number, plan(m, image_of(m).unwrap_or_default()))).collect(),
        places: alive().map(|machine| machine.number).collect(),
        snapshots: core.images.values().map(|image| (image.number, image.source)).collect(),
    }
}

fn plan(machine: &Machine, image: u64) -> Plan {
    let name = machine.id.clone();
    Plan { disk: 1, boots: machine.boots, name, guest: guest(machine), image }
}

/// What the first process of the guest reads.
fn guest(machine: &Machine) -> Value {
    json!({
        "instance": machine.id,
        "name": machine.id,
        "address": machine.address(),
        "os": machine.release.os,
        "os_version": machine.release.version,
        "user_data": machine.user_data,
        "authorized_keys": machine.authorized_keys,
        "datasource": "DataSourceEc2Local",
        "default_user": if machine.release.os == "debian" { "admin" } else { "ubuntu" },
        "disable_root": true,
    })
}
