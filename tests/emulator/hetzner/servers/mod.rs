//! Servers: the object, how it is drawn, lists, changes and deletion.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actions::{Effect, Start};
use super::answer::{Answer, Refusal};
use super::clock;
use super::images::Image;
use super::labels::Labels;
use super::locations;
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, delete, get, post, put};
use super::server_types;

pub mod actions;
mod create;
mod lifecycle;

pub const ROUTES: &[Route] = &[
    get("/servers", list),
    post("/servers", create::create),
    get("/servers/{id}", show),
    put("/servers/{id}", update),
    delete("/servers/{id}", remove),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Deleting,
    Initializing,
    Migrating,
    Off,
    Rebuilding,
    Running,
    Starting,
    Stopping,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Server {
    pub id: u64,
    pub name: String,
    pub labels: Labels,
    pub created: u64,
    pub status: Status,
    pub server_type: String,
    pub location: String,
    pub image: u64,
    pub disk: u64,
    pub ipv4: Option<u64>,
    pub ipv6: Option<u64>,
    pub placement_group: Option<u64>,
    pub user_data: Option<String>,
    /// The public keys it was made with.
    pub authorized_keys: Vec<String>,
    pub is_delete_protected: bool,
    pub is_rebuild_protected: bool,
    /// Actions that run on it.
    pub locked_by: Vec<u64>,
    /// When the guest will have shut down.
    pub off_at: Option<u64>,
    /// Counts disks: one more with each rebuild.
    pub disk_number: u32,
    /// Counts starts of the guest.
    pub boots: u32,
}

impl Server {
    pub fn check_unlocked(&self) -> Result<(), Refusal> {
        match self.locked_by.is_empty() {
            true => Ok(()),
            false => Err(Refusal::new("locked", format!("server with ID '{}' is locked", self.id))),
        }
    }
}

impl Listed for Server {
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
    pub fn draw_server(&self, server: &Server) -> Value {
        let of = server_types::find(&server.server_type);
        let group = server.placement_group.and_then(|id| self.placement_groups.get(&id));
        json!({
            "id": server.id,
            "name": server.name,
            "status": server.status,
            "created": clock::text(server.created),
            "public_net": self.draw_public_net(server),
            "private_net": [],
            "server_type": of.map(|of| server_types::draw(of, &self.faults)),
            "location": locations::draw_named(&server.location),
            "image": self.images.get(&server.image).map(Image::draw),
            "iso": null,
            "rescue_enabled": false,
            "locked": !server.locked_by.is_empty(),
            "backup_window": null,
            "outgoing_traffic": 0,
            "ingoing_traffic": 0,
            "included_traffic": 21_990_232_555_520_u64,
            "protection": {
                "delete": server.is_delete_protected,
                "rebuild": server.is_rebuild_protected,
            },
            "labels": server.labels,
            "volumes": [],
            "load_balancers": [],
            "primary_disk_size": server.disk,
            "placement_group": group.map(|group| self.draw_placement_group(group)),
        })
    }

    fn draw_public_net(&self, server: &Server) -> Value {
        let ipv4 = self.ip_of(server.id, true).map(
            |ip| json!({"id": ip.id, "ip": ip.ip, "blocked": false, "dns_ptr": ip.reverse_name()}),
        );
        let ipv6 = self
            .ip_of(server.id, false)
            .map(|ip| json!({"id": ip.id, "ip": ip.ip, "blocked": false, "dns_ptr": []}));
        json!({
            "ipv4": ipv4,
            "ipv6": ipv6,
            "floating_ips": [],
            "firewalls": self.draw_firewalls_of(server),
        })
    }

    pub fn forget_server(&mut self, id: u64) {
        self.servers.remove(&id);
        self.release_ips(id);
        self.detach_firewalls(id);
        self.drop_backups(id);
    }
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let wanted: Vec<Value> = request.all("status").map(|status| json!(status)).collect();
    let servers = project.servers.values();
    let objects =
        servers.filter(|server| wanted.is_empty() || wanted.contains(&json!(server.status)));
    let sortable = &["id", "name", "created"];
    Listing { key: "servers", sortable, objects: objects.collect() }
        .answer(request, |server| project.draw_server(server))
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let server = project.server(request.id)?;
    Answer::ok(json!({"server": project.draw_server(server)}))
}

/// Letters, digits, dashes and periods, as RFC 1123 has host names.
fn is_host_name(name: &str) -> bool {
    let is_part = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

fn refuse_same_name(project: &Project, id: u64, name: &str) -> Result<(), Refusal> {
    match project.servers.values().any(|s| s.id != id && s.name == name) {
        true => Err(Refusal::not_unique("name", "server name is already used")),
        false => Ok(()),
    }
}

fn update(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (name, labels) = (fields.text("name"), fields.labels());
    if name.as_deref().is_some_and(|name| !is_host_name(name)) {
        fields.problem("name", "invalid hostname");
    }
    fields.finish()?;
    project.server(request.id)?;
    if let Some(name) = &name {
        refuse_same_name(project, request.id, name)?;
    }
    let server = project.server_mut(request.id)?;
    server.name = name.unwrap_or(server.name.clone());
    server.labels = labels.unwrap_or(server.labels.clone());
    show(project, request)
}

fn remove(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let server = project.server(request.id)?;
    server.check_unlocked()?;
    if server.is_delete_protected {
        return Err(Refusal::new("protected", "server is delete protected"));
    }
    let status = server.status;
    let mut start = Start::on("server", request.id, "delete_server");
    if project.terms.lingering_deletes {
        project.set_status(request.id, Status::Deleting);
        let (gone, kept) = (Effect::ServerGone(request.id), Effect::Status(request.id, status));
        start = Start::on_server(request.id, "delete_server", gone, kept);
    } else {
        project.forget_server(request.id);
    }
    let action = project.begin(start);
    Answer::ok(json!({"action": project.draw_action(action)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_host_names() {
        assert!(is_host_name("web-1.example") && is_host_name("A1"));
        for name in ["", "-a", "a-", "a_b", "a..b", "a b", &"x".repeat(64)] {
            assert!(!is_host_name(name), "{name}");
        }
    }
}
