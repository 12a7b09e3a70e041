//! Primary IPs: made with servers or apart, given to one server at a time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actions::Start;
use super::answer::{Answer, Refusal};
use super::clock;
use super::labels::Labels;
use super::locations;
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, delete, get, post, put};
use super::servers::Status;

pub const ROUTES: &[Route] = &[
    get("/primary_ips", list),
    post("/primary_ips", create),
    get("/primary_ips/{id}", show),
    put("/primary_ips/{id}", update),
    delete("/primary_ips/{id}", remove),
    post("/primary_ips/{id}/actions/assign", assign),
    post("/primary_ips/{id}/actions/unassign", unassign),
    post("/primary_ips/{id}/actions/change_protection", change_protection),
];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PrimaryIp {
    pub id: u64,
    name: String,
    labels: Labels,
    pub is_ipv4: bool,
    pub ip: String,
    pub location: String,
    /// The server that has it.
    pub assignee: Option<u64>,
    pub auto_delete: bool,
    is_protected: bool,
    created: u64,
}

impl PrimaryIp {
    pub fn draw(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "labels": self.labels,
            "type": if self.is_ipv4 { "ipv4" } else { "ipv6" },
            "ip": self.ip,
            "assignee_id": self.assignee,
            "assignee_type": if self.assignee.is_some() { "server" } else { "unassigned" },
            "auto_delete": self.auto_delete,
            "blocked": false,
            "created": clock::text(self.created),
            "dns_ptr": self.draw_dns(),
            "location": locations::draw_named(&self.location),
            "protection": {"delete": self.is_protected},
        })
    }

    /// The reverse name; IPv6 networks have none to begin with.
    fn draw_dns(&self) -> Value {
        match self.is_ipv4 {
            true => json!([{"ip": self.ip, "dns_ptr": self.reverse_name()}]),
            false => json!([]),
        }
    }

    pub fn reverse_name(&self) -> String {
        let mut parts: Vec<&str> = self.ip.split('.').collect();
        parts.reverse();
        format!("static.{}.clients.your-server.de", parts.join("."))
    }
}

impl Listed for PrimaryIp {
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

impl Project {
    /// Makes an address of a location and returns its id.
    pub fn make_ip(&mut self, is_ipv4: bool, location: &str, assignee: Option<u64>) -> u64 {
        let id = self.new_id();
        let [a, b, c, d] = match self.terms.body_net {
            Some(net) if is_ipv4 => self.new_body_address(net),
            _ => self.new_address(),
        };
        let ip = match is_ipv4 {
            true => format!("{a}.{b}.{c}.{d}"),
            false => format!(
                "2001:db8:{:x}:{:x}::/64",
                u16::from_be_bytes([a, b]),
                u16::from_be_bytes([c, d])
            ),
        };
        let made = PrimaryIp {
            id,
            name: format!("primary_ip-{id}"),
            labels: Labels::new(),
            is_ipv4,
            ip,
            location: location.to_owned(),
            assignee,
            auto_delete: assignee.is_some(),
            is_protected: false,
            created: self.now,
        };
        self.primary_ips.insert(id, made);
        id
    }

    /// The address of a kind that a server has.
    pub fn ip_of(&self, server: u64, is_ipv4: bool) -> Option<&PrimaryIp> {
        let server = self.servers.get(&server)?;
        let id = if is_ipv4 { server.ipv4 } else { server.ipv6 };
        id.and_then(|id| self.primary_ips.get(&id))
    }

    /// Frees what a deleted server had; what is marked so goes with it.
    pub fn release_ips(&mut self, server: u64) {
        self.primary_ips.retain(|_, ip| ip.assignee != Some(server) || !ip.auto_delete);
        for ip in self.primary_ips.values_mut().filter(|ip| ip.assignee == Some(server)) {
            ip.assignee = None;
        }
    }

    fn ip_mut(&mut self, id: u64) -> Result<&mut PrimaryIp, Refusal> {
        self.primary_ips.get_mut(&id).ok_or_else(|| Refusal::not_found("primary IP", id))
    }

    fn link_ip(&mut self, ip: u64, is_ipv4: bool, server: u64, linked: bool) {
        if let Some(server) = self.servers.get_mut(&server) {
            let slot = if is_ipv4 { &mut server.ipv4 } else { &mut server.ipv6 };
            *slot = linked.then_some(ip);
        }
    }
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let wanted = request.first("ip");
    let ips = project.primary_ips.values();
    let objects = ips.filter(|ip| wanted.is_none_or(|w| w == ip.ip)).collect();
    Listing { key: "primary_ips", sortable: &["id", "created"], objects }
        .answer(request, PrimaryIp::draw)
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(json!({"primary_ip": project.ip_mut(request.id)?.draw()}))
}

fn create(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let name = fields.required_text("name");
    let kind = fields.required_text("type");
    if fields.has("type") && kind != "ipv4" && kind != "ipv6" {
        fields.problem("type", "Must be one of: ipv4, ipv6.");
    }
    let assignee = fields.id("assignee_id");
    let place = fields.reference("location");
    let place = place.as_deref().and_then(locations::find);
    if assignee.is_none() && place.is_none() {
        fields.problem("location", "Either a location or an assignee is required.");
    }
    let labels = fields.labels().unwrap_or_default();
    let auto_delete = fields.flag("auto_delete").unwrap_or(false);
    fields.finish()?;
    refuse_same_name(project, 0, &name)?;
    let place = match assignee {
        Some(server) => check_assignable(project, server, kind == "ipv4")?,
        None => place.map(|l| l.name.to_owned()).unwrap_or_default(),
    };
    let id = project.make_ip(kind == "ipv4", &place, assignee);
    let ip = project.ip_mut(id)?;
    (ip.name, ip.labels, ip.auto_delete) = (name, labels, auto_delete);
    let drawn = ip.draw();
    let mut body = json!({ "primary_ip": drawn });
    if let Some(server) = assignee {
        project.link_ip(id, kind == "ipv4", server, true);
        let start = Start::on("primary_ip", id, "create_primary_ip").with("server", server);
        let action = project.begin(start);
        body["action"] = project.draw_action(action);
    }
    Answer::created(body)
}

fn refuse_same_name(project: &Project, id: u64, name: &str) -> Result<(), Refusal> {
    match project.primary_ips.values().any(|ip| ip.id != id && ip.name == name) {
        true => Err(Refusal::not_unique("name", "primary IP name is already used")),
        false => Ok(()),
    }
}

/// Refuses a server that cannot take an address now; answers its location.
fn check_assignable(project: &Project, id: u64, is_ipv4: bool) -> Result<String, Refusal> {
    let server = project.server(id)?;
    server.check_unlocked()?;
    if project.ip_of(id, is_ipv4).is_some() {
        let code = if is_ipv4 { "server_has_ipv4" } else { "server_has_ipv6" };
        return Err(Refusal::new(code, "the server has an address of this kind"));
    }
    check_stopped(project, id)?;
    Ok(server.location.clone())
}

fn check_stopped(project: &Project, server: u64) -> Result<(), Refusal> {
    match project.server(server)?.status {
        Status::Off => Ok(()),
        _ => Err(Refusal::new("server_not_stopped", "the server has to be powered off")),
    }
}

fn update(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (name, labels) = (fields.text("name"), fields.labels());
    let auto_delete = fields.flag("auto_delete");
    fields.finish()?;
    if let Some(name) = &name {
        refuse_same_name(project, request.id, name)?;
    }
    let ip = project.ip_mut(request.id)?;
    ip.name = name.unwrap_or(ip.name.clone());
    ip.labels = labels.unwrap_or(ip.labels.clone());
    ip.auto_delete = auto_delete.unwrap_or(ip.auto_delete);
    Answer::ok(json!({"primary_ip": ip.draw()}))
}

fn remove(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let ip = project.ip_mut(request.id)?;
    if ip.is_protected {
        return Err(Refusal::new("protected", "primary IP is delete protected"));
    }
    if ip.assignee.is_some() {
        return Err(Refusal::new("must_be_unassigned", "primary IP is still assigned"));
    }
    project.primary_ips.remove(&request.id);
    Answer::nothing()
}

fn assign(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("assignee_id");
    let server = fields.id("assignee_id").unwrap_or_default();
    fields.finish()?;
    let ip = project.ip_mut(request.id)?.clone();
    if ip.assignee.is_some() {
        return Err(Refusal::new("primary_ip_already_assigned", "primary IP is assigned already"));
    }
    let location = check_assignable(project, server, ip.is_ipv4)?;
    if location != ip.location {
        return Err(Refusal::invalid("assignee_id", "server and primary IP differ in location"));
    }
    project.link_ip(ip.id, ip.is_ipv4, server, true);
    project.ip_mut(ip.id)?.assignee = Some(server);
    let start = Start::on("primary_ip", ip.id, "assign_primary_ip").with("server", server);
    let action = project.begin(start);
    project.answer_action(action)
}

fn unassign(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let ip = project.ip_mut(request.id)?.clone();
    let Some(server) = ip.assignee else {
        return Err(Refusal::new("primary_ip_not_assigned", "primary IP is not assigned"));
    };
    check_stopped(project, server)?;
    project.link_ip(ip.id, ip.is_ipv4, server, false);
    project.ip_mut(ip.id)?.assignee = None;
    let start = Start::on("primary_ip", ip.id, "unassign_primary_ip").with("server", server);
    let action = project.begin(start);
    project.answer_action(action)
}

fn change_protection(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let wanted = fields.flag("delete");
    fields.finish()?;
    let ip = project.ip_mut(request.id)?;
    if wanted == Some(true) && ip.auto_delete {
        return Err(Refusal::invalid("delete", "cannot be protected while auto_delete is set"));
    }
    ip.is_protected = wanted.unwrap_or(ip.is_protected);
    let action = project.begin(Start::on("primary_ip", request.id, "change_protection"));
    project.answer_action(action)
}
