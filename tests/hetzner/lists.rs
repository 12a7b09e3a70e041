//! Listings: how many requests they take, and what they miss (nothing).

use std::time::Instant;

use sandplan::provider::hetzner::pages::Filter;
use sandplan::provider::hetzner::selector::Selector;
use sandplan::provider::hetzner::wire::Server;

use crate::canned::{Canned, json};
use crate::{World, client_of, hasty, order, world};

/// Orders so many servers, eight at a time.
async fn fill(world: &World, count: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let client = world.client.clone();
        tasks.spawn(async move {
            let mut order = order(&format!("web-{number}"));
            let project = if number % 2 == 0 { "even" } else { "odd" };
            order.labels = Some([("sandplan-project".to_owned(), project.to_owned())].into());
            client.create_server(&order).await.unwrap()
        });
    }
    tasks.join_all().await;
}

async fn list(world: &World, filter: &Filter) -> Vec<Server> {
    world.client.list(filter).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_servers_take_twenty_requests() {
    let world = world().await;
    fill(&world, 1000).await;
    world.forget_requests().await;
    let began = Instant::now();
    let servers = list(&world, &Filter::labelled(&Selector::ours())).await;
    eprintln!("1,000 servers listed in {:?}", began.elapsed());
    assert_eq!(servers.len(), 1000);
    assert!(servers.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(world.requests().await["total"], 20);
}

#[tokio::test]
async fn lists_of_none_and_of_a_full_page_take_one_request() {
    let world = world().await;
    assert!(list(&world, &Filter::all()).await.is_empty());
    assert_eq!(world.count("GET /servers").await, 1);
    fill(&world, 50).await;
    assert_eq!(list(&world, &Filter::all()).await.len(), 50);
    assert_eq!(world.count("GET /servers").await, 2);
}

#[tokio::test]
async fn only_what_has_the_labels_is_listed() {
    let world = world().await;
    fill(&world, 5).await;
    world.order("foreign").await;
    let count = async |selector| list(&world, &Filter::labelled(&selector)).await.len();
    assert_eq!(count(Selector::ours()).await, 5);
    assert_eq!(count(Selector::project("even")).await, 3);
    assert_eq!(count(Selector::project("eve")).await, 0);
    assert_eq!(list(&world, &Filter::named("foreign")).await.len(), 1);
}

fn page(ids: &[u64], page: u64, total: u64) -> Vec<u8> {
    let servers: Vec<String> = ids.iter().map(|id| format!(r#"{{"id": {id}}}"#)).collect();
    json(&format!(
        r#"{{"servers": [{}], "meta": {{"pagination":
            {{"page": {page}, "next_page": null, "last_page": 2, "total_entries": {total}}}}}}}"#,
        servers.join(",")
    ))
}

async fn ids(server: &Canned) -> Vec<u64> {
    let client = client_of(&server.url, "t", hasty());
    client.list::<Server>(&Filter::all()).await.unwrap().iter().map(|server| server.id).collect()
}

/// Server 1 is deleted between the pages: 3 moves to the first page.
#[tokio::test]
async fn a_list_that_changes_between_its_pages_is_read_again() {
    let server = Canned::serve(|number, target| {
        match (number, target.contains("&page=2") || target.contains("?page=2")) {
            (0, _) => page(&[1, 2], 1, 4),
            (_, true) => page(&[4], 2, 3),
            (_, false) => page(&[2, 3], 1, 3),
        }
    })
    .await;
    assert_eq!(ids(&server).await, [2, 3, 4]);
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
async fn a_list_that_never_settles_has_all_that_was_seen() {
    let server = Canned::serve(|number, _| page(&[number as u64 + 1], 1, 100)).await;
    assert_eq!(ids(&server).await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn pages_are_followed_where_nobody_counts_them() {
    let server = Canned::serve(|number, _| {
        let next = if number < 2 { (number + 2).to_string() } else { "null".to_owned() };
        json(&format!(
            r#"{{"servers": [{{"id": {}}}], "meta": {{"pagination": {{"next_page": {next}}}}}}}"#,
            number + 1
        ))
    })
    .await;
    assert_eq!(ids(&server).await, [1, 2, 3]);
}
