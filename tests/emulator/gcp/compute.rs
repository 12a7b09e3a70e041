//! Everything that there is: objects by path, operations, and what happens to
//! them as time goes on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chassis::faults::Faults;
use super::object::Object;
use super::operations::Operation;
use super::paths::{name_of, part};
use super::public_images;
use super::refusal::Refusal;
use super::settings::OperationTimes;

/// This is what a state file holds.
#[derive(Default, Serialize, Deserialize)]
pub struct Compute {
    last_id: u64,
    last_address: u32,
    last_body: u8,
    /// By path, such as `projects/p/zones/z/instances/n`.
    pub objects: BTreeMap<String, Object>,
    pub operations: BTreeMap<String, Operation>,
    /// Paths of operations, the oldest first.
    pub history: VecDeque<String>,
    /// What each `requestId` was used for, and the operation it began.
    pub receipts: BTreeMap<String, (String, String)>,
    /// The next thing that is due of each operation that runs.
    #[serde(skip)]
    pub running: BTreeSet<(u64, String)>,
    /// When instances have run as long as they may.
    #[serde(skip)]
    pub expiries: BTreeSet<(u64, String)>,
    #[serde(skip)]
    pub faults: Faults,
    #[serde(skip)]
    pub terms: Terms,
    /// The time of the request at hand.
    #[serde(skip)]
    pub now: u64,
}

/// What there may be, and how long operations take.
#[derive(Clone, Default)]
pub struct Terms {
    pub project: Option<String>,
    pub operation_times: OperationTimes,
    pub cpu_quota: u64,
    /// The net 127.x.y.0/24 of the instances' bodies, where they have any.
    pub body_net: Option<[u8; 2]>,
    /// Where bodies are kept.
    pub bodies: Option<PathBuf>,
}

impl Compute {
    /// Makes ready what a state file does not hold.
    pub fn resume(mut self, terms: Terms) -> Self {
        for (path, image) in public_images::all() {
            self.objects.entry(path).or_insert(image);
        }
        let unfinished = self.operations.iter().filter(|(_, operation)| !operation.is_done);
        self.running = unfinished.map(|(path, o)| (o.next_due(), path.clone())).collect();
        let ending = self.objects.iter();
        self.expiries =
            ending.filter_map(|(path, o)| Some((o.guest.expires?, path.clone()))).collect();
        self.terms = terms;
        self
    }

    /// Ids have nineteen digits, and later ones are greater.
    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        4_000_000_000_000_000_000 + self.last_id * 7_919
    }

    pub fn new_object(&mut self, kind: &str, path: &str) -> Object {
        let id = self.new_id();
        Object::new(kind, path, (id, self.now))
    }

    /// The next external address, of 198.18.0.0/15, which is nobody's; with
    /// bodies one on loopback, in a net of this emulator's own, and long unused.
    pub fn new_address(&mut self) -> String {
        if let Some([high, low]) = self.terms.body_net {
            self.last_body = self.last_body % 254 + 1;
            return format!("127.{high}.{low}.{}", self.last_body);
        }
        self.last_address += 1;
        let [_, high, middle, low] = self.last_address.to_be_bytes();
        format!("198.{}.{middle}.{low}", 18 + high)
    }

    pub fn object(&self, path: &str) -> Result<&Object, Refusal> {
        self.objects.get(path).ok_or_else(|| Refusal::not_found(path))
    }

    pub fn object_mut(&mut self, path: &str) -> Result<&mut Object, Refusal> {
        self.objects.get_mut(path).ok_or_else(|| Refusal::not_found(path))
    }

    pub fn refuse_same_name(&self, path: &str) -> Result<(), Refusal> {
        match self.objects.contains_key(path) {
            true => Err(Refusal::exists(path)),
            false => Ok(()),
        }
    }

    /// The objects directly below a path that ends in a slash, by name.
    pub fn below<'a>(
        &'a self,
        prefix: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Object)> + use<'a> {
        let prefix = prefix.to_owned();
        let from = self.objects.range(prefix.clone()..);
        from.take_while(move |(path, _)| path.starts_with(&prefix))
    }

    /// All objects of a collection in a project, wherever they live.
    pub fn of_kind<'a>(
        &'a self,
        project: &str,
        collection: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Object)> {
        let below = self.below(&format!("projects/{project}/"));
        below.filter(move |(path, _)| part(path, collection) == Some(name_of(path)))
    }

    /// Everything of all projects but the public ones, by collection. Instances
    /// also tell what the API does not: `_boots`, `_expires`.
    pub fn draw_all(&self) -> Value {
        let mut all: Map<String, Value> = Map::new();
        for collection in ["instances", "disks", "images", "snapshots", "firewalls", "projects"] {
            all.insert(collection.to_owned(), json!([]));
        }
        let own = self.objects.iter().filter(|(path, _)| !public_images::is_public(path));
        for (path, object) in own {
            let collection = path.rsplit('/').nth(1).unwrap_or_default();
            let mut drawn = object.body.clone();
            if collection == "instances" {
                drawn["_boots"] = object.guest.boots.into();
                drawn["_expires"] = json!(object.guest.expires);
            }
            let list = all.entry(collection).or_insert_with(|| json!([]));
            list.as_array_mut().into_iter().for_each(|list| list.push(drawn.clone()));
        }
        Value::Object(all)
    }
}
