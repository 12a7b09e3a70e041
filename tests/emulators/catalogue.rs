//! What sandplan reads of the shelves, against an emulator that is an
//! independent reading of the API.

use serde_json::Value;

use sandplan::provider::cloud::catalogue::Catalogue;
use sandplan::provider::cloud::offer::offer;
use sandplan::provider::cloud::wish::Wish;
use sandplan::provider::hetzner::TERMS;
use sandplan::provider::hetzner::shelves::{self, Answers};
use sandplan::value::Value as Attributes;

use crate::client::{get, start};
use crate::quick;

async fn catalogue() -> Catalogue {
    let emulator = start(quick()).await;
    let list = async |path: &str, key: &str| match get(&emulator, path).await.body[key].take() {
        Value::Array(elements) => elements,
        other => panic!("{path}: {other}"),
    };
    let types = list("/server_types?per_page=50", "server_types").await;
    let locations = list("/locations", "locations").await;
    let images = list("/images?type=system&include_deprecated=true&per_page=50", "images").await;
    let pricing = get(&emulator, "/pricing").await.body["pricing"].take();
    let answers = Answers {
        server_types: &types,
        locations: &locations,
        images: &images,
        pricing: Some(&pricing),
    };
    let catalogue = shelves::catalogue(&answers, jiff::Timestamp::now()).unwrap();
    assert_eq!(catalogue.server_types.len(), types.len());
    assert_eq!(catalogue.locations.len(), locations.len());
    assert_eq!(catalogue.images.len(), images.len());
    catalogue
}

#[tokio::test]
async fn every_entry_of_the_shelves_is_read_with_a_price_and_a_standing() {
    let catalogue = catalogue().await;
    assert_eq!(&*catalogue.currency, "EUR");
    for of in &catalogue.server_types {
        assert!(!of.offers.is_empty(), "{}", of.name);
        for (location, offer) in &of.offers {
            assert!(catalogue.hourly(of, location).is_some(), "{} in {location}", of.name);
            assert!(offer.available.is_some(), "{} in {location}", of.name);
        }
    }
}

#[tokio::test]
async fn the_default_class_is_the_type_of_today() {
    let catalogue = catalogue().await;
    let wish = Wish::of(&TERMS, &Attributes::object::<&str>([]), &[]).unwrap();
    let offered = offer(&catalogue, &wish).unwrap();
    assert_eq!(offered.candidates.len(), 1);
    assert_eq!(offered.candidates[0].server_type, "cpx32");
    assert_eq!(offered.candidates[0].location, "ash");
}
