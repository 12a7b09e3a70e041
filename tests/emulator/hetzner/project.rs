//! A project: every object in it, and what happens to it as time goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actions::Action;
use super::answer::Refusal;
use super::faults::Faults;
use super::firewalls::Firewall;
use super::images::{self, Image};
use super::placement_groups::PlacementGroup;
use super::primary_ips::PrimaryIp;
use super::servers::Server;
use super::settings::ActionTimes;
use super::ssh_keys::SshKey;

/// Objects by id; this is what a state file holds.
#[derive(Default, Serialize, Deserialize)]
pub struct Project {
    last_id: u64,
    last_address: u32,
    last_body: u8,
    pub actions: BTreeMap<u64, Action>,
    pub firewalls: BTreeMap<u64, Firewall>,
    pub images: BTreeMap<u64, Image>,
    pub placement_groups: BTreeMap<u64, PlacementGroup>,
    pub primary_ips: BTreeMap<u64, PrimaryIp>,
    pub servers: BTreeMap<u64, Server>,
    pub ssh_keys: BTreeMap<u64, SshKey>,
    /// End and id of each action that runs.
    #[serde(skip)]
    pub running: BTreeSet<(u64, u64)>,
    #[serde(skip)]
    pub faults: Faults,
    #[serde(skip)]
    pub terms: Terms,
    /// The time of the request at hand.
    #[serde(skip)]
    pub now: u64,
}

/// What a project may hold, and how long its actions take.
#[derive(Clone, Default)]
pub struct Terms {
    pub action_times: ActionTimes,
    pub server_limit: usize,
    pub lingering_deletes: bool,
    /// The net 127.x.y.0/24 of the servers' bodies, where they have any.
    pub body_net: Option<[u8; 2]>,
}

impl Project {
    /// Makes ready what a state file does not hold.
    pub fn resume(mut self, terms: Terms) -> Self {
        for image in images::system() {
            self.images.entry(image.id).or_insert(image);
        }
        let unfinished = self.actions.values().filter(|action| !action.is_done);
        self.running = unfinished.map(|action| (action.ends, action.id)).collect();
        self.terms = terms;
        self
    }

    pub fn new_id(&mut self) -> u64 {
        self.last_id = self.last_id.max(1_000_000) + 1;
        self.last_id
    }

    /// The next address of its own, of 198.18.0.0/15, which is nobody's.
    pub fn new_address(&mut self) -> [u8; 4] {
        self.last_address += 1;
        let [_, high, middle, low] = (self.last_address * 2).to_be_bytes();
        [198, 18 + high, middle, low + 1]
    }

    /// The next address of a body: on loopback, in a net of this emulator's
    /// own, and long unused.
    pub fn new_body_address(&mut self, [high, low]: [u8; 2]) -> [u8; 4] {
        for _ in 0..254 {
            self.last_body = self.last_body % 254 + 1;
            let text = format!("127.{high}.{low}.{}", self.last_body);
            if !self.primary_ips.values().any(|ip| ip.ip == text) {
                break;
            }
        }
        [127, high, low, self.last_body]
    }

    pub fn server(&self, id: u64) -> Result<&Server, Refusal> {
        self.servers.get(&id).ok_or_else(|| Refusal::not_found("server", id))
    }

    pub fn server_mut(&mut self, id: u64) -> Result<&mut Server, Refusal> {
        self.servers.get_mut(&id).ok_or_else(|| Refusal::not_found("server", id))
    }

    /// Everything, as the API draws it, for tests. Servers also tell what the
    /// API does not: `_user_data`, `_authorized_keys`, `_disk` (a number that
    /// a rebuild raises).
    pub fn draw_all(&self) -> Value {
        let mut servers: Vec<Value> = Vec::new();
        for server in self.servers.values() {
            let mut drawn = self.draw_server(server);
            drawn["_user_data"] = json!(server.user_data);
            drawn["_authorized_keys"] = json!(server.authorized_keys);
            drawn["_disk"] = json!(server.disk_number);
            servers.push(drawn);
        }
        let snapshots = self.images.values().filter(|image| image.is_own() && !image.is_deleted());
        let keys = self.ssh_keys.values();
        let groups = self.placement_groups.values();
        json!({
            "servers": servers,
            "ssh_keys": keys.map(SshKey::draw).collect::<Vec<Value>>(),
            "firewalls": self.firewalls.values().map(|f| self.draw_firewall(f)).collect::<Vec<Value>>(),
            "images": snapshots.map(Image::draw).collect::<Vec<Value>>(),
            "primary_ips": self.primary_ips.values().map(PrimaryIp::draw).collect::<Vec<Value>>(),
            "placement_groups": groups.map(|g| self.draw_placement_group(g)).collect::<Vec<Value>>(),
        })
    }
}
