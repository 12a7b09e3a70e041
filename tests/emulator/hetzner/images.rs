//! Images: the system's, per architecture, and snapshots of servers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actions::Start;
use super::answer::{Answer, Refusal};
use super::clock;
use super::labels::Labels;
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, delete, get, post, put};

pub const ROUTES: &[Route] = &[
    get("/images", list),
    get("/images/{id}", show),
    put("/images/{id}", update),
    delete("/images/{id}", remove),
    post("/images/{id}/actions/change_protection", change_protection),
];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    pub id: u64,
    /// `system`, `app`, `snapshot` or `backup`.
    pub kind: String,
    pub status: String,
    /// Snapshots have none.
    name: Option<String>,
    pub description: String,
    pub image_size: Option<f64>,
    pub disk_size: u64,
    created: u64,
    created_from: Option<(u64, String)>,
    pub bound_to: Option<u64>,
    pub flavor: String,
    pub version: Option<String>,
    pub architecture: String,
    labels: Labels,
    deprecated: Option<String>,
    deleted: Option<u64>,
    is_protected: bool,
}

/// What a new snapshot is made from.
pub struct Source {
    pub server: u64,
    pub name: String,
    pub disk: u64,
    pub of: Option<Image>,
    pub architecture: String,
}

/// The images that every project can use: the same name for each architecture.
pub fn system() -> Vec<Image> {
    let os = |ids: [u64; 2], flavor: &str, version: &str| {
        let pair = ids.into_iter().zip(["x86", "arm"]);
        pair.map(|(id, arch)| system_image(id, flavor, version, arch)).collect::<Vec<Image>>()
    };
    let mut images = [
        os([67_794_396, 103_908_130], "ubuntu", "22.04"),
        os([161_547_269, 161_547_270], "ubuntu", "24.04"),
        os([114_690_387, 114_690_389], "debian", "12"),
        os([310_557_660, 310_557_661], "debian", "13"),
        os([139_223_377, 139_223_379], "fedora", "40"),
        os([137_706_369, 137_706_370], "rocky", "9"),
    ]
    .concat();
    let mut old = system_image(15_512_617, "ubuntu", "20.04", "x86");
    old.deprecated = Some("2025-05-31T00:00:00Z".to_owned());
    let mut app = system_image(40_093_140, "ubuntu", "24.04", "x86");
    (app.kind, app.name) = ("app".to_owned(), Some("docker-ce".to_owned()));
    app.description = "Docker CE".to_owned();
    images.extend([old, app]);
    images
}

fn system_image(id: u64, flavor: &str, version: &str, architecture: &str) -> Image {
    let title = flavor[..1].to_uppercase() + &flavor[1..];
    Image {
        id,
        kind: "system".to_owned(),
        status: "available".to_owned(),
        name: Some(format!("{flavor}-{version}")),
        description: format!("{title} {version}"),
        image_size: None,
        disk_size: 5,
        created: 1_714_000_000_000,
        created_from: None,
        bound_to: None,
        flavor: flavor.to_owned(),
        version: Some(version.to_owned()),
        architecture: architecture.to_owned(),
        labels: Labels::new(),
        deprecated: None,
        deleted: None,
        is_protected: false,
    }
}

impl Image {
    /// A snapshot or backup that is still being written.
    pub fn of_server(id: u64, kind: &str, from: Source, labels: Labels, now: u64) -> Self {
        let flavor = from.of.as_ref().map_or("unknown", |image| &image.flavor);
        let mut image = system_image(id, flavor, "", &from.architecture);
        kind.clone_into(&mut image.kind);
        "creating".clone_into(&mut image.status);
        image.name = None;
        image.version = from.of.and_then(|image| image.version);
        image.disk_size = from.disk;
        image.created = now;
        image.created_from = Some((from.server, from.name));
        image.bound_to = (kind == "backup").then_some(from.server);
        image.labels = labels;
        image
    }

    pub fn is_own(&self) -> bool {
        self.kind == "snapshot" || self.kind == "backup"
    }

    /// The server that it was taken of.
    pub fn source(&self) -> Option<u64> {
        self.created_from.as_ref().map(|(server, _)| *server)
    }

    pub fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    pub fn draw(&self) -> Value {
        let from = self.created_from.as_ref();
        json!({
            "id": self.id,
            "type": self.kind,
            "status": self.status,
            "name": self.name,
            "description": self.description,
            "image_size": self.image_size,
            "disk_size": self.disk_size,
            "created": clock::text(self.created),
            "created_from": from.map(|(id, name)| json!({"id": id, "name": name})),
            "bound_to": self.bound_to,
            "os_flavor": self.flavor,
            "os_version": self.version,
            "rapid_deploy": self.kind == "system",
            "protection": {"delete": self.is_protected},
            "deprecated": self.deprecated,
            "deleted": self.deleted.map(clock::text),
            "labels": self.labels,
            "architecture": self.architecture,
        })
    }
}

impl Listed for Image {
    fn id(&self) -> u64 {
        self.id
    }
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
    fn created(&self) -> u64 {
        self.created
    }
    fn labels(&self) -> Option<&Labels> {
        Some(&self.labels)
    }
}

impl Project {
    /// Finds a usable image by id, or by name for an architecture.
    pub fn find_image(&self, reference: &str, architecture: &str) -> Result<&Image, Refusal> {
        let by_id = reference.parse().ok().and_then(|id: u64| self.images.get(&id));
        let mut usable = self.images.values().filter(|image| image.architecture == architecture);
        let by_name = || usable.find(|image| image.name.as_deref() == Some(reference));
        let image = by_id.or_else(by_name).filter(|image| !image.is_deleted());
        let image = image.ok_or_else(|| Refusal::new("not_found", "image not found"))?;
        if image.architecture != architecture {
            return Err(Refusal::invalid("image", "image and server type differ in architecture"));
        }
        if image.status != "available" {
            return Err(Refusal::new("resource_unavailable", "image is not available yet"));
        }
        Ok(image)
    }

    pub fn finish_image(&mut self, id: u64, status: &str) {
        if let Some(image) = self.images.get_mut(&id) {
            status.clone_into(&mut image.status);
            image.image_size = (status == "available").then_some(1.5);
        }
    }

    /// Backups go with their server.
    pub fn drop_backups(&mut self, server: u64) {
        self.images.retain(|_, image| image.bound_to != Some(server));
    }

    fn own_image(&mut self, id: u64) -> Result<&mut Image, Refusal> {
        match self.images.get_mut(&id).filter(|image| !image.is_deleted()) {
            None => Err(Refusal::not_found("image", id)),
            Some(image) if !image.is_own() => {
                Err(Refusal::new("forbidden", "only snapshots and backups can be changed"))
            }
            Some(image) => Ok(image),
        }
    }
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let chosen = |key: &str, value: &str| {
        let mut wanted = request.all(key).peekable();
        wanted.peek().is_none() || wanted.any(|w| w == value)
    };
    let deprecated = request.first("include_deprecated") == Some("true");
    let objects = project.images.values().filter(|image| {
        let bound = image.bound_to.map(|id| id.to_string()).unwrap_or_default();
        !image.is_deleted()
            && (deprecated || image.deprecated.is_none())
            && chosen("type", &image.kind)
            && chosen("status", &image.status)
            && chosen("architecture", &image.architecture)
            && chosen("bound_to", &bound)
    });
    Listing { key: "images", sortable: &["id", "name", "created"], objects: objects.collect() }
        .answer(request, Image::draw)
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    match project.images.get(&request.id).filter(|image| !image.is_deleted()) {
        Some(image) => Answer::ok(json!({"image": image.draw()})),
        None => Err(Refusal::not_found("image", request.id)),
    }
}

fn update(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (description, labels) = (fields.text("description"), fields.labels());
    let kind = fields.text("type");
    if kind.as_deref().is_some_and(|kind| kind != "snapshot") {
        fields.problem("type", "Must be one of: snapshot.");
    }
    fields.finish()?;
    let image = project.own_image(request.id)?;
    image.description = description.unwrap_or(image.description.clone());
    image.labels = labels.unwrap_or(image.labels.clone());
    if let Some(kind) = kind {
        (image.kind, image.bound_to) = (kind, None);
    }
    Answer::ok(json!({"image": image.draw()}))
}

fn remove(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let now = project.now;
    let image = project.own_image(request.id)?;
    if image.is_protected {
        return Err(Refusal::new("protected", "image is delete protected"));
    }
    // Kept, for the servers that were made from it still name it.
    image.deleted = Some(now);
    Answer::nothing()
}

fn change_protection(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let wanted = fields.flag("delete");
    fields.finish()?;
    let image = project.own_image(request.id)?;
    image.is_protected = wanted.unwrap_or(image.is_protected);
    let action = project.begin(Start::on("image", request.id, "change_protection"));
    project.answer_action(action)
}
