//! Operations: what takes time, what it changes on the way and at its end.
//! Time is read, never waited for: whoever looks settles first.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::aggregated::{self, Aggregate};
use super::chassis::answer::Answer;
use super::chassis::faults::{Fault, Kind};
use super::compute::Compute;
use super::lists;
use super::object::timestamp;
use super::paths::{link, name_of, part, project_of, scope_of};
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, get, post};

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/aggregated/operations", list_everywhere),
    get("/projects/{project}/zones/{zone}/operations", list),
    get("/projects/{project}/zones/{zone}/operations/{operation}", show),
    post("/projects/{project}/zones/{zone}/operations/{operation}/wait", wait),
    get("/projects/{project}/regions/{region}/operations", list),
    get("/projects/{project}/regions/{region}/operations/{operation}", show),
    post("/projects/{project}/regions/{region}/operations/{operation}/wait", wait),
    get("/projects/{project}/global/operations", list),
    get("/projects/{project}/global/operations/{operation}", show),
    post("/projects/{project}/global/operations/{operation}/wait", wait),
];

/// Operations are kept up to this number.
const REMEMBERED: usize = 20_000;

/// A call of `wait` is answered after this at the latest, in milliseconds.
const LONGEST_WAIT: u64 = 120_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    pub id: u64,
    /// Such as `insert`.
    pub kind: String,
    pub target: String,
    target_id: u64,
    client_id: Option<String>,
    user: String,
    inserted: u64,
    pub ends: u64,
    pub is_done: bool,
    /// What it will end with, when it is to fail.
    failure: Option<Failure>,
    /// What happens on the way.
    stages: VecDeque<(u64, Effect)>,
    on_success: Vec<Effect>,
    on_error: Vec<Effect>,
}

/// The error in an operation, and the HTTP status that it stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    code: String,
    message: String,
    status: u16,
}

/// What an operation changes; the text is the path of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Effect {
    Status(String, String),
    /// The guest of an instance has started.
    Started(String),
    /// The guest of an instance is off.
    Stopped(String),
    InstanceGone(String),
    Gone(String),
}

/// An operation to be begun.
pub struct Start {
    pub kind: &'static str,
    pub target: String,
    /// Begins to run after the operation with this path.
    pub after: Option<String>,
    /// What happens on the way, each with the part (of 100) of the time until it.
    pub stages: Vec<(u64, Effect)>,
    pub failure: Option<Failure>,
    pub on_success: Vec<Effect>,
    pub on_error: Vec<Effect>,
    pub user: &'static str,
}

impl Start {
    /// An operation that changes nothing when it ends.
    pub fn on(kind: &'static str, target: &str) -> Self {
        Self {
            kind,
            target: target.to_owned(),
            after: None,
            stages: Vec::new(),
            failure: None,
            on_success: Vec::new(),
            on_error: Vec::new(),
            user: "emulator@example.com",
        }
    }

    pub fn then(mut self, effect: Effect) -> Self {
        self.on_success.push(effect);
        self
    }

    pub fn or_else(mut self, effect: Effect) -> Self {
        self.on_error.push(effect);
        self
    }

    pub fn stage(mut self, part: u64, effect: Effect) -> Self {
        self.stages.push((part, effect));
        self
    }
}

impl Failure {
    /// There is no room for an instance in a zone.
    pub fn no_room(zone: &str, code: &str, message: Option<&String>) -> Self {
        let usual = format!(
            "The zone '{zone}' does not have enough resources available to fulfill the request.  \
             Try a different zone, or try again later."
        );
        let message = message.cloned().unwrap_or(usual);
        Self { code: code.to_owned(), message, status: 503 }
    }

    pub fn quota(metric: &str, limit: u64, region: &str) -> Self {
        let message = format!("Quota '{metric}' exceeded.  Limit: {limit}.0 in region {region}.");
        Self { code: "QUOTA_EXCEEDED".to_owned(), message, status: 403 }
    }

    /// What a scripted fault makes of an order in a zone (a path).
    pub fn of_order(fault: &Fault, zone: &str) -> Self {
        match fault.kind {
            Kind::QuotaExceeded => {
                let region = super::paths::region_of(name_of(zone));
                Self::quota(fault.code.as_deref().unwrap_or("CPUS"), 0, region)
            }
            _ => {
                let code = fault.code.as_deref().unwrap_or("ZONE_RESOURCE_POOL_EXHAUSTED");
                Self::no_room(zone, code, fault.message.as_ref())
            }
        }
    }

    fn scripted(fault: &Fault) -> Self {
        let code = fault.code.clone().unwrap_or_else(|| "INTERNAL_ERROR".to_owned());
        let usual = || format!("{code} (scripted fault)");
        let message = fault.message.clone().unwrap_or_else(usual);
        Self { code, message, status: fault.status.unwrap_or(500) }
    }

    fn http_message(&self) -> &'static str {
        match self.status {
            400 => "BAD REQUEST",
            403 => "FORBIDDEN",
            404 => "NOT FOUND",
            409 => "CONFLICT",
            503 => "SERVICE UNAVAILABLE",
            _ => "INTERNAL SERVER ERROR",
        }
    }
}

impl Operation {
    pub fn next_due(&self) -> u64 {
        self.stages.front().map_or(self.ends, |(time, _)| *time)
    }

    fn status(&self, now: u64) -> &'static str {
        match self.is_done {
            true => "DONE",
            false if now <= self.inserted => "PENDING",
            false => "RUNNING",
        }
    }

    fn progress(&self, now: u64) -> u64 {
        if self.is_done {
            return 100;
        }
        let whole = (self.ends - self.inserted).max(1);
        (now.saturating_sub(self.inserted) * 100 / whole).min(99)
    }

    fn draw(&self, path: &str, now: u64) -> Value {
        let mut drawn = json!({
            "kind": "compute#operation",
            "id": self.id.to_string(),
            "name": name_of(path),
            "operationType": self.kind,
            "targetLink": link(&self.target),
            "targetId": self.target_id.to_string(),
            "status": self.status(now),
            "user": self.user,
            "progress": self.progress(now),
            "insertTime": timestamp(self.inserted),
            "startTime": timestamp(self.inserted),
            "selfLink": link(path),
        });
        if let Some((kind @ ("zones" | "regions"), _)) = scope_of(path).split_once('/') {
            let home = format!("projects/{}/{}", project_of(path), scope_of(path));
            drawn[kind.trim_end_matches('s')] = link(&home).into();
        }
        if let Some(id) = &self.client_id {
            drawn["clientOperationId"] = id.clone().into();
        }
        if self.is_done {
            drawn["endTime"] = timestamp(self.ends).into();
        }
        if let Some(failure) = self.failure.as_ref().filter(|_| self.is_done) {
            let (code, message) = (&failure.code, &failure.message);
            drawn["error"] = json!({"errors": [{"code": code, "message": message}]});
            drawn["httpErrorStatusCode"] = failure.status.into();
            drawn["httpErrorMessage"] = failure.http_message().into();
        }
        drawn
    }
}

impl Compute {
    /// Begins an operation and returns its path.
    pub fn begin(&mut self, start: Start) -> String {
        let id = self.new_id();
        let fault = self.faults.of_action(start.kind);
        let failure = start.failure.or_else(|| fault.as_ref().map(Failure::scripted));
        let after = start.after.and_then(|path| self.operations.get(&path)).map(|o| o.ends);
        let begins = after.unwrap_or(self.now);
        let time = self.terms.operation_times.of(start.kind);
        let at = |(part, effect): (u64, Effect)| (begins + time * part / 100, effect);
        let operation = Operation {
            id,
            kind: start.kind.to_owned(),
            target_id: self.objects.get(&start.target).map(|o| o.id).unwrap_or_default(),
            client_id: None,
            user: start.user.to_owned(),
            inserted: self.now,
            ends: begins + time,
            is_done: false,
            failure,
            stages: start.stages.into_iter().map(at).collect(),
            on_success: start.on_success,
            on_error: start.on_error,
            target: start.target,
        };
        let home =
            format!("projects/{}/{}", project_of(&operation.target), scope_of(&operation.target));
        let path = format!("{home}/operations/operation-{:013}-{id:x}", self.now);
        self.running.insert((operation.next_due(), path.clone()));
        self.history.push_back(path.clone());
        self.operations.insert(path.clone(), operation);
        path
    }

    /// Begins an operation and answers it.
    pub fn answer_begun(&mut self, start: Start) -> Result<Answer, Refusal> {
        let path = self.begin(start);
        self.answer_operation(&path)
    }

    pub fn answer_operation(&self, path: &str) -> Result<Answer, Refusal> {
        let operation = self.operations.get(path).ok_or_else(|| Refusal::not_found(path))?;
        Answer::ok(operation.draw(path, self.now))
    }

    /// Whether an operation that is about to begin is scripted to fail: then it
    /// must not change anything now.
    pub fn will_fail(&self, kind: &str) -> bool {
        self.faults.clone().of_action(kind).is_some()
    }

    /// The operation of a type that runs on an object.
    pub fn running_on(&self, target: &str, kind: &str) -> Option<String> {
        let paths = self.running.iter().map(|(_, path)| path);
        let mut operations = paths.filter_map(|path| Some((path, self.operations.get(path)?)));
        let found = operations.find(|(_, o)| o.target == target && o.kind == kind);
        found.map(|(path, _)| path.clone())
    }

    /// Does everything whose time has come, in order.
    pub fn settle(&mut self) {
        self.settle_expiries();
        while let Some((due, path)) = self.running.first().filter(|(due, _)| *due <= self.now) {
            let (due, path) = (*due, path.clone());
            self.running.remove(&(due, path.clone()));
            self.move_on(&path);
            self.settle_expiries();
        }
        while self.history.len() > REMEMBERED {
            let oldest = self.history.pop_front().unwrap_or_default();
            self.operations.remove(&oldest);
        }
    }

    /// Takes an operation to its next stage, or to its end.
    fn move_on(&mut self, path: &str) {
        let Some(operation) = self.operations.get_mut(path) else { return };
        if let Some((at, effect)) = operation.stages.pop_front() {
            self.running.insert((operation.next_due(), path.to_owned()));
            return self.apply(effect, at);
        }
        operation.is_done = true;
        let ends = operation.ends;
        let effects = match operation.failure {
            None => operation.on_success.clone(),
            Some(_) => operation.on_error.clone(),
        };
        effects.into_iter().for_each(|effect| self.apply(effect, ends));
    }

    fn apply(&mut self, effect: Effect, at: u64) {
        match effect {
            Effect::Status(path, status) => {
                if let Some(object) = self.objects.get_mut(&path) {
                    object.set("status", status);
                }
            }
            Effect::Started(path) => self.guest_started(&path, at),
            Effect::Stopped(path) => self.guest_stopped(&path, at),
            Effect::InstanceGone(path) => self.forget_instance(&path),
            Effect::Gone(path) => drop(self.objects.remove(&path)),
        }
    }
}

fn list(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let prefix = format!("{}/", request.path);
    let from = compute.operations.range(prefix.clone()..);
    let here = from.take_while(|(path, _)| path.starts_with(&prefix));
    let drawn: Vec<(String, Value)> =
        here.map(|(path, operation)| (path.clone(), operation.draw(path, compute.now))).collect();
    let listed = drawn.iter().map(|(path, value)| (path.clone(), value)).collect();
    lists::answer(request, "operation", listed)
}

fn list_everywhere(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let unreachable = aggregated::unreachable(compute);
    let of_project = compute.operations.iter().filter(|(p, _)| project_of(p) == request.project());
    let drawn: Vec<(String, Value)> =
        of_project.map(|(path, o)| (path.clone(), o.draw(path, compute.now))).collect();
    let objects = drawn.iter().map(|(path, value)| (path.clone(), value)).collect();
    let aggregate = Aggregate { kind: "operation", collection: "operations", objects };
    aggregated::answer(request, aggregate, &unreachable)
}

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    compute.answer_operation(&request.target())
}

/// Answers when the operation is done, or after two minutes.
fn wait(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let operation = compute.operations.get(&path).ok_or_else(|| Refusal::not_found(&path))?;
    let is_late = compute.now >= request.received + LONGEST_WAIT;
    if operation.is_done || is_late {
        return compute.answer_operation(&path);
    }
    // Its time may be changed meanwhile, by `/_clock`.
    let left = operation.ends.saturating_sub(compute.now).clamp(1, 50);
    Answer::later(Duration::from_millis(left))
}

/// The scope and the name of an operation, for those that were begun before.
pub fn path_of(answer: &Answer) -> Option<String> {
    let link = answer.body["selfLink"].as_str()?;
    let path = super::paths::resolve("", link);
    part(&path, "operations").is_some().then_some(path)
}
