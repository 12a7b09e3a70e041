//! What a project here never has (empty lists), and what the API no longer
//! has (`/datacenters`, which answers 410 since October 2026).

use serde_json::json;

use super::answer::{Answer, Refusal};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, get};

pub const ROUTES: &[Route] = &[
    get("/datacenters", gone),
    get("/datacenters/{id}", gone),
    get("/certificates", none),
    get("/floating_ips", none),
    get("/isos", none),
    get("/load_balancers", none),
    get("/load_balancer_types", none),
    get("/networks", none),
    get("/volumes", none),
];

fn gone(_: &mut Project, _: &Request) -> Result<Answer, Refusal> {
    Err(Refusal::new("deprecated_api_endpoint", "datacenters are gone: use locations"))
}

fn none(_: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(json!({
        request.collection(): [],
        "meta": {"pagination": {
            "page": 1, "per_page": 25, "previous_page": null, "next_page": null,
            "last_page": 1, "total_entries": 0,
        }},
    }))
}
