//! The table of endpoints: a method, a path template, a function.

use super::answer::{Answer, Refusal};
use super::project::Project;
use super::request::Request;
use super::{
    actions, firewalls, images, locations, placement_groups, pricing, primary_ips, server_types,
    servers, ssh_keys, unserved,
};

pub type Handler = fn(&mut Project, &Request) -> Result<Answer, Refusal>;
pub type Route = super::chassis::cloud::Route<Project>;

pub const fn get(template: &'static str, handler: Handler) -> Route {
    Route { method: "GET", template, handler }
}

pub const fn post(template: &'static str, handler: Handler) -> Route {
    Route { method: "POST", template, handler }
}

pub const fn put(template: &'static str, handler: Handler) -> Route {
    Route { method: "PUT", template, handler }
}

pub const fn delete(template: &'static str, handler: Handler) -> Route {
    Route { method: "DELETE", template, handler }
}

/// Every endpoint of the API that is emulated.
pub fn all() -> impl Iterator<Item = Route> {
    let tables = [
        actions::ROUTES,
        firewalls::ROUTES,
        images::ROUTES,
        locations::ROUTES,
        placement_groups::ROUTES,
        pricing::ROUTES,
        primary_ips::ROUTES,
        server_types::ROUTES,
        servers::ROUTES,
        servers::actions::ROUTES,
        ssh_keys::ROUTES,
        unserved::ROUTES,
    ];
    tables.into_iter().flatten().copied()
}
