//! Everything that the account holds, for tests: what EC2 would answer in every
//! region that was asked for anything, and what only the proxy knows.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::describe::{in_states, states_at_moto};
use super::form::Form;
use super::proxy::Proxy;
use super::xml::Element;

type Question = &'static [(&'static str, &'static str)];

/// A name in the answer, the question, the list in EC2's answer.
const KINDS: [(&str, Question, &str); 5] = [
    ("key_pairs", &[("Action", "DescribeKeyPairs")], "keySet"),
    ("security_groups", &[("Action", "DescribeSecurityGroups")], "securityGroupInfo"),
    ("images", &[("Action", "DescribeImages"), ("Owner.1", "self")], "imagesSet"),
    ("snapshots", &[("Action", "DescribeSnapshots"), ("Owner.1", "self")], "snapshotSet"),
    ("volumes", &[("Action", "DescribeVolumes")], "volumeSet"),
];

impl Proxy {
    pub async fn draw_all(&self) -> Value {
        let mut all = Map::new();
        let regions = self.core().regions.clone();
        for region in &regions {
            append(&mut all, "instances", self.draw_machines(region).await);
            for (name, question, list) in KINDS {
                let found = self.list(region, &Form::of(question), list).await;
                append(&mut all, name, found.iter().filter(|o| is_own(o)).map(draw).collect());
            }
        }
        Value::Object(all)
    }

    async fn list(&self, region: &str, question: &Form, list: &str) -> Vec<Element> {
        let call = Call {
            service: "ec2".to_owned(),
            region: region.to_owned(),
            action: question.get("Action").unwrap_or_default().to_owned(),
            form: question.clone(),
            ..Call::default()
        };
        let answer = self.run(&call).await.and_then(|reply| reply.document());
        answer.map(|answer| answer.items(list).cloned().collect()).unwrap_or_default()
    }

    /// Also those that other requests do not see yet.
    async fn draw_machines(&self, region: &str) -> Vec<Value> {
        let _turn = self.turn.lock().await;
        let states = states_at_moto(&self.core(), &[]);
        let question = in_states(Form::of(&[("Action", "DescribeInstances")]), states);
        let Ok(mut answer) = self.upstream.ask(region, &question).await else { return Vec::new() };
        self.draw_instances(&mut answer);
        let instances = answer.items("reservationSet").flat_map(|one| one.items("instancesSet"));
        let core = self.core();
        let is_remembered = |instance: &&Element| {
            let machine = core.machines.0.get(&instance.text("instanceId"));
            machine.is_none_or(|machine| core.now < machine.seen_until)
        };
        let drawn = instances.filter(is_remembered).map(|instance| {
            let mut drawn = draw(instance);
            if let Some(machine) = core.machines.0.get(&instance.text("instanceId")) {
                drawn["_user_data"] = json!(machine.user_data);
                drawn["_authorized_keys"] = json!(machine.authorized_keys);
                drawn["_ends_at_shutdown"] = json!(machine.ends_at_shutdown);
                drawn["_address"] = json!(machine.address());
                drawn["_boots"] = json!(machine.boots);
                drawn["_region"] = json!(machine.region);
                drawn["_state"] = json!(machine.phase.name());
            }
            drawn
        });
        drawn.collect()
    }
}

/// Every VPC has a group of the name `default`.
fn is_own(object: &Element) -> bool {
    object.text("groupName") != "default"
}

/// As JSON, with the tags as an object.
fn draw(object: &Element) -> Value {
    let tags = object.items("tagSet").map(|tag| (tag.text("key"), json!(tag.text("value"))));
    let tags = Value::Object(tags.collect());
    let mut drawn = object.json();
    drawn["_tags"] = tags;
    drawn
}

fn append(all: &mut Map<String, Value>, name: &str, found: Vec<Value>) {
    let list = all.entry(name).or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.extend(found);
    }
}
