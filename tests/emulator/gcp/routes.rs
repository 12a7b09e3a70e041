//! The table of endpoints, and what every request passes on its way to one.

use super::chassis::answer::Answer;
use super::compute::Compute;
use super::operations;
use super::refusal::Refusal;
use super::request::Request;
use super::{
    disks, firewalls, images, instances, machine_types, networks, projects, public_images,
    snapshots, zones,
};

pub type Handler = fn(&mut Compute, &Request) -> Result<Answer, Refusal>;

#[derive(Clone, Copy)]
pub struct Endpoint {
    pub method: &'static str,
    pub template: &'static str,
    pub handler: Handler,
}

pub const fn get(template: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "GET", template, handler }
}

pub const fn post(template: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "POST", template, handler }
}

pub const fn put(template: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "PUT", template, handler }
}

pub const fn patch(template: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "PATCH", template, handler }
}

pub const fn delete(template: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "DELETE", template, handler }
}

/// Every endpoint of the API that is emulated.
pub fn all() -> impl Iterator<Item = Endpoint> {
    let tables = [
        disks::ROUTES,
        firewalls::ROUTES,
        images::ROUTES,
        instances::ROUTES,
        instances::changes::ROUTES,
        machine_types::ROUTES,
        networks::ROUTES,
        operations::ROUTES,
        projects::ROUTES,
        snapshots::ROUTES,
        zones::ROUTES,
    ];
    tables.into_iter().flatten().copied()
}

pub fn find(method: &str, template: &str) -> Option<Endpoint> {
    all().find(|endpoint| endpoint.method == method && endpoint.template == template)
}

/// Checks where a request goes, and calls its handler; a `requestId` that was
/// used before is answered with the operation that it began then.
pub fn dispatch(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    check_place(compute, request)?;
    let id = request.query("requestId").filter(|_| request.writes());
    let Some(id) = id else { return (request.handler)(compute, request) };
    if uuid::Uuid::parse_str(id).map_or(true, |id| id.is_nil()) {
        return Err(Refusal::invalid("requestId", id, "Must be a valid UUID that is not zero."));
    }
    let what = format!("{} {}", request.method, request.path);
    match compute.receipts.get(id) {
        Some((used_for, operation)) if *used_for == what => compute.answer_operation(operation),
        Some(_) => Err(Refusal::invalid("requestId", id, "It was used for another request.")),
        None => {
            let answer = (request.handler)(compute, request)?;
            if let Some(operation) = operations::path_of(&answer) {
                compute.receipts.insert(id.to_owned(), (what, operation));
            }
            Ok(answer)
        }
    }
}

fn check_place(compute: &mut Compute, request: &Request) -> Result<(), Refusal> {
    let project = request.project();
    let zone = request.zone();
    let region = request.parameter("region");
    if public_images::is_public(&request.path) {
        if request.writes() {
            let message = format!("Required permission for 'projects/{project}'");
            return Err(Refusal::new(403, "forbidden", message));
        }
    } else if compute.terms.project.as_deref().is_some_and(|only| only != project) {
        return Err(Refusal::not_found(&format!("projects/{project}")));
    } else {
        projects::make_ready(compute, project);
    }
    let is_any = zone == "-" && request.template.contains("/imageFamilyViews/");
    if !zone.is_empty() && !is_any && !zones::all_zones().any(|known| known == zone) {
        return Err(Refusal::invalid("zone", zone, "Unknown zone."));
    }
    if !region.is_empty() && !zones::REGIONS.iter().any(|known| known.name == region) {
        return Err(Refusal::invalid("region", region, "Unknown region."));
    }
    Ok(())
}
