//! Placement groups: `spread`, at most ten servers each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::clock;
use super::labels::Labels;
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, delete, get, post, put};

pub const ROUTES: &[Route] = &[
    get("/placement_groups", list),
    post("/placement_groups", create),
    get("/placement_groups/{id}", show),
    put("/placement_groups/{id}", update),
    delete("/placement_groups/{id}", remove),
];

const MOST_SERVERS: usize = 10;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlacementGroup {
    id: u64,
    name: String,
    labels: Labels,
    created: u64,
}

impl Listed for PlacementGroup {
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
    pub fn draw_placement_group(&self, group: &PlacementGroup) -> Value {
        json!({
            "id": group.id,
            "name": group.name,
            "labels": group.labels,
            "type": "spread",
            "created": clock::text(group.created),
            "servers": self.servers_of_group(group.id),
        })
    }

    fn servers_of_group(&self, id: u64) -> Vec<u64> {
        let members = self.servers.values().filter(|server| server.placement_group == Some(id));
        members.map(|server| server.id).collect()
    }

    /// Refuses a group that does not exist or is full.
    pub fn check_group(&self, id: u64) -> Result<(), Refusal> {
        if !self.placement_groups.contains_key(&id) {
            return Err(Refusal::not_found("placement group", id));
        }
        if self.servers_of_group(id).len() >= MOST_SERVERS {
            return Err(Refusal::new("placement_error", "the placement group is full"));
        }
        Ok(())
    }
}

fn find(project: &Project, id: u64) -> Result<&PlacementGroup, Refusal> {
    project.placement_groups.get(&id).ok_or_else(|| Refusal::not_found("placement group", id))
}

fn answer(project: &Project, id: u64, status: u16) -> Result<Answer, Refusal> {
    let drawn = project.draw_placement_group(find(project, id)?);
    Ok(Answer::of(status, json!({ "placement_group": drawn })))
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let objects = project.placement_groups.values().collect();
    Listing { key: "placement_groups", sortable: &["id", "name", "created"], objects }
        .answer(request, |group| project.draw_placement_group(group))
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    answer(project, request.id, 200)
}

fn create(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let name = fields.required_text("name");
    let labels = fields.labels().unwrap_or_default();
    if fields.required_text("type") != "spread" {
        fields.problem("type", "Must be one of: spread.");
    }
    fields.finish()?;
    if project.placement_groups.values().any(|group| group.name == name) {
        return Err(Refusal::not_unique("name", "placement group name is already used"));
    }
    let id = project.new_id();
    let group = PlacementGroup { id, name, labels, created: project.now };
    project.placement_groups.insert(id, group);
    answer(project, id, 201)
}

fn update(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (name, labels) = (fields.text("name"), fields.labels());
    fields.finish()?;
    find(project, request.id)?;
    if let Some(group) = project.placement_groups.get_mut(&request.id) {
        group.name = name.unwrap_or(group.name.clone());
        group.labels = labels.unwrap_or(group.labels.clone());
    }
    answer(project, request.id, 200)
}

fn remove(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    find(project, request.id)?;
    if !project.servers_of_group(request.id).is_empty() {
        return Err(Refusal::new("resource_in_use", "placement group is still in use"));
    }
    project.placement_groups.remove(&request.id);
    Answer::nothing()
}
