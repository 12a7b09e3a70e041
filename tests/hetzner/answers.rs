//! Tokens that are refused, servers that are dead, and answers that are none.

use sandplan::provider::hetzner::client::Client;
use sandplan::provider::hetzner::pages::Filter;
use sandplan::provider::hetzner::wire::{Location, Server};
use sandplan::provider::{Committed, ProviderError, ProviderErrorKind};
use tokio::net::TcpListener;

use crate::canned::{Canned, json, reply};
use crate::{Settings, client_of, hasty, order, quick, world_of};

async fn listing(client: &Client) -> ProviderError {
    client.list::<Location>(&Filter::all()).await.unwrap_err()
}

async fn listing_of(bytes: Vec<u8>) -> (ProviderError, usize) {
    let server = Canned::serve(move |_, _| bytes.clone()).await;
    let error = listing(&client_of(&server.url, "t", hasty())).await;
    (error, server.asked())
}

#[tokio::test]
async fn a_wrong_token_is_denied_and_never_repeated() {
    let settings = Settings { token: Some("right".into()), ..quick() };
    let world = world_of(settings, hasty()).await;
    let error = listing(&client_of(&world.emulator.url(), "wrong-one", hasty())).await;
    assert_eq!(error.kind, ProviderErrorKind::Denied);
    assert!(error.message.contains("unauthorized"), "{}", error.message);
    assert!(error.message.contains("`sandplan init`"), "{}", error.message);
    assert!(error.message.contains("It has 9 characters"), "{}", error.message);
    assert!(!error.message.contains("wrong-one"), "{}", error.message);
    assert_eq!(world.count("GET /locations").await, 1);
}

#[tokio::test]
async fn a_token_that_may_only_read_reads() {
    let settings = Settings { readonly_token: Some("reader".into()), ..quick() };
    let world = world_of(settings, hasty()).await;
    let client = client_of(&world.emulator.url(), "reader", hasty());
    assert_eq!(client.list::<Location>(&Filter::all()).await.unwrap().len(), 6);
    let error = client.create_server(&order("web")).await.unwrap_err();
    assert_eq!((error.kind, error.committed), (ProviderErrorKind::Denied, Committed::No));
    assert!(error.message.contains("read and write permission"), "{}", error.message);
}

#[tokio::test]
async fn a_dead_server_is_unavailable_and_nothing_was_done() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client_of(&format!("http://{free}"), "t", hasty());
    let error = client.create_server(&order("web")).await.unwrap_err();
    assert_eq!((error.kind, error.committed), (ProviderErrorKind::Unavailable, Committed::No));
    assert!(error.message.contains("127.0.0.1: Connection refused"), "{}", error.message);
}

#[tokio::test]
async fn a_page_of_html_is_named_as_such() {
    let (error, asked) = listing_of(reply(200, "text/html", "<html>Please log in</html>")).await;
    assert_eq!(error.kind, ProviderErrorKind::Unavailable);
    assert!(error.message.contains("<html>Please log in"), "{}", error.message);
    assert!(error.message.contains("Check the endpoint"), "{}", error.message);
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn an_empty_or_foreign_answer_is_an_error() {
    for body in ["", "{}", "[]", "null", r#"{"locations": {}}"#, r#"{"locations": [{}]}"#] {
        let (error, _) = listing_of(json(body)).await;
        assert_eq!(error.kind, ProviderErrorKind::Unavailable, "{body}");
        assert!(error.message.contains("not one of its API"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Canned::serve(|_, _| json(r#"{"locations": []}"#)).await;
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/locations\r\nContent-Length: 0\r\n\r\n",
        target.url
    );
    let (error, _) = listing_of(moved.into_bytes()).await;
    assert!(error.message.contains("(HTTP 302)"), "{}", error.message);
    assert_eq!(target.asked(), 0);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let whole = r#"{"locations": [{"id": 4, "name": "ash"}]}"#;
    let server = Canned::serve(move |number, _| {
        let bytes = json(whole);
        if number < 2 { bytes[..bytes.len() - 10].to_vec() } else { bytes }
    })
    .await;
    let client = client_of(&server.url, "t", hasty());
    let locations = client.list::<Location>(&Filter::all()).await.unwrap();
    assert_eq!((locations[0].name.as_str(), server.asked()), ("ash", 3));
}

#[tokio::test]
async fn an_order_whose_answer_breaks_off_is_sent_once_and_in_doubt() {
    let truncated = json(r#"{"server": {"id": 1}}"#);
    let truncated = truncated[..truncated.len() - 4].to_vec();
    let garbage = json("}{");
    let page = reply(502, "text/html", "<html>bad gateway</html>");
    for bytes in [truncated, garbage, page, Vec::new(), json("")] {
        let server = Canned::serve(move |_, _| bytes.clone()).await;
        let client = client_of(&server.url, "t", hasty());
        let error = client.create_server(&order("web")).await.unwrap_err();
        assert_eq!(error.committed, Committed::Unknown, "{}", error.message);
        assert_eq!((error.kind, server.asked()), (ProviderErrorKind::Unavailable, 1));
    }
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let server = Canned::serve(|_, _| {
        let body = format!(r#"{{"servers": "{}"}}"#, "x".repeat(17 * 1024 * 1024));
        json(&body)
    })
    .await;
    let client = client_of(&server.url, "t", hasty());
    let error = client.list::<Server>(&Filter::all()).await.unwrap_err();
    assert!(error.message.contains("larger than 16 MiB"), "{}", error.message);
}
