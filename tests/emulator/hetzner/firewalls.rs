//! Firewalls: their rules, and the servers and label selectors they are
//! applied to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actions::{Effect, Start};
use super::answer::{Answer, Refusal};
use super::clock;
use super::firewall_rules as rules;
use super::labels::{Labels, Selector};
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::{Fields, Request};
use super::routes::{Route, delete, get, post, put};
use super::servers::Server;

pub const ROUTES: &[Route] = &[
    get("/firewalls", list),
    post("/firewalls", create),
    get("/firewalls/{id}", show),
    put("/firewalls/{id}", update),
    delete("/firewalls/{id}", remove),
    post("/firewalls/{id}/actions/set_rules", set_rules),
    post("/firewalls/{id}/actions/apply_to_resources", apply),
    post("/firewalls/{id}/actions/remove_from_resources", detach),
];

/// A server can have so many.
const MOST_ON_A_SERVER: usize = 5;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Firewall {
    id: u64,
    name: String,
    labels: Labels,
    rules: Vec<Value>,
    /// Servers by id, and whether the rules are in force there yet.
    servers: BTreeMap<u64, bool>,
    selectors: Vec<String>,
    created: u64,
}

/// What a firewall is applied to.
enum Target {
    Server(u64),
    Selector(String),
}

impl Listed for Firewall {
    fn id(&self) -> u64 {
        self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn created(&self) -> u64 {
        self.created
    }
    fn labels(&self) -> Option<&Labels> {
        Some(&self.labels)
    }
}

impl Firewall {
    fn selects(&self, server: &Server) -> bool {
        let mut selectors = self.selectors.iter().filter_map(|text| Selector::parse(text).ok());
        selectors.any(|selector| selector.matches(&server.labels))
    }

    /// Whether the rules are in force on a server, or on their way to it.
    fn status_on(&self, server: &Server) -> Option<&'static str> {
        match self.servers.get(&server.id) {
            Some(true) => Some("applied"),
            Some(false) => Some("pending"),
            None => self.selects(server).then_some("applied"),
        }
    }
}

impl Project {
    pub fn draw_firewall(&self, firewall: &Firewall) -> Value {
        let servers = firewall.servers.keys();
        let mut applied: Vec<Value> =
            servers.map(|id| json!({"type": "server", "server": {"id": id}})).collect();
        for text in &firewall.selectors {
            let chosen = self.select_servers(text);
            let chosen = chosen.map(|id| json!({"type": "server", "server": {"id": id}}));
            applied.push(json!({
                "type": "label_selector",
                "label_selector": {"selector": text},
                "applied_to_resources": chosen.collect::<Vec<Value>>(),
            }));
        }
        json!({
            "id": firewall.id,
            "name": firewall.name,
            "labels": firewall.labels,
            "created": clock::text(firewall.created),
            "rules": firewall.rules,
            "applied_to": applied,
        })
    }

    fn select_servers(&self, text: &str) -> impl Iterator<Item = u64> {
        let selector = Selector::parse(text).ok();
        let matches = move |server: &&Server| {
            selector.as_ref().is_some_and(|selector| selector.matches(&server.labels))
        };
        self.servers.values().filter(matches).map(|server| server.id)
    }

    /// The `public_net.firewalls` of a server.
    pub fn draw_firewalls_of(&self, server: &Server) -> Vec<Value> {
        let statuses = self.firewalls.values().map(|f| (f.id, f.status_on(server)));
        let present = statuses.filter_map(|(id, status)| status.map(|status| (id, status)));
        present.map(|(id, status)| json!({"id": id, "status": status})).collect()
    }

    pub fn finish_applying(&mut self, firewall: u64, server: u64) {
        let firewall = self.firewalls.get_mut(&firewall);
        if let Some(applied) = firewall.and_then(|f| f.servers.get_mut(&server)) {
            *applied = true;
        }
    }

    pub fn finish_removing(&mut self, firewall: u64, server: u64) {
        if let Some(firewall) = self.firewalls.get_mut(&firewall) {
            firewall.servers.remove(&server);
        }
    }

    pub fn detach_firewalls(&mut self, server: u64) {
        self.firewalls.values_mut().for_each(|firewall| {
            firewall.servers.remove(&server);
        });
    }

    /// Begins to apply a firewall to a server and returns the action.
    pub fn begin_applying(&mut self, firewall: u64, server: u64) -> u64 {
        if let Some(firewall) = self.firewalls.get_mut(&firewall) {
            firewall.servers.insert(server, false);
        }
        let mut start = Start::on("firewall", firewall, "apply_firewall").with("server", server);
        start.on_success = Effect::FirewallApplied { firewall, server };
        start.on_error = Effect::FirewallRemoved { firewall, server };
        self.begin(start)
    }

    fn firewall_mut(&mut self, id: u64) -> Result<&mut Firewall, Refusal> {
        self.firewalls.get_mut(&id).ok_or_else(|| Refusal::not_found("firewall", id))
    }

    fn begin_setting_rules(&mut self, id: u64) -> u64 {
        self.begin(Start::on("firewall", id, "set_firewall_rules"))
    }

    fn answer_actions(&self, actions: &[u64]) -> Result<Answer, Refusal> {
        let actions: Vec<Value> = actions.iter().map(|id| self.draw_action(*id)).collect();
        Answer::created(json!({ "actions": actions }))
    }
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let objects = project.firewalls.values().collect();
    Listing { key: "firewalls", sortable: &["id", "name", "created"], objects }
        .answer(request, |firewall| project.draw_firewall(firewall))
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let firewall = project.firewall_mut(request.id)?.clone();
    Answer::ok(json!({"firewall": project.draw_firewall(&firewall)}))
}

fn create(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let name = fields.required_text("name");
    if fields.has("name") && !(1..=128).contains(&name.len()) {
        fields.problem("name", "Length must be between 1 and 128.");
    }
    let labels = fields.labels().unwrap_or_default();
    let rules = rules::read(&mut fields);
    let targets = read_targets(&mut fields, "apply_to");
    fields.finish()?;
    refuse_same_name(project, 0, &name)?;
    check_targets(project, &targets)?;
    let id = project.new_id();
    let (servers, selectors) = (BTreeMap::new(), Vec::new());
    let created = project.now;
    project.firewalls.insert(id, Firewall { id, name, labels, rules, servers, selectors, created });
    let mut actions = vec![project.begin_setting_rules(id)];
    actions.extend(begin_targets(project, id, targets));
    let drawn = project.firewalls.get(&id).map(|firewall| project.draw_firewall(firewall));
    let actions: Vec<Value> = actions.iter().map(|id| project.draw_action(*id)).collect();
    Answer::created(json!({"firewall": drawn, "actions": actions}))
}

fn refuse_same_name(project: &Project, id: u64, name: &str) -> Result<(), Refusal> {
    match project.firewalls.values().any(|f| f.id != id && f.name == name) {
        true => Err(Refusal::not_unique("name", "firewall name is already used")),
        false => Ok(()),
    }
}

fn update(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (name, labels) = (fields.text("name"), fields.labels());
    fields.finish()?;
    if let Some(name) = &name {
        refuse_same_name(project, request.id, name)?;
    }
    let firewall = project.firewall_mut(request.id)?;
    firewall.name = name.unwrap_or(firewall.name.clone());
    firewall.labels = labels.unwrap_or(firewall.labels.clone());
    show(project, request)
}

fn remove(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let firewall = project.firewall_mut(request.id)?;
    if !firewall.servers.is_empty() || !firewall.selectors.is_empty() {
        let message = format!("firewall with ID '{}' is still in use", request.id);
        return Err(Refusal::new("resource_in_use", message));
    }
    project.firewalls.remove(&request.id);
    Answer::nothing()
}

fn set_rules(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("rules");
    let rules = rules::read(&mut fields);
    fields.finish()?;
    let firewall = project.firewall_mut(request.id)?;
    firewall.rules = rules;
    let servers: Vec<u64> = firewall.servers.keys().copied().collect();
    let mut actions = vec![project.begin_setting_rules(request.id)];
    for server in servers {
        actions.push(project.begin_applying(request.id, server));
    }
    project.answer_actions(&actions)
}

fn apply(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("apply_to");
    let targets = read_targets(&mut fields, "apply_to");
    fields.finish()?;
    check_targets(project, &targets)?;
    let firewall = project.firewall_mut(request.id)?;
    let has = |target: &Target| match target {
        Target::Server(id) => firewall.servers.contains_key(id),
        Target::Selector(text) => firewall.selectors.contains(text),
    };
    if targets.iter().any(has) {
        return Err(Refusal::new("firewall_already_applied", "firewall is applied already"));
    }
    let actions = begin_targets(project, request.id, targets);
    project.answer_actions(&actions)
}

fn detach(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("remove_from");
    let targets = read_targets(&mut fields, "remove_from");
    fields.finish()?;
    let firewall = project.firewall_mut(request.id)?.clone();
    let mut actions = Vec::new();
    for target in targets {
        actions.push(match target {
            Target::Server(server) => detach_server(project, &firewall, server)?,
            Target::Selector(text) => {
                project.firewall_mut(request.id)?.selectors.retain(|other| *other != text);
                project.begin(Start::on("firewall", request.id, "remove_firewall"))
            }
        });
    }
    project.answer_actions(&actions)
}

fn detach_server(project: &mut Project, firewall: &Firewall, server: u64) -> Result<u64, Refusal> {
    let known = project.server(server).ok();
    if known.is_some_and(|s| !firewall.servers.contains_key(&server) && firewall.selects(s)) {
        let message = "the firewall is applied through a label selector";
        return Err(Refusal::new("firewall_managed_by_label_selector", message));
    }
    if !firewall.servers.contains_key(&server) {
        return Err(Refusal::new("firewall_resource_not_found", "not applied to this server"));
    }
    let mut start = Start::on("firewall", firewall.id, "remove_firewall").with("server", server);
    start.on_success = Effect::FirewallRemoved { firewall: firewall.id, server };
    Ok(project.begin(start))
}

fn read_targets(fields: &mut Fields<'_>, field: &str) -> Vec<Target> {
    let mut targets = Vec::new();
    for item in fields.list(field) {
        let selector = item["label_selector"]["selector"].as_str();
        match (item["type"].as_str(), item["server"]["id"].as_u64(), selector) {
            (Some("server"), Some(id), _) => targets.push(Target::Server(id)),
            (Some("label_selector"), _, Some(text)) if Selector::parse(text).is_ok() => {
                targets.push(Target::Selector(text.to_owned()));
            }
            _ => fields.problem(field, "Not a server or a label selector."),
        }
    }
    targets
}

fn check_targets(project: &Project, targets: &[Target]) -> Result<(), Refusal> {
    for target in targets {
        if let Target::Server(id) = target {
            check_server(project, *id)?;
        }
    }
    Ok(())
}

fn check_server(project: &Project, id: u64) -> Result<(), Refusal> {
    let Some(server) = project.servers.get(&id) else {
        let message = format!("server with ID '{id}' not found");
        return Err(Refusal::new("firewall_resource_not_found", message));
    };
    if server.ipv4.is_none() && server.ipv6.is_none() {
        return Err(Refusal::new("private_net_only_server", "the server has no public interface"));
    }
    if project.draw_firewalls_of(server).len() >= MOST_ON_A_SERVER {
        return Err(Refusal::new("resource_limit_exceeded", "the server has five firewalls"));
    }
    Ok(())
}

fn begin_targets(project: &mut Project, firewall: u64, targets: Vec<Target>) -> Vec<u64> {
    let begin = |target| match target {
        Target::Server(server) => project.begin_applying(firewall, server),
        Target::Selector(text) => {
            if let Some(firewall) = project.firewalls.get_mut(&firewall) {
                firewall.selectors.push(text);
            }
            project.begin(Start::on("firewall", firewall, "apply_firewall"))
        }
    };
    targets.into_iter().map(begin).collect()
}
