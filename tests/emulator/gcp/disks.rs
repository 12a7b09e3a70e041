//! Disks: made with instances or by themselves.

use serde_json::{Value, json};

use super::aggregated;
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::labels;
use super::names;
use super::object::timestamp;
use super::operations::{Effect, Start};
use super::paths::{link, name_of, part, project_of, resolve};
use super::refusal::Refusal;
use super::request::{Request, number};
use super::routes::{Endpoint, delete, get, post};
use super::snapshots;

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/aggregated/disks", |c, r| {
        aggregated::of_objects(c, r, ("disk", "disks"))
    }),
    get("/projects/{project}/zones/{zone}/disks", |c, r| aggregated::of_place(c, r, "disk")),
    post("/projects/{project}/zones/{zone}/disks", insert),
    get("/projects/{project}/zones/{zone}/disks/{disk}", show),
    delete("/projects/{project}/zones/{zone}/disks/{disk}", remove),
    post("/projects/{project}/zones/{zone}/disks/{disk}/setLabels", labels::set),
    post("/projects/{project}/zones/{zone}/disks/{disk}/resize", resize),
    post("/projects/{project}/zones/{zone}/disks/{disk}/createSnapshot", snapshots::of_disk),
];

const TYPES: [&str; 4] = ["hyperdisk-balanced", "pd-balanced", "pd-ssd", "pd-standard"];
const LARGEST_GB: u64 = 65_536;

/// A disk to be made.
pub struct Wish {
    pub path: String,
    pub size_gb: u64,
    /// The name of its type.
    pub disk_type: String,
    pub labels: Value,
    pub description: Value,
    /// The field of the source (`sourceImage`), its path, id and body.
    pub source: Option<(&'static str, String, u64, Value)>,
}

/// Reads what a disk is to be: the body of a disk, or the parameters of one that
/// is made with an instance, whose `disk_type` field has another name.
pub fn read(
    compute: &Compute,
    path: &str,
    (fields, of_type, of_size): (&Value, &str, &str),
) -> Result<Wish, Refusal> {
    let source = source(compute, path, fields)?;
    let least = source.as_ref().map_or(1, |(.., body)| {
        number(&body["diskSizeGb"]).or_else(|| number(&body["sizeGb"])).unwrap_or(1)
    });
    let size_gb = match &fields[of_size] {
        Value::Null => least.max(if source.is_some() { 1 } else { 500 }),
        size => number(size)
            .filter(|size| (1..=LARGEST_GB).contains(size))
            .ok_or_else(|| Refusal::invalid(of_size, &size.to_string(), "Must be 1 to 65536."))?,
    };
    if size_gb < least {
        let why = format!("Requested disk size cannot be smaller than the image size ({least} GB)");
        return Err(Refusal::invalid(of_size, &size_gb.to_string(), why));
    }
    let disk_type = fields[of_type].as_str().map_or("pd-standard", name_of).to_owned();
    if !TYPES.contains(&disk_type.as_str()) {
        let why = "The referenced disk type does not exist.";
        return Err(Refusal::invalid(of_type, &disk_type, why));
    }
    let labels = labels::read(fields.get("labels"))?;
    let description = fields["description"].clone();
    Ok(Wish { path: path.to_owned(), size_gb, disk_type, labels, description, source })
}

fn source(
    compute: &Compute,
    path: &str,
    fields: &Value,
) -> Result<Option<(&'static str, String, u64, Value)>, Refusal> {
    for field in ["sourceImage", "sourceSnapshot"] {
        let Some(reference) = fields[field].as_str().filter(|text| !text.is_empty()) else {
            continue;
        };
        let (path, object) = compute.find_image(project_of(path), reference)?;
        compute.refuse_unready(&path)?;
        if object.status() != "READY" {
            return Err(Refusal::not_ready(&path));
        }
        return Ok(Some((field, path, object.id, object.body.clone())));
    }
    Ok(None)
}

impl Wish {
    /// Makes the disk, used by an instance if a path of one is given.
    pub fn make(self, compute: &mut Compute, user: Option<&str>) -> u64 {
        let mut disk = compute.new_object("disk", &self.path);
        let home = self.path.split("/disks/").next().unwrap_or_default();
        disk.set("sizeGb", self.size_gb.to_string());
        disk.set("status", "READY");
        disk.set("type", link(&format!("{home}/diskTypes/{}", self.disk_type)));
        disk.set("physicalBlockSizeBytes", "4096");
        disk.set_given("description", Some(&self.description));
        disk.set_labels(self.labels);
        if let Some((field, path, id, body)) = &self.source {
            disk.set(field, link(path));
            disk.set(&format!("{field}Id"), id.to_string());
            for kept in ["architecture", "licenses", "guestOsFeatures"] {
                disk.set_given(kept, Some(&body[kept]));
            }
        }
        if let Some(user) = user {
            disk.set("users", json!([link(user)]));
            disk.set("lastAttachTimestamp", timestamp(compute.now));
        }
        let id = disk.id;
        compute.objects.insert(self.path, disk);
        id
    }
}

fn insert(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let name = request.required("name")?;
    names::check("resource.name", name)?;
    let path = format!("{}/{name}", request.path);
    compute.refuse_same_name(&path)?;
    let mut fields = Value::Object(request.body.clone());
    // Older clients give the image as a parameter.
    if let Some(image) = request.query("sourceImage") {
        fields["sourceImage"] = image.into();
    }
    read(compute, &path, (&fields, "type", "sizeGb"))?.make(compute, None);
    compute.answer_begun(Start::on("insert", &path).or_else(Effect::Gone(path.clone())))
}

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

fn remove(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let disk = compute.object(&request.path)?;
    if let Some(user) = disk.body["users"].get(0).and_then(Value::as_str) {
        return Err(Refusal::in_use(&request.path, &resolve("", user)));
    }
    compute.refuse_unready(&request.path)?;
    let gone = Effect::Gone(request.path.clone());
    compute.answer_begun(Start::on("delete", &request.path).then(gone))
}

fn resize(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let now = number(&compute.object(&path)?.body["sizeGb"]).unwrap_or_default();
    let size = request.body.get("sizeGb").and_then(number).unwrap_or_default();
    if size < now || size > LARGEST_GB {
        let why = format!("Disk size cannot be decreased below {now} or be above {LARGEST_GB}.");
        return Err(Refusal::invalid("sizeGb", &size.to_string(), why));
    }
    compute.refuse_unready(&path)?;
    compute.object_mut(&path)?.set("sizeGb", size.to_string());
    compute.answer_begun(Start::on("resizeDisk", &path))
}

/// The disks that belong to a zone's instance, by its attached disks.
pub fn path_of_source(attached: &Value) -> String {
    resolve("", attached["source"].as_str().unwrap_or_default())
}

/// The zone of a disk.
pub fn zone_of(path: &str) -> &str {
    part(path, "zones").unwrap_or_default()
}
