//! Actions: what takes time, what it changes when it is done, and the lists
//! of them. Time is read, never waited for: whoever looks settles first.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::chassis::answer::Refuse;
use super::clock;
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, get};
use super::servers::Status;

pub const ROUTES: &[Route] = &[
    get("/actions", list_by_id),
    get("/actions/{id}", show),
    get("/servers/actions", list_of_collection),
    get("/servers/actions/{id}", show_of_collection),
    get("/servers/{id}/actions", list_of_object),
    get("/servers/{id}/actions/{action_id}", show_of_object),
    get("/images/actions", list_of_collection),
    get("/images/actions/{id}", show_of_collection),
    get("/images/{id}/actions", list_of_object),
    get("/images/{id}/actions/{action_id}", show_of_object),
    get("/firewalls/actions", list_of_collection),
    get("/firewalls/actions/{id}", show_of_collection),
    get("/firewalls/{id}/actions", list_of_object),
    get("/firewalls/{id}/actions/{action_id}", show_of_object),
    get("/primary_ips/actions", list_of_collection),
    get("/primary_ips/actions/{id}", show_of_collection),
    get("/primary_ips/{id}/actions", list_of_object),
    get("/primary_ips/{id}/actions/{action_id}", show_of_object),
];

/// Actions that ended are kept up to this number.
const REMEMBERED: usize = 20_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Action {
    pub id: u64,
    pub command: String,
    /// Type and id, such as `("server", 42)`.
    pub resources: Vec<(String, u64)>,
    pub started: u64,
    pub ends: u64,
    pub is_done: bool,
    /// The code and message that it will end with, when it is to fail.
    pub error: Option<(String, String)>,
    pub locks: Option<u64>,
    pub on_success: Effect,
    pub on_error: Effect,
}

/// What an action changes when it ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Effect {
    Nothing,
    /// The server has this status.
    Status(u64, Status),
    /// The guest was told to shut down, and will be off a little later.
    ShuttingDown(u64),
    Restarted(u64),
    Rebuilt(u64, u64),
    Retyped {
        server: u64,
        server_type: String,
        upgrade_disk: bool,
    },
    ImageReady(u64),
    ImageBroken(u64),
    FirewallApplied {
        firewall: u64,
        server: u64,
    },
    FirewallRemoved {
        firewall: u64,
        server: u64,
    },
    ServerGone(u64),
}

/// An action to be begun.
pub struct Start {
    pub command: &'static str,
    pub resources: Vec<(&'static str, u64)>,
    /// Begins to run after that one has ended.
    pub after: Option<u64>,
    pub locks: Option<u64>,
    pub on_success: Effect,
    pub on_error: Effect,
}

impl Start {
    /// An action on one object that changes nothing when it ends.
    pub fn on(kind: &'static str, id: u64, command: &'static str) -> Self {
        Self {
            command,
            resources: vec![(kind, id)],
            after: None,
            locks: None,
            on_success: Effect::Nothing,
            on_error: Effect::Nothing,
        }
    }

    /// An action on a server, which is locked meanwhile.
    pub fn on_server(id: u64, command: &'static str, on_success: Effect, on_error: Effect) -> Self {
        Self { locks: Some(id), on_success, on_error, ..Self::on("server", id, command) }
    }

    pub fn with(mut self, kind: &'static str, id: u64) -> Self {
        self.resources.push((kind, id));
        self
    }
}

impl Project {
    /// Begins an action and returns its id.
    pub fn begin(&mut self, start: Start) -> u64 {
        let id = self.new_id();
        let fault = self.faults.of_action(start.command);
        let error = fault.map(|fault| Refusal::scripted(&fault)).map(|r| (r.code, r.message));
        let begins = start.after.and_then(|other| self.actions.get(&other)).map(|a| a.ends);
        let ends = begins.unwrap_or(self.now) + self.terms.action_times.of(start.command);
        if let Some(server) = start.locks.and_then(|server| self.servers.get_mut(&server)) {
            server.locked_by.push(id);
        }
        let resources = start.resources.iter().map(|(kind, id)| ((*kind).to_owned(), *id));
        self.running.insert((ends, id));
        self.actions.insert(
            id,
            Action {
                id,
                command: start.command.to_owned(),
                resources: resources.collect(),
                started: self.now,
                ends,
                is_done: false,
                error,
                locks: start.locks,
                on_success: start.on_success,
                on_error: start.on_error,
            },
        );
        id
    }

    pub fn draw_action(&self, id: u64) -> Value {
        self.actions.get(&id).map_or(Value::Null, |action| action.draw(self.now))
    }

    /// `{"action": …}` with the status that the API answers new actions with.
    pub fn answer_action(&self, id: u64) -> Result<Answer, Refusal> {
        Answer::created(json!({"action": self.draw_action(id)}))
    }

    /// Ends every action whose time has come, in order.
    pub fn settle(&mut self) {
        while let Some(&(ends, id)) = self.running.first().filter(|(ends, _)| *ends <= self.now) {
            self.running.remove(&(ends, id));
            self.end_action(id, ends);
        }
        self.settle_shutdowns();
        while self.actions.len() > REMEMBERED && self.actions.len() > self.running.len() {
            let Some(oldest) = self.actions.values().find(|a| a.is_done).map(|a| a.id) else {
                break;
            };
            self.actions.remove(&oldest);
        }
    }

    fn end_action(&mut self, id: u64, at: u64) {
        let Some(action) = self.actions.get_mut(&id) else { return };
        action.is_done = true;
        let locks = action.locks;
        let failed = action.error.is_some();
        let effect = if failed { &action.on_error } else { &action.on_success }.clone();
        if let Some(server) = locks.and_then(|server| self.servers.get_mut(&server)) {
            server.locked_by.retain(|lock| *lock != id);
        }
        self.apply(effect, at);
    }

    fn apply(&mut self, effect: Effect, at: u64) {
        match effect {
            Effect::Nothing => {}
            Effect::Status(server, status) => self.set_status(server, status),
            Effect::ShuttingDown(server) => self.begin_shutdown(server, at),
            Effect::Restarted(server) => self.restart(server),
            Effect::Rebuilt(server, image) => self.finish_rebuild(server, image),
            Effect::Retyped { server, server_type, upgrade_disk } => {
                self.finish_change_type(server, &server_type, upgrade_disk);
            }
            Effect::ImageReady(image) => self.finish_image(image, "available"),
            Effect::ImageBroken(image) => self.finish_image(image, "unavailable"),
            Effect::FirewallApplied { firewall, server } => {
                self.finish_applying(firewall, server);
            }
            Effect::FirewallRemoved { firewall, server } => {
                self.finish_removing(firewall, server);
            }
            Effect::ServerGone(server) => self.forget_server(server),
        }
    }
}

impl Action {
    fn status(&self) -> &'static str {
        match (self.is_done, &self.error) {
            (false, _) => "running",
            (true, None) => "success",
            (true, Some(_)) => "error",
        }
    }

    fn progress(&self, now: u64) -> u64 {
        if self.is_done {
            return 100;
        }
        let whole = (self.ends - self.started).max(1);
        (now.saturating_sub(self.started) * 100 / whole).min(99)
    }

    pub fn draw(&self, now: u64) -> Value {
        let error = self.error.as_ref().filter(|_| self.is_done);
        let resources: Vec<Value> =
            self.resources.iter().map(|(kind, id)| json!({"id": id, "type": kind})).collect();
        json!({
            "id": self.id,
            "command": self.command,
            "status": self.status(),
            "progress": self.progress(now),
            "started": clock::text(self.started),
            "finished": self.is_done.then(|| clock::text(self.ends)),
            "resources": resources,
            "error": error.map(|(code, message)| json!({"code": code, "message": message})),
        })
    }

    fn is_about(&self, kind: &str, id: Option<u64>) -> bool {
        self.resources.iter().any(|(k, i)| k == kind && id.is_none_or(|id| id == *i))
    }
}

impl Listed for Action {
    fn id(&self) -> u64 {
        self.id
    }

    fn compare(&self, other: &Self, field: &str) -> std::cmp::Ordering {
        match field {
            "command" => self.command.cmp(&other.command),
            "status" => self.status().cmp(other.status()),
            "started" => self.started.cmp(&other.started),
            "finished" => self.ends.cmp(&other.ends),
            _ => self.id.cmp(&other.id),
        }
    }
}

fn list_by_id(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    if request.first("id").is_none() {
        return Err(Refusal::new(
            "deprecated_api_endpoint",
            "listing arbitrary actions is gone: give the parameter id",
        ));
    }
    list(project, request, |_| true)
}

fn list_of_collection(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let kind = kind_of(request);
    list(project, request, |action| action.is_about(kind, None))
}

fn list_of_object(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let kind = kind_of(request);
    list(project, request, |action| action.is_about(kind, Some(request.id)))
}

fn list(
    project: &Project,
    request: &Request,
    belongs: impl Fn(&Action) -> bool,
) -> Result<Answer, Refusal> {
    let statuses: Vec<&str> = request.all("status").collect();
    let ids: Vec<u64> = request.all("id").filter_map(|id| id.parse().ok()).collect();
    let objects = project.actions.values().filter(|action| {
        belongs(action)
            && (statuses.is_empty() || statuses.contains(&action.status()))
            && (ids.is_empty() || ids.contains(&action.id))
    });
    let sortable = &["id", "command", "status", "started", "finished"];
    Listing { key: "actions", sortable, objects: objects.collect() }
        .answer(request, |action| action.draw(project.now))
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    answer_one(project, request.id, |_| true)
}

fn show_of_collection(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    answer_one(project, request.id, |action| action.is_about(kind_of(request), None))
}

fn show_of_object(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let of_object = |action: &Action| action.is_about(kind_of(request), Some(request.id));
    answer_one(project, request.action_id, of_object)
}

fn answer_one(
    project: &Project,
    id: u64,
    belongs: impl Fn(&Action) -> bool,
) -> Result<Answer, Refusal> {
    match project.actions.get(&id).filter(|action| belongs(action)) {
        Some(action) => Answer::ok(json!({"action": action.draw(project.now)})),
        None => Err(Refusal::not_found("action", id)),
    }
}

/// The type that resources of actions have: `server` for `/servers`.
fn kind_of(request: &Request) -> &'static str {
    request.collection().trim_end_matches('s')
}
