//! Lists: filtered, ordered, and cut into pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::chassis::answer::Answer;
use super::filter::Filter;
use super::paths::link;
use super::refusal::Refusal;
use super::request::Request;

/// The objects of a list, with the path of each.
pub type Listed<'a> = Vec<(String, &'a Value)>;

/// A page of a list.
pub struct Page<'a> {
    pub shown: Listed<'a>,
    pub next: Option<String>,
}

/// Cuts out the page that was asked for.
pub fn page<'a>(request: &Request, mut objects: Listed<'a>) -> Result<Page<'a>, Refusal> {
    if let Some(text) = request.query("filter") {
        let filter = Filter::parse(text)?;
        objects.retain(|(_, object)| filter.matches(object));
    }
    order(request, &mut objects)?;
    let most = most_results(request)?;
    let begin = match request.query("pageToken") {
        None => 0,
        Some(token) => after(token, &objects)?,
    };
    let mut shown = objects.split_off(begin.min(objects.len()));
    let is_cut = shown.len() > most;
    shown.truncate(most);
    let last = shown.last().filter(|_| is_cut);
    let next = last.map(|(path, _)| URL_SAFE_NO_PAD.encode(path));
    Ok(Page { shown, next })
}

fn most_results(request: &Request) -> Result<usize, Refusal> {
    let Some(text) = request.query("maxResults") else { return Ok(500) };
    match text.parse() {
        Ok(0) => Ok(500),
        Ok(most @ 1..=500) => Ok(most),
        _ => Err(Refusal::invalid("maxResults", text, "Must be between 0 and 500, inclusive.")),
    }
}

/// Where the page begins whose token names the last object of the one before;
/// objects by name stay in their order when that one is gone.
fn after(token: &str, objects: &Listed) -> Result<usize, Refusal> {
    let wrong = || Refusal::invalid("pageToken", token, "The page token is not valid.");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    let last = String::from_utf8(bytes).map_err(|_| wrong())?;
    let place = objects.iter().position(|(path, _)| *path == last);
    Ok(place.map_or_else(|| objects.partition_point(|(path, _)| *path <= last), |at| at + 1))
}

fn order(request: &Request, objects: &mut Listed) -> Result<(), Refusal> {
    match request.query("orderBy") {
        None | Some("name") => objects.sort_by(|(a, _), (b, _)| a.cmp(b)),
        Some("creationTimestamp desc") => {
            let made = |value: &Value| value["creationTimestamp"].as_str().unwrap_or("").to_owned();
            objects.sort_by_key(|(path, object)| std::cmp::Reverse((made(object), path.clone())));
        }
        Some(other) => {
            let why = "Only 'name' and 'creationTimestamp desc' are supported.";
            return Err(Refusal::invalid("orderBy", other, why));
        }
    }
    Ok(())
}

/// `{"kind", "id", "items", "nextPageToken", "selfLink"}`; without objects there
/// are no `items`.
pub fn answer(request: &Request, kind: &str, objects: Listed) -> Result<Answer, Refusal> {
    let page = page(request, objects)?;
    let items: Vec<&Value> = page.shown.iter().map(|(_, object)| *object).collect();
    let mut body = json!({
        "kind": format!("compute#{kind}List"),
        "id": request.path,
        "selfLink": link(&request.path),
    });
    if !items.is_empty() {
        body["items"] = json!(items);
    }
    if let Some(next) = page.next {
        body["nextPageToken"] = next.into();
    }
    Answer::ok(body)
}
