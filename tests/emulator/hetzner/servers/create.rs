//! The creation of a server: what is read, what is refused, what is made.

use serde_json::{Value, json};

use super::super::actions::{Effect, Start};
use super::super::answer::{Answer, Refusal};
use super::super::chassis::answer::Refuse;
use super::super::labels::Labels;
use super::super::locations::{self, Location};
use super::super::project::Project;
use super::super::request::{Fields, Request};
use super::super::server_types::{self, ServerType};
use super::{Server, Status, is_host_name, refuse_same_name};

pub const MOST_USER_DATA: usize = 32 * 1024;

/// What the body asks for, once it can be read.
struct Order {
    name: String,
    server_type: &'static ServerType,
    location: &'static Location,
    image: String,
    labels: Labels,
    ssh_keys: Vec<String>,
    firewalls: Vec<u64>,
    placement_group: Option<u64>,
    user_data: Option<String>,
    starts: bool,
    net: Net,
}

/// Which addresses it gets, and which existing ones it takes.
struct Net {
    ipv4: bool,
    ipv6: bool,
    ipv4_id: Option<u64>,
    ipv6_id: Option<u64>,
}

pub fn create(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let order = read(&mut request.fields())?;
    refuse_same_name(project, 0, &order.name)?;
    let image = project.find_image(&order.image, order.server_type.architecture())?;
    if image.disk_size > order.server_type.disk {
        return Err(Refusal::invalid("image", "image disk is bigger than server type disk"));
    }
    let image = image.id;
    let keys = find_keys(project, &order.ssh_keys)?;
    check_parts(project, &order)?;
    check_room(project, order.server_type, order.location)?;
    let password = keys.is_empty().then(new_password);
    let id = make(project, &order, image, keys);
    let actions = begin(project, id, order.starts, &order.firewalls);
    let next: Vec<Value> = actions[1..].iter().map(|id| project.draw_action(*id)).collect();
    Answer::created(json!({
        "server": project.draw_server(project.server(id)?),
        "action": project.draw_action(actions[0]),
        "next_actions": next,
        "root_password": password,
    }))
}

fn read(fields: &mut Fields<'_>) -> Result<Order, Refusal> {
    let name = fields.required_text("name");
    if fields.has("name") && !is_host_name(&name) {
        fields.problem("name", "invalid hostname");
    }
    let (server_type, location) = (read_type(fields), read_location(fields));
    fields.required("image");
    let image = fields.reference("image").unwrap_or_default();
    let labels = fields.labels().unwrap_or_default();
    let ssh_keys = fields.references("ssh_keys");
    let firewalls = read_firewalls(fields);
    let placement_group = fields.id("placement_group");
    let user_data = read_user_data(fields);
    let starts = fields.flag("start_after_create").unwrap_or(true);
    let net = read_net(fields);
    for name in ["volumes", "networks"] {
        if !fields.list(name).is_empty() {
            fields.problem(name, "not emulated");
        }
    }
    fields.finish()?;
    match (server_type, location) {
        (Some(server_type), Some(location)) => Ok(Order {
            name,
            server_type,
            location,
            image,
            labels,
            ssh_keys,
            firewalls,
            placement_group,
            user_data,
            starts,
            net,
        }),
        _ => Err(Refusal::new("invalid_input", "invalid input")),
    }
}

fn read_type(fields: &mut Fields<'_>) -> Option<&'static ServerType> {
    fields.required("server_type");
    let text = fields.reference("server_type")?;
    let found = server_types::find(&text);
    if found.is_none() {
        fields.problem("server_type", format!("server type {text} not found"));
    }
    found
}

fn read_location(fields: &mut Fields<'_>) -> Option<&'static Location> {
    if fields.has("datacenter") {
        fields.problem("datacenter", "gone: use location");
    }
    let text = fields.reference("location").unwrap_or_else(|| "fsn1".to_owned());
    let found = locations::find(&text);
    if found.is_none() {
        fields.problem("location", format!("location {text} not found"));
    }
    found
}

fn read_firewalls(fields: &mut Fields<'_>) -> Vec<u64> {
    let items = fields.list("firewalls");
    let ids: Vec<u64> = items.iter().filter_map(|item| item["firewall"].as_u64()).collect();
    if ids.len() != items.len() {
        fields.problem("firewalls", "Not a list of firewalls.");
    }
    ids
}

pub fn read_user_data(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("user_data")?;
    if text.len() > MOST_USER_DATA {
        fields.problem("user_data", "Length must be between 0 and 32768.");
    }
    Some(text)
}

fn read_net(fields: &mut Fields<'_>) -> Net {
    let net = fields.value("public_net").cloned().unwrap_or_default();
    let enabled = |name: &str| net[name].as_bool().unwrap_or(true);
    Net {
        ipv4: enabled("enable_ipv4"),
        ipv6: enabled("enable_ipv6"),
        ipv4_id: net["ipv4"].as_u64(),
        ipv6_id: net["ipv6"].as_u64(),
    }
}

fn find_keys(project: &Project, references: &[String]) -> Result<Vec<String>, Refusal> {
    let keys = references.iter().map(|reference| match project.find_ssh_key(reference) {
        Some(key) => Ok(key.public_key.clone()),
        None => Err(Refusal::invalid("ssh_keys", format!("SSH key {reference} not found"))),
    });
    keys.collect()
}

/// Refuses what the order names and cannot have.
fn check_parts(project: &Project, order: &Order) -> Result<(), Refusal> {
    for id in &order.firewalls {
        if !project.firewalls.contains_key(id) {
            return Err(Refusal::not_found("firewall", *id));
        }
    }
    if let Some(group) = order.placement_group {
        project.check_group(group)?;
    }
    let net = &order.net;
    for (id, is_ipv4) in [(net.ipv4_id, true), (net.ipv6_id, false)] {
        if let Some(id) = id {
            check_ip(project, id, is_ipv4, order.location.name)?;
        }
    }
    if project.servers.len() >= project.terms.server_limit {
        return Err(Refusal::new("resource_limit_exceeded", "server limit exceeded"));
    }
    Ok(())
}

fn check_ip(project: &Project, id: u64, is_ipv4: bool, location: &str) -> Result<(), Refusal> {
    let ip = project.primary_ips.get(&id);
    let ip = ip.ok_or_else(|| Refusal::not_found("primary IP", id))?;
    if ip.assignee.is_some() {
        return Err(Refusal::new("primary_ip_assigned", "primary IP is already assigned"));
    }
    if ip.is_ipv4 != is_ipv4 {
        return Err(Refusal::new("primary_ip_version_mismatch", "primary IP is of the other kind"));
    }
    if ip.location != location {
        let message = "primary IP is in a different location";
        return Err(Refusal::new("primary_ip_datacenter_mismatch", message));
    }
    Ok(())
}

/// Refuses a type that is not sold at a location, is withdrawn, or is out of
/// stock there.
pub fn check_room(
    project: &mut Project,
    of: &ServerType,
    location: &Location,
) -> Result<(), Refusal> {
    if !of.is_sold_in(location.name) {
        return Err(Refusal::invalid("server_type", "unsupported location for server type"));
    }
    if of.is_withdrawn_in(location.name) {
        let message = format!("server type {} is deprecated", of.name);
        return Err(Refusal::new("invalid_server_type", message));
    }
    if let Some(fault) = project.faults.of_order(of.name, location.name) {
        return Err(Refusal::scripted(&fault));
    }
    if !of.has_stock_in(location.name) {
        let message = "error during placement: no capacity for this server type";
        return Err(Refusal::new("resource_unavailable", message));
    }
    Ok(())
}

pub fn new_password() -> String {
    let letters = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let letter = |_| char::from(letters[usize::from(rand::random::<u8>()) % letters.len()]);
    (0..20).map(letter).collect()
}

fn make(project: &mut Project, order: &Order, image: u64, keys: Vec<String>) -> u64 {
    let id = project.new_id();
    let place = order.location.name;
    let net = &order.net;
    let ipv4 = net.ipv4_id.or_else(|| net.ipv4.then(|| project.make_ip(true, place, Some(id))));
    let ipv6 = net.ipv6_id.or_else(|| net.ipv6.then(|| project.make_ip(false, place, Some(id))));
    for ip in [ipv4, ipv6].into_iter().flatten() {
        if let Some(ip) = project.primary_ips.get_mut(&ip) {
            ip.assignee = Some(id);
        }
    }
    let server = Server {
        id,
        name: order.name.clone(),
        labels: order.labels.clone(),
        created: project.now,
        status: Status::Initializing,
        server_type: order.server_type.name.to_owned(),
        location: place.to_owned(),
        image,
        disk: order.server_type.disk,
        ipv4,
        ipv6,
        placement_group: order.placement_group,
        user_data: order.user_data.clone(),
        authorized_keys: keys,
        is_delete_protected: false,
        is_rebuild_protected: false,
        locked_by: Vec::new(),
        off_at: None,
        disk_number: 1,
        boots: 0,
    };
    project.servers.insert(id, server);
    id
}

/// Begins the creation, then what follows from it.
fn begin(project: &mut Project, id: u64, starts: bool, firewalls: &[u64]) -> Vec<u64> {
    let status = if starts { Status::Starting } else { Status::Off };
    let (made, failed) = (Effect::Status(id, status), Effect::Status(id, Status::Off));
    let created = project.begin(Start::on_server(id, "create_server", made, failed));
    let mut actions = vec![created];
    if starts {
        let (on, off) = (Effect::Restarted(id), Effect::Status(id, Status::Off));
        let start = Start::on_server(id, "start_server", on, off);
        actions.push(project.begin(Start { after: Some(created), ..start }));
    }
    for firewall in firewalls {
        actions.push(project.begin_applying(*firewall, id));
    }
    actions
}
