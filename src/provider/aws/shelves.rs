//! What EC2 sells, in the provider's regions: instance types by zone, images by name,
//! and prices where somebody says one. What is put together is pure.
//!
//! Of its many hundred types only those are looked at that a sandbox names, and a few
//! families that serve for a `size`.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;
use jiff::Timestamp;

use super::calls::subnets::Subnet;
use super::client::Client;
use super::wire::{Image, InstanceType, SpotPrice};
use super::{TERMS, own};
use crate::provider::ProviderError;
use crate::provider::cloud::catalogue::{self, Catalogue, Offer, ServerType};
use crate::provider::cloud::region::{self, names};
use crate::value::Value;

/// The families that serve for a `size`. Where prices do not decide, the first will do.
const FAMILIES: [&str; 9] = ["t3", "t3a", "t4g", "m7i", "c7i", "r7i", "m7g", "c7g", "r7g"];
/// Their sizes; those that a family lacks are not found.
const SIZES: [&str; 9] =
    ["small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];
/// The rank of types that only serve where they are named.
const NAMED_ONLY: u32 = 100;

/// Who publishes the images that have names here: Canonical and Debian.
const OWNERS: [&str; 2] = ["099720109477", "136693071363"];
/// What their images are called: the name here, and EC2's for x86 and arm.
const IMAGES: [(&str, &str, &str); 4] = [
    ("ubuntu-24.04", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-", "-server-"),
    ("ubuntu-22.04", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-", "-server-"),
    ("debian-13", "debian-13-", "-"),
    ("debian-12", "debian-12-", "-"),
];

/// What sandboxes that will be planned name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    pub types: BTreeSet<String>,
    pub subnets: BTreeSet<String>,
    pub has_spot: bool,
}

impl Expected {
    /// Reads the arguments and attributes of sandboxes.
    pub fn of(sandboxes: &[Value]) -> Self {
        let mut expected = Self::default();
        for sandbox in sandboxes {
            let asked = sandbox.get("aws").and_then(|own| own.get(TERMS.type_argument));
            expected.types.extend(asked.and_then(names).unwrap_or_default());
            let has = sandbox.get("server_type").and_then(Value::as_str);
            expected.types.extend(has.map(str::to_owned));
            expected.subnets.extend(own::subnet(sandbox).map(str::to_owned));
            expected.has_spot |= own::is_spot(sandbox);
        }
        // A name is a filter, in which these would stand for anything.
        expected.types.retain(|name| !name.is_empty() && !name.contains(['*', '?', '\\']));
        expected
    }

    /// Lists what instance types to ask for.
    fn types(&self) -> Vec<String> {
        let usual = FAMILIES.iter().flat_map(|of| SIZES.map(|size| format!("{of}.{size}")));
        let mut all: BTreeSet<String> = usual.collect();
        all.extend(self.types.iter().cloned());
        all.into_iter().collect()
    }
}

fn family(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What a region answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    pub region: String,
    pub types: Vec<InstanceType>,
    /// Pairs of a type and a zone that has it.
    pub offerings: Vec<(String, String)>,
    pub images: Vec<Image>,
    pub subnets: Vec<Subnet>,
    pub spot: Vec<SpotPrice>,
}

impl Answers {
    /// Asks a region: about six calls.
    pub async fn fetch(
        client: &Client,
        region: &str,
        expected: &Expected,
    ) -> Result<Self, ProviderError> {
        let types = expected.types();
        let named: Vec<String> = image_patterns();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        let spot = async {
            match expected.has_spot {
                true => client.spot_prices(region, &types).await,
                false => Ok(Vec::new()),
            }
        };
        let (types, offerings, images, subnets, spot) = tokio::try_join!(
            client.instance_types(region, &types),
            client.offerings(region, &types),
            client.images_named(region, &OWNERS, &named),
            client.subnets(region),
            spot,
        )?;
        Ok(Self { region: region.to_owned(), types, offerings, images, subnets, spot })
    }
}

fn image_patterns() -> Vec<String> {
    let of = |arch: &str| IMAGES.map(|(_, before, after)| format!("{before}{arch}{after}*"));
    ["amd64", "arm64"].into_iter().flat_map(of).collect()
}

/// What EC2 sells on demand and on the spot market.
#[derive(Debug, Clone, PartialEq)]
pub struct Shelves {
    pub on_demand: Catalogue,
    /// Nothing where no sandbox asks for it.
    pub spot: Option<Catalogue>,
    /// The zone of each subnet.
    pub zones: BTreeMap<String, String>,
}

impl Shelves {
    /// Puts the answers of regions together; `prices` are the user's, in USD per hour.
    pub fn new(
        answers: &[Answers],
        (expected, prices): (&Expected, &BTreeMap<String, BigDecimal>),
        as_of: Timestamp,
    ) -> Self {
        let listed = |kind: &InstanceType, _: &str| Offer {
            hourly: prices.get(&kind.name).cloned(),
            ..Offer::default()
        };
        let spot = newest_prices(answers);
        let priced = |kind: &InstanceType, zone: &str| Offer {
            hourly: spot.get(&(kind.name.as_str(), zone)).map(|price| price.hourly.clone()),
            ..Offer::default()
        };
        let with_spot = |kind: &InstanceType| kind.has_spot;
        let subnets = answers.iter().flat_map(|of| &of.subnets);
        Self {
            on_demand: catalogue(answers, expected, (as_of, &|_| true, &listed)),
            spot: expected
                .has_spot
                .then(|| catalogue(answers, expected, (as_of, &with_spot, &priced))),
            zones: subnets.map(|subnet| (subnet.id.clone(), subnet.zone.clone())).collect(),
        }
    }

    /// Returns what a sandbox is chosen from.
    pub fn of(&self, attributes: &Value) -> &Catalogue {
        match (&self.spot, own::is_spot(attributes)) {
            (Some(spot), true) => spot,
            _ => &self.on_demand,
        }
    }
}

type Rules<'a> =
    (Timestamp, &'a dyn Fn(&InstanceType) -> bool, &'a dyn Fn(&InstanceType, &str) -> Offer);

fn catalogue(
    answers: &[Answers],
    expected: &Expected,
    (as_of, is_sold, offer): Rules<'_>,
) -> Catalogue {
    let locations: Vec<String> = answers.iter().flat_map(|of| zones(of, expected)).collect();
    let mut types: BTreeMap<String, ServerType> = BTreeMap::new();
    for of in answers {
        for kind in of.types.iter().filter(|kind| is_sold(kind)) {
            let listed = types.entry(kind.name.clone()).or_insert_with(|| server_type(kind));
            let zones = of.offerings.iter().filter(|(name, _)| *name == kind.name);
            let zones = zones.filter(|(_, zone)| locations.contains(zone));
            listed.offers.extend(zones.map(|(_, zone)| (zone.clone(), offer(kind, zone))));
        }
    }
    Catalogue {
        terms: &TERMS,
        as_of,
        currency: "USD".into(),
        server_types: types.into_values().collect(),
        locations,
        images: answers.iter().flat_map(images).collect(),
        ipv4: None,
    }
}

/// Lists the zones that a sandbox can be put into, in order of their names.
fn zones(of: &Answers, expected: &Expected) -> BTreeSet<String> {
    let usable = of.subnets.iter().filter(|s| s.is_default || expected.subnets.contains(&s.id));
    // Local zones, which are called otherwise, are left alone.
    let near = usable.filter(|subnet| region::of(&subnet.zone) == of.region);
    near.map(|subnet| subnet.zone.clone()).collect()
}

fn server_type(kind: &InstanceType) -> ServerType {
    let rank = FAMILIES.iter().position(|family| *family == self::family(&kind.name));
    ServerType {
        name: kind.name.clone(),
        cores: kind.cores,
        memory: BigDecimal::from(kind.memory) / BigDecimal::from(1024),
        disk: None,
        cpu: if kind.is_burstable { "shared" } else { "dedicated" }.to_owned(),
        architecture: architecture(kind.architectures.first().map_or("", String::as_str)),
        rank: rank.and_then(|rank| u32::try_from(rank).ok()).unwrap_or(NAMED_ONLY),
        offers: BTreeMap::new(),
    }
}

/// Returns an architecture by the name that all platforms share.
fn architecture(of: &str) -> String {
    match of {
        "arm64" => "arm".to_owned(),
        "x86_64" => "x86".to_owned(),
        other => other.to_owned(),
    }
}

/// Lists the newest image of each name and architecture.
fn images(of: &Answers) -> Vec<catalogue::Image> {
    let mut newest: BTreeMap<(&str, &str), &Image> = BTreeMap::new();
    for image in of.images.iter().filter(|image| OWNERS.contains(&image.owner.as_str())) {
        let named = IMAGES.iter().find(|(_, before, _)| image.name.starts_with(before));
        let Some((name, ..)) = named else { continue };
        let kept = newest.entry((name, &image.architecture)).or_insert(image);
        if (image.created, &image.name) > (kept.created, &kept.name) {
            *kept = image;
        }
    }
    let listed = |((name, arch), image): (&(&str, &str), &&Image)| catalogue::Image {
        id: image.id.clone(),
        region: Some(of.region.clone()),
        name: Some((*name).to_owned()),
        architecture: architecture(arch),
        disk: image.disk,
        is_deprecated: false,
    };
    newest.iter().map(listed).collect()
}

fn newest_prices(answers: &[Answers]) -> BTreeMap<(&str, &str), &SpotPrice> {
    let mut newest: BTreeMap<(&str, &str), &SpotPrice> = BTreeMap::new();
    for price in answers.iter().flat_map(|of| &of.spot) {
        let kept = newest.entry((&price.instance_type, &price.zone)).or_insert(price);
        if price.since > kept.since {
            *kept = price;
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, cores: u64) -> InstanceType {
        InstanceType {
            name: name.to_owned(),
            cores,
            memory: cores * 2048,
            architectures: vec!["x86_64".to_owned()],
            is_burstable: true,
            has_spot: name != "t3.micro",
        }
    }

    fn image(id: &str, name: &str, created: &str) -> Image {
        Image {
            id: id.into(),
            name: name.into(),
            owner: OWNERS[0].into(),
            architecture: "x86_64".into(),
            created: created.parse().ok(),
            ..Image::default()
        }
    }

    fn subnet(id: &str, zone: &str, is_default: bool) -> Subnet {
        Subnet { id: id.into(), vpc: "vpc-1".into(), zone: zone.into(), is_default }
    }

    fn spot(zone: &str, hourly: &str, since: i64) -> SpotPrice {
        let hourly = hourly.parse().expect("a price");
        SpotPrice { instance_type: "t3.large".into(), zone: zone.into(), hourly, since }
    }

    fn answers() -> Answers {
        let noble = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-";
        Answers {
            region: "us-east-1".into(),
            types: vec![kind("t3.micro", 2), kind("t3.large", 2), kind("p5.large", 8)],
            offerings: [
                ("t3.large", "us-east-1a"),
                ("t3.large", "us-east-1e"),
                ("t3.micro", "us-east-1a"),
            ]
            .map(|(kind, zone)| (kind.to_owned(), zone.to_owned()))
            .into(),
            images: vec![
                image("ami-old", &format!("{noble}20260101"), "2026-01-01T00:00:00Z"),
                image("ami-new", &format!("{noble}20261001"), "2026-10-01T00:00:00Z"),
                Image {
                    owner: "666".into(),
                    ..image("ami-evil", &format!("{noble}20270101"), "2027-01-01T00:00:00Z")
                },
            ],
            subnets: vec![
                subnet("subnet-a", "us-east-1a", true),
                subnet("subnet-e", "us-east-1e", false),
                subnet("subnet-l", "us-east-1-bos-1a", true),
            ],
            spot: vec![spot("us-east-1a", "0.02", 1), spot("us-east-1a", "0.03", 2)],
        }
    }

    fn shelves(expected: &Expected) -> Shelves {
        let prices = BTreeMap::from([("t3.large".to_owned(), "0.0832".parse().expect("a price"))]);
        Shelves::new(&[answers()], (expected, &prices), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn zones_are_those_where_a_subnet_is_there_to_be_used() {
        assert_eq!(shelves(&Expected::default()).on_demand.locations, ["us-east-1a"]);
        let named = Expected { subnets: ["subnet-e".to_owned()].into(), ..Expected::default() };
        assert_eq!(shelves(&named).on_demand.locations, ["us-east-1a", "us-east-1e"]);
    }

    #[test]
    fn a_name_of_an_image_is_the_newest_of_its_publisher() {
        let images = shelves(&Expected::default()).on_demand.images;
        let ids: Vec<_> =
            images.iter().map(|image| (image.id.as_str(), image.architecture.as_str())).collect();
        assert_eq!(ids, [("ami-new", "x86")]);
    }

    #[test]
    fn on_demand_costs_what_the_user_says_and_spot_what_aws_says_now() {
        let shelves = shelves(&Expected { has_spot: true, ..Expected::default() });
        let hourly = |of: &Catalogue, name: &str| {
            of.server_type(name)
                .and_then(|kind| of.hourly(kind, "us-east-1a"))
                .map(|p| p.to_string())
        };
        assert_eq!(hourly(&shelves.on_demand, "t3.large").as_deref(), Some("0.0832"));
        assert_eq!(hourly(&shelves.on_demand, "t3.micro"), None);
        let spot = shelves.spot.as_ref().expect("spot");
        assert_eq!(hourly(spot, "t3.large").as_deref(), Some("0.03"));
        assert_eq!(spot.server_type("t3.micro"), None);
    }

    #[test]
    fn a_type_outside_the_usual_families_is_asked_for_by_name() {
        let own = |kind: &str| Value::object([("instance_type", Value::from(kind))]);
        let sandboxes = [
            Value::object([("aws", own("p5.large")), ("server_type", "t3.large".into())]),
            Value::object([("aws", own("t*"))]),
        ];
        let types = Expected::of(&sandboxes).types();
        assert_eq!(types.len(), FAMILIES.len() * SIZES.len() + 1);
        assert!(types.contains(&"p5.large".to_owned()) && types.contains(&"t3.large".to_owned()));
    }
}
