//! Images: those of a project of one's own, made from disks, and the look-up of
//! all by name and by family.

use serde_json::{Value, json};

use super::aggregated;
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::labels;
use super::names;
use super::object::Object;
use super::operations::{Effect, Start};
use super::paths::{link, name_of, part, project_of, resolve};
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, delete, get, post};

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/global/images", |c, r| aggregated::of_place(c, r, "image")),
    post("/projects/{project}/global/images", insert),
    get("/projects/{project}/global/images/{image}", show),
    delete("/projects/{project}/global/images/{image}", remove),
    post("/projects/{project}/global/images/{image}/setLabels", labels::set),
    get("/projects/{project}/global/images/family/{family}", show_family),
    get("/projects/{project}/zones/{zone}/imageFamilyViews/{family}", show_view),
];

impl Compute {
    /// The image that a reference means: by name, or the newest of a family.
    pub fn find_image(&self, project: &str, reference: &str) -> Result<(String, &Object), Refusal> {
        let path = resolve(project, reference);
        if let Some(family) = part(&path, "imageFamilyViews") {
            return self
                .newest_of(&format!("projects/{}/global/images", project_of(&path)), family);
        }
        match path.split_once("/family/") {
            Some((images, family)) => self.newest_of(images, family),
            None => Ok((path.clone(), self.object(&path)?)),
        }
    }

    fn newest_of(&self, images: &str, family: &str) -> Result<(String, &Object), Refusal> {
        let below = self.below(&format!("{images}/"));
        let of_family = below.filter(|(_, image)| image.text("family") == family);
        let current = of_family.filter(|(_, image)| image.body["deprecated"].is_null());
        let newest = current.max_by_key(|(_, image)| (image.created, image.id));
        let missing = || Refusal::not_found(&format!("{images}/family/{family}"));
        newest.map(|(path, image)| (path.clone(), image)).ok_or_else(missing)
    }

    /// Refuses an object that something is still being done to.
    pub fn refuse_unready(&self, path: &str) -> Result<(), Refusal> {
        let is_unready =
            self.running_on(path, "insert").is_some() || self.running_on(path, "delete").is_some();
        if is_unready { Err(Refusal::not_ready(path)) } else { Ok(()) }
    }
}

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

fn show_family(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let (_, image) = compute.find_image(request.project(), &request.path)?;
    Answer::ok(image.body.clone())
}

/// The newest image of a family as it is in a zone, or in any (`-`).
fn show_view(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let (_, image) = compute.find_image(request.project(), &request.path)?;
    Answer::ok(json!({"image": image.body}))
}

/// What an image or a snapshot is made from.
pub struct Source {
    pub id: u64,
    pub path: String,
    pub body: Value,
}

/// Reads `sourceDisk`, `sourceSnapshot` or `sourceImage`; exactly one is given.
fn source(compute: &Compute, request: &Request) -> Result<(&'static str, Source), Refusal> {
    let fields = ["sourceDisk", "sourceSnapshot", "sourceImage"];
    let mut given = fields.into_iter().filter_map(|f| Some((f, request.text(f)?)));
    let (Some((field, reference)), None) = (given.next(), given.next()) else {
        let why = "Exactly one of sourceDisk, sourceSnapshot and sourceImage must be given.";
        return Err(Refusal::invalid("resource", "", why));
    };
    let (path, object) = compute.find_image(request.project(), reference)?;
    compute.refuse_unready(&path)?;
    if field == "sourceDisk" && !request.is_asked_for("forceCreate") {
        refuse_running(compute, &path, object)?;
    }
    Ok((field, Source { id: object.id, path, body: object.body.clone() }))
}

/// A disk that a running instance writes to is not taken without `forceCreate`.
fn refuse_running(compute: &Compute, path: &str, disk: &Object) -> Result<(), Refusal> {
    for user in disk.body["users"].as_array().into_iter().flatten() {
        let user = resolve("", user.as_str().unwrap_or_default());
        if compute.object(&user)?.status() != "TERMINATED" {
            return Err(Refusal::in_use(path, &user));
        }
    }
    Ok(())
}

fn insert(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let name = request.required("name")?;
    names::check("resource.name", name)?;
    let path = format!("{}/{name}", request.path);
    compute.refuse_same_name(&path)?;
    if let Some(family) = request.text("family") {
        names::check("resource.family", family)?;
    }
    let labels = labels::read(request.body.get("labels"))?;
    let (field, source) = source(compute, request)?;
    let mut image = compute.new_object("image", &path);
    for given in ["family", "description", "guestOsFeatures"] {
        image.set_given(given, request.body.get(given));
    }
    let size = [&source.body["sizeGb"], &source.body["diskSizeGb"]];
    image.set_given("diskSizeGb", size.into_iter().find(|size| !size.is_null()));
    image.set_given("architecture", Some(&source.body["architecture"]));
    image.set_given("licenses", Some(&source.body["licenses"]));
    image.set("sourceType", "RAW");
    image.set("status", "PENDING");
    image.set("archiveSizeBytes", "0");
    image.set("storageLocations", vec!["us"]);
    image.set(field, link(&source.path));
    image.set(&format!("{field}Id"), source.id.to_string());
    image.set_labels(labels);
    compute.objects.insert(path.clone(), image);
    let ready = Effect::Status(path.clone(), "READY".to_owned());
    let start = Start::on("insert", &path).then(ready);
    compute.answer_begun(start.or_else(Effect::Status(path, "FAILED".to_owned())))
}

fn remove(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    compute.object(&request.path)?;
    compute.refuse_unready(&request.path)?;
    let gone = Effect::Gone(request.path.clone());
    compute.answer_begun(Start::on("delete", &request.path).then(gone))
}

/// The release of the image that a guest began with, by the family or name of it.
pub fn release(reference: &str) -> (&'static str, String) {
    let name = name_of(reference);
    let numbers: Vec<&str> = name.split('-').filter(|part| part.parse::<u32>().is_ok()).collect();
    let number = numbers.first().copied().unwrap_or_default();
    match name.starts_with("ubuntu") {
        true if number.len() == 4 => ("ubuntu", format!("{}.{}", &number[..2], &number[2..])),
        true => ("ubuntu", number.to_owned()),
        false => ("debian", number.to_owned()),
    }
}
