//! Making an instance: what a request has to say, and what is begun.

use serde_json::{Value, json};

use super::super::chassis::answer::Answer;
use super::super::compute::Compute;
use super::super::disks::{self, Wish};
use super::super::fingerprint;
use super::super::labels;
use super::super::machine_types::{self, MachineType};
use super::super::metadata;
use super::super::names;
use super::super::operations::{Effect, Failure, Start};
use super::super::paths::{link, name_of, part, resolve};
use super::super::quotas;
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::{nics, scheduling};

/// An instance that is wanted, with everything checked.
struct Order {
    path: String,
    machine_type: &'static MachineType,
    disks: Vec<AttachedDisk>,
    nics: Value,
    labels: Value,
    metadata: Value,
    tags: Value,
    scheduling: Value,
    accounts: Value,
}

/// A disk of an order: a new one, or one that there is (its path).
struct AttachedDisk {
    wish: Option<Wish>,
    path: String,
    given: Value,
}

pub fn insert(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let order = read(compute, request)?;
    let path = order.path.clone();
    let zone = request.zone();
    let machine_type = order.machine_type;
    let failure = refuse_order(compute, (request.project(), zone), machine_type);
    make(compute, request, order)?;
    let stage = |status: &str| Effect::Status(path.clone(), status.to_owned());
    let mut start = Start::on("insert", &path).then(Effect::Started(path.clone()));
    if failure.is_none() {
        start = start.stage(35, stage("STAGING"));
    }
    let start = start.or_else(Effect::InstanceGone(path.clone()));
    compute.answer_begun(Start { failure, ..start })
}

/// Why an instance of a type cannot run in a zone now, if it cannot.
pub fn refuse_order(
    compute: &mut Compute,
    (project, zone): (&str, &str),
    of: &MachineType,
) -> Option<Failure> {
    let place = format!("projects/{project}/zones/{zone}");
    let fault = compute.faults.of_order(&of.name, zone);
    let scripted = fault.map(|fault| Failure::of_order(&fault, &place));
    scripted.or_else(|| quotas::exceeded(compute, (project, zone), of))
}

fn read(compute: &Compute, request: &Request) -> Result<Order, Refusal> {
    let name = request.required("name")?;
    names::check("resource.name", name)?;
    let path = format!("{}/{name}", request.path);
    compute.refuse_same_name(&path)?;
    let machine_type = read_machine_type(request)?;
    let field = |name: &str| request.body.get(name);
    Ok(Order {
        disks: read_disks(compute, request, &path, machine_type)?,
        nics: nics::read(compute, request)?,
        labels: labels::read(field("labels"))?,
        metadata: metadata::read(field("metadata"))?,
        tags: read_tags(field("tags"))?,
        scheduling: scheduling::read(field("scheduling"))?,
        accounts: read_accounts(compute, request)?,
        path,
        machine_type,
    })
}

/// The type that a request names, which has to be one of the zone.
pub fn read_machine_type(request: &Request) -> Result<&'static MachineType, Refusal> {
    let reference = request.required("machineType")?;
    let field = "resource.machineType";
    let path = resolve(request.project(), reference);
    if part(&path, "machineTypes").is_none() {
        let why = "The URL is malformed. Must be a valid partial or full URL of a machine type.";
        return Err(Refusal::invalid(field, reference, why));
    }
    let (zone, name) = (request.zone(), name_of(&path));
    if part(&path, "zones") != Some(zone) {
        return Err(Refusal::invalid(field, reference, format!("It is not in zone '{zone}'.")));
    }
    machine_types::find(name, zone).ok_or_else(|| {
        let why = format!("Machine type with name '{name}' does not exist in zone '{zone}'.");
        Refusal::invalid(field, reference, why)
    })
}

fn read_disks(
    compute: &Compute,
    request: &Request,
    instance: &str,
    machine_type: &MachineType,
) -> Result<Vec<AttachedDisk>, Refusal> {
    let given = request.body.get("disks").and_then(Value::as_array).cloned().unwrap_or_default();
    if !given.first().is_some_and(|first| first["boot"] == json!(true)) {
        let why = "Boot disk must be the first disk attached to the instance.";
        return Err(Refusal::invalid("resource.disks[0].boot", "false", why));
    }
    let mut disks = Vec::new();
    for (at, one) in given.into_iter().enumerate() {
        let disk = match one["source"].as_str().filter(|source| !source.is_empty()) {
            Some(source) => existing(compute, &resolve(request.project(), source), one.clone())?,
            None => fresh(compute, instance, (at, one))?,
        };
        check_fit(compute, &disk, machine_type)?;
        disks.push(disk);
    }
    Ok(disks)
}

/// A disk that there is, and that nobody uses.
fn existing(compute: &Compute, path: &str, given: Value) -> Result<AttachedDisk, Refusal> {
    let disk = compute.object(path)?;
    compute.refuse_unready(path)?;
    match disk.body["users"].get(0).and_then(Value::as_str) {
        Some(user) => Err(Refusal::in_use(path, &resolve("", user))),
        None => Ok(AttachedDisk { wish: None, path: path.to_owned(), given }),
    }
}

/// A disk to be made with the instance; the boot disk has its name.
fn fresh(
    compute: &Compute,
    instance: &str,
    (at, given): (usize, Value),
) -> Result<AttachedDisk, Refusal> {
    let home = instance.split("/instances/").next().unwrap_or_default();
    let usual = match at {
        0 => name_of(instance).to_owned(),
        at => format!("{}-{at}", name_of(instance)),
    };
    let parameters = &given["initializeParams"];
    let name = parameters["diskName"].as_str().unwrap_or(&usual);
    let path = format!("{home}/disks/{name}");
    compute.refuse_same_name(&path)?;
    let wish = disks::read(compute, &path, (parameters, "diskType", "diskSizeGb"))?;
    if at == 0 && wish.source.is_none() {
        let why = "Boot disk must have a source specified.";
        return Err(Refusal::invalid("resource.disks[0]", "", why));
    }
    Ok(AttachedDisk { wish: Some(wish), path, given })
}

/// Types of disks and architectures of images that a machine type cannot have.
fn check_fit(compute: &Compute, disk: &AttachedDisk, of: &MachineType) -> Result<(), Refusal> {
    let there = compute.objects.get(&disk.path).map(|disk| &disk.body);
    let source = disk.wish.as_ref().and_then(|wish| wish.source.as_ref());
    let body = source.map(|(.., body)| body).or(there);
    let architecture = body.and_then(|body| body["architecture"].as_str());
    if architecture.is_some_and(|architecture| architecture != of.architecture()) {
        let why = format!(
            "The selected machine type ({}) has an instance architecture of {}, which is not \
             compatible with the architecture of the boot disk",
            of.name,
            of.architecture()
        );
        return Err(Refusal::usage(&why));
    }
    let disk_type = disk.wish.as_ref().map(|wish| wish.disk_type.as_str());
    match disk_type.filter(|disk_type| of.refuses_disk(disk_type)) {
        Some(disk_type) => Err(Refusal::new(
            400,
            "badRequest",
            format!("[{disk_type}] features are not compatible for creating instance."),
        )),
        None => Ok(()),
    }
}

/// Reads network tags, and gives them their fingerprint.
pub fn read_tags(value: Option<&Value>) -> Result<Value, Refusal> {
    let items = value.and_then(|tags| tags["items"].as_array()).cloned().unwrap_or_default();
    for tag in &items {
        names::check("resource.tags.items[]", tag.as_str().unwrap_or_default())?;
    }
    if items.len() > 64 {
        return Err(Refusal::invalid("resource.tags.items[]", "", "At most 64 tags are allowed."));
    }
    let items = Value::Array(items);
    let mut tags = json!({"fingerprint": fingerprint::of(&items)});
    if items.as_array().is_some_and(|items| !items.is_empty()) {
        tags["items"] = items;
    }
    Ok(tags)
}

fn read_accounts(compute: &Compute, request: &Request) -> Result<Value, Refusal> {
    let mut accounts = request.body.get("serviceAccounts").cloned().unwrap_or(json!([]));
    let list = accounts.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
    if list.len() > 1 {
        let why = "At most one service account is allowed.";
        return Err(Refusal::invalid("resource.serviceAccounts", "", why));
    }
    for account in list {
        if account["email"] == "default" {
            let project = compute.object(&format!("projects/{}", request.project()))?;
            account["email"] = project.body["defaultServiceAccount"].clone();
        }
    }
    Ok(accounts)
}

/// Makes the instance and its disks.
fn make(compute: &mut Compute, request: &Request, order: Order) -> Result<(), Refusal> {
    let path = order.path;
    let of = order.machine_type;
    let mut instance = compute.new_object("instance", &path);
    let home = format!("projects/{}/zones/{}", request.project(), request.zone());
    instance.set("status", "PROVISIONING");
    instance.set("machineType", link(&format!("{home}/machineTypes/{}", of.name)));
    instance.set("cpuPlatform", of.platform());
    instance.set("networkInterfaces", order.nics);
    instance.set("metadata", order.metadata);
    instance.set("tags", order.tags);
    instance.set("scheduling", order.scheduling);
    instance.set("deletionProtection", false);
    instance.set("canIpForward", false);
    instance.set("startRestricted", false);
    instance.set("fingerprint", fingerprint::of(&json!(path)));
    let free = ["description", "hostname", "canIpForward", "deletionProtection", "minCpuPlatform"];
    for given in free.iter().chain(&["shieldedInstanceConfig", "keyRevocationActionType"]) {
        instance.set_given(given, request.body.get(*given));
    }
    if order.accounts.as_array().is_some_and(|accounts| !accounts.is_empty()) {
        instance.set("serviceAccounts", order.accounts);
    }
    instance.set_labels(order.labels);
    let disks = order.disks.into_iter().enumerate();
    let attached: Vec<Value> = disks.map(|(at, disk)| attach(compute, &path, (at, disk))).collect();
    instance.set("disks", attached);
    compute.objects.insert(path.clone(), instance);
    nics::give_addresses(compute, &path);
    Ok(())
}

/// Makes a disk where it is a new one, and answers what the instance shows of it.
fn attach(compute: &mut Compute, instance: &str, (at, disk): (usize, AttachedDisk)) -> Value {
    let AttachedDisk { wish, path, given } = disk;
    match wish {
        Some(wish) => drop(wish.make(compute, Some(instance))),
        None => {
            if let Ok(disk) = compute.object_mut(&path) {
                disk.set("users", json!([link(instance)]));
            }
        }
    }
    let body = compute.objects.get(&path).map(|disk| disk.body.clone()).unwrap_or_default();
    let usual = format!("persistent-disk-{at}");
    let mut drawn = json!({
        "kind": "compute#attachedDisk",
        "type": "PERSISTENT",
        "mode": given["mode"].as_str().unwrap_or("READ_WRITE"),
        "source": link(&path),
        "deviceName": given["deviceName"].as_str().unwrap_or(&usual),
        "index": at,
        "boot": at == 0,
        "autoDelete": given["autoDelete"] == json!(true),
        "interface": given["interface"].as_str().unwrap_or("SCSI"),
        "diskSizeGb": body["sizeGb"],
    });
    for kept in ["licenses", "guestOsFeatures", "architecture"] {
        if !body[kept].is_null() {
            drawn[kept] = body[kept].clone();
        }
    }
    drawn
}
