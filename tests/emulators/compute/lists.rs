//! Lists of many objects.

use std::time::Instant;

use serde_json::{Value, json};

use super::{PROJECT, insert, order, slow, start, zonal};
use crate::client::get;

#[tokio::test]
async fn a_thousand_instances_are_ten_quick_pages() {
    let to = start(slow()).await;
    for number in 0..1000 {
        let mut order = order(&format!("many-{number:04}"));
        order["labels"] = json!({"half": (number % 2).to_string()});
        insert(&to, order).await;
    }
    let begin = Instant::now();
    let (mut seen, mut pages, mut token) = (Vec::new(), 0, Value::Null);
    loop {
        let token_part = token.as_str().map(|t| format!("&pageToken={t}")).unwrap_or_default();
        let path = format!("{PROJECT}/aggregated/instances?maxResults=100{token_part}");
        let body = get(&to, &path).await.body;
        let scope = &body["items"]["zones/us-central1-a"];
        seen.extend(scope["instances"].as_array().unwrap().iter().map(|i| i["name"].to_string()));
        pages += 1;
        token = body["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    assert!(pages == 10 && seen.len() == 1000 && seen.is_sorted());
    let half = get(&to, &zonal("instances?filter=labels.half%3D1")).await.body;
    assert_eq!(half["items"].as_array().unwrap().len(), 500);
    for wrong in ["maxResults=501", "pageToken=%21", "filter=a", "orderBy=size"] {
        let reply = get(&to, &zonal(&format!("instances?{wrong}"))).await;
        assert_eq!(reply.reason(), "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn a_page_begins_after_the_last_object_even_when_that_is_gone() {
    let to = start(slow()).await;
    for name in ["a", "b", "c"] {
        insert(&to, order(name)).await;
    }
    let first = get(&to, &zonal("instances?maxResults=2")).await.body;
    super::pass(&to, 100).await;
    super::remove(&to, &zonal("instances/b")).await;
    super::pass(&to, 100).await;
    let token = first["nextPageToken"].as_str().unwrap();
    let second = get(&to, &zonal(&format!("instances?pageToken={token}"))).await.body;
    assert_eq!(second["items"][0]["name"], "c");
}
