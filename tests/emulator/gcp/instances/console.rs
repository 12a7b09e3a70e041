//! The serial port: what the first process of a body has said.

use serde_json::json;

use super::super::chassis::answer::Answer;
use super::super::compute::Compute;
use super::super::paths::link;
use super::super::refusal::Refusal;
use super::super::request::Request;

/// `getSerialPortOutput`: all from `start` on; nothing where there is no body.
pub fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    compute.object(&path)?;
    let place = compute.terms.bodies.as_ref().zip(compute.boot_disk(&path));
    let log = place.map(|(bodies, disk)| bodies.join(disk.to_string()).join("console.log"));
    let said = log.and_then(|log| std::fs::read(log).ok()).unwrap_or_default();
    let start: usize = request.query("start").and_then(|text| text.parse().ok()).unwrap_or(0);
    let contents = String::from_utf8_lossy(said.get(start..).unwrap_or_default()).into_owned();
    Answer::ok(json!({
        "kind": "compute#serialPortOutput",
        "contents": contents,
        "start": start.to_string(),
        "next": said.len().max(start).to_string(),
        "selfLink": link(&request.path),
    }))
}
