//! Locations.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, get};

pub const ROUTES: &[Route] = &[get("/locations", list), get("/locations/{id}", show)];

pub struct Location {
    pub id: u64,
    pub name: &'static str,
    description: &'static str,
    country: &'static str,
    city: &'static str,
    latitude: f64,
    longitude: f64,
    pub zone: &'static str,
}

pub const LOCATIONS: &[Location] = &[
    place(1, "fsn1", ["Falkenstein DC Park 1", "DE", "Falkenstein"], [50.47612, 12.370071], EU),
    place(2, "nbg1", ["Nuremberg DC Park 1", "DE", "Nuremberg"], [49.452102, 11.076665], EU),
    place(3, "hel1", ["Helsinki DC Park 1", "FI", "Helsinki"], [60.169855, 24.938379], EU),
    place(4, "ash", ["Ashburn, VA", "US", "Ashburn, VA"], [39.045821, -77.487073], "us-east"),
    place(5, "hil", ["Hillsboro, OR", "US", "Hillsboro, OR"], [45.54222, -122.951924], "us-west"),
    place(6, "sin", ["Singapore", "SG", "Singapore"], [1.283333, 103.833333], "ap-southeast"),
];

const EU: &str = "eu-central";

const fn place(
    id: u64,
    name: &'static str,
    [description, country, city]: [&'static str; 3],
    [latitude, longitude]: [f64; 2],
    zone: &'static str,
) -> Location {
    Location { id, name, description, country, city, latitude, longitude, zone }
}

/// Finds a location by name or id.
pub fn find(reference: &str) -> Option<&'static Location> {
    LOCATIONS.iter().find(|l| l.name == reference || l.id.to_string() == reference)
}

pub fn draw_named(name: &str) -> Value {
    find(name).map_or(Value::Null, draw)
}

fn draw(location: &Location) -> Value {
    json!({
        "id": location.id,
        "name": location.name,
        "description": location.description,
        "country": location.country,
        "city": location.city,
        "latitude": location.latitude,
        "longitude": location.longitude,
        "network_zone": location.zone,
    })
}

impl Listed for Location {
    fn id(&self) -> u64 {
        self.id
    }
    fn name(&self) -> &str {
        self.name
    }
}

fn list(_: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let objects = LOCATIONS.iter().collect();
    Listing { key: "locations", sortable: &["id", "name"], objects }.answer(request, draw)
}

fn show(_: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    match LOCATIONS.iter().find(|l| l.id == request.id) {
        Some(location) => Answer::ok(json!({"location": draw(location)})),
        None => Err(Refusal::not_found("location", request.id)),
    }
}
