//! What Compute Engine sells in the provider's regions, from the API's answers.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;
use google_cloud_compute_v1::model::machine_type::Architecture;
use google_cloud_compute_v1::model::{Image as Published, MachineType, Zone, deprecation_status};
use jiff::Timestamp;

use super::client::Client;
use super::terms::TERMS;
use super::wire::{last, partial};
use crate::provider::cloud::catalogue::{Catalogue, Image, Offer, ServerType};
use crate::provider::cloud::prices::Prices;
use crate::provider::cloud::region;
use crate::provider::{ProviderError, ProviderErrorKind};

/// What one price list is in: the user's prices are what Google's list says.
const CURRENCY: &str = "USD";
const X86: &str = "x86";
const ARM: &str = "arm";

/// The families of published images by portable name and architecture, with their
/// projects. Debian's images at Google come without cloud-init, so nobody would get into
/// them.
const FAMILIES: [(&str, &str, &str, &str); 4] = [
    ("ubuntu-24.04", X86, "ubuntu-os-cloud", "ubuntu-2404-lts-amd64"),
    ("ubuntu-24.04", ARM, "ubuntu-os-cloud", "ubuntu-2404-lts-arm64"),
    ("ubuntu-22.04", X86, "ubuntu-os-cloud", "ubuntu-2204-lts"),
    ("ubuntu-22.04", ARM, "ubuntu-os-cloud", "ubuntu-2204-lts-arm64"),
];

/// The families of machine types for general purposes, in the order in which one is
/// chosen where no price decides; E2 and T2A are the cheapest of their architectures.
const ORDINARY: [&str; 12] =
    ["e2", "t2a", "n4a", "c4a", "n4", "n2d", "n2", "t2d", "n1", "c3", "c3d", "c4"];

/// The rank of types that are not for general purposes.
const LAST: u32 = u32::MAX;

/// Fetches what can be ordered; `prices` are the user's, in USD an hour by machine type.
pub async fn catalogue(
    client: &Client,
    (regions, prices): (&[String], &Prices),
    as_of: Timestamp,
) -> Result<Catalogue, ProviderError> {
    let (zones, images) = tokio::try_join!(client.zones(), images(client))?;
    let locations = own(&zones, regions)?;
    let types = client.machine_types(&locations).await?;
    Ok(Catalogue {
        terms: &TERMS,
        as_of,
        currency: CURRENCY.into(),
        server_types: server_types(&types, prices),
        locations,
        images,
        ipv4: None,
    })
}

async fn images(client: &Client) -> Result<Vec<Image>, ProviderError> {
    let newest = FAMILIES.map(|(_, _, project, family)| client.newest_image(project, family));
    let newest = futures_util::future::try_join_all(newest).await?;
    let found = FAMILIES.iter().zip(&newest);
    Ok(found.filter_map(|(of, image)| Some(self::image(of, image.as_ref()?))).collect())
}

fn image(&(name, architecture, project, _): &(&str, &str, &str, &str), of: &Published) -> Image {
    let own =
        format!("projects/{project}/global/images/{}", of.name.as_deref().unwrap_or_default());
    let id = of.self_link.as_deref().map_or(own, |link| partial(link).to_owned());
    Image {
        id,
        region: None,
        name: Some(name.to_owned()),
        architecture: architecture.to_owned(),
        disk: of.disk_size_gb.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        is_deprecated: of.deprecated.is_some(),
    }
}

/// Returns the zones of the provider's regions.
fn own(zones: &[Zone], regions: &[String]) -> Result<Vec<String>, ProviderError> {
    let names: BTreeSet<&str> = zones.iter().filter_map(|zone| zone.name.as_deref()).collect();
    let unknown: Vec<_> = regions
        .iter()
        .filter(|region| !names.iter().any(|zone| region::contains(region, zone)))
        .map(|region| format!("`{region}`"))
        .collect();
    if !unknown.is_empty() {
        let all: BTreeSet<_> = names.iter().map(|zone| region::of(zone)).collect();
        let all: Vec<_> = all.into_iter().collect();
        let message = format!(
            "Google Cloud has no region {}. It has: {}.",
            unknown.join(", "),
            all.join(", ")
        );
        return Err(ProviderError::new(ProviderErrorKind::Rejected, message));
    }
    let is_own = |zone: &&str| regions.iter().any(|region| region::contains(region, zone));
    Ok(names.into_iter().filter(is_own).map(str::to_owned).collect())
}

/// Joins what each zone says of a type.
fn server_types(types: &[MachineType], prices: &Prices) -> Vec<ServerType> {
    let mut known: BTreeMap<&str, ServerType> = BTreeMap::new();
    for of in types {
        let Some((name, zone)) = of.name.as_deref().zip(of.zone.as_deref()) else { continue };
        let entry = known.entry(name).or_insert_with(|| server_type(name, of));
        let offer = Offer {
            hourly: prices.get(name).cloned(),
            available: None,
            unavailable_after: withdrawn(of),
        };
        entry.offers.insert(last(zone).to_owned(), offer);
    }
    known.into_values().collect()
}

fn server_type(name: &str, of: &MachineType) -> ServerType {
    let family = name.split('-').next().unwrap_or(name);
    let rank = ORDINARY.iter().position(|ordinary| *ordinary == family);
    // What has parts of a core only is for who names it.
    let rank = rank.filter(|_| of.is_shared_cpu != Some(true));
    let is_arm = of.architecture == Some(Architecture::Arm64);
    let whole =
        |number: Option<i32>| number.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
    ServerType {
        name: name.to_owned(),
        cores: whole(of.guest_cpus),
        memory: BigDecimal::from(whole(of.memory_mb)) / BigDecimal::from(1024),
        disk: None,
        cpu: if ["e2", "t2a"].contains(&family) { "shared" } else { "dedicated" }.to_owned(),
        architecture: if is_arm { ARM } else { X86 }.to_owned(),
        rank: rank.and_then(|rank| u32::try_from(rank).ok()).unwrap_or(LAST),
        offers: BTreeMap::new(),
    }
}

/// Returns when a type can no longer be ordered; deprecated ones still can.
fn withdrawn(of: &MachineType) -> Option<Timestamp> {
    use deprecation_status::State::{Deleted, Obsolete};
    let deprecated = of.deprecated.as_ref()?;
    let is_gone = [Some(Obsolete), Some(Deleted)].contains(&deprecated.state);
    is_gone.then(|| {
        let said = deprecated.obsolete.as_deref().or(deprecated.deleted.as_deref());
        said.and_then(|at| at.parse().ok()).unwrap_or(Timestamp::MIN)
    })
}

#[cfg(test)]
mod tests {
    use google_cloud_compute_v1::model::DeprecationStatus;

    use super::*;

    fn machine(name: &str, zone: &str, (cpus, memory): (i32, i32)) -> MachineType {
        let of = MachineType::new().set_name(name).set_zone(zone);
        of.set_guest_cpus(cpus).set_memory_mb(memory)
    }

    #[test]
    fn a_type_is_offered_where_a_zone_has_it_at_the_users_price() {
        let prices = [("e2-standard-4".to_owned(), "0.134".parse().expect("a price"))].into();
        let obsolete = DeprecationStatus::new().set_state(deprecation_status::State::Obsolete);
        let types = server_types(
            &[
                machine("e2-standard-4", "us-central1-a", (4, 16384)),
                machine("e2-standard-4", "us-central1-b", (4, 16384)),
                machine("t2a-standard-1", "us-central1-a", (1, 4096))
                    .set_architecture(Architecture::Arm64),
                machine("m1-ultramem-40", "us-central1-a", (40, 984_064)).set_deprecated(obsolete),
            ],
            &prices,
        );
        let of = |name: &str| types.iter().find(|of| of.name == name).expect("a type");
        let e2 = of("e2-standard-4");
        assert_eq!((e2.cores, e2.offers.len(), e2.rank), (4, 2, 0));
        assert_eq!(e2.memory, BigDecimal::from(16));
        assert_eq!(e2.offers["us-central1-a"].hourly, prices.get("e2-standard-4").cloned());
        assert_eq!(of("t2a-standard-1").architecture, ARM);
        let m1 = &of("m1-ultramem-40").offers["us-central1-a"];
        assert_eq!(m1.unavailable_after, Some(Timestamp::MIN));
    }

    #[test]
    fn only_the_zones_of_the_providers_regions_count() {
        let zones: Vec<Zone> = ["us-central1-a", "us-central1-b", "us-east1-b"]
            .map(|name| Zone::new().set_name(name))
            .into();
        let own = |regions: &[&str]| {
            let regions: Vec<String> = regions.iter().map(|r| (*r).to_owned()).collect();
            own(&zones, &regions)
        };
        assert_eq!(own(&["us-central1"]), Ok(vec!["us-central1-a".into(), "us-central1-b".into()]));
        assert_eq!(own(&["us-east1-b"]), Ok(vec!["us-east1-b".into()]));
        let error = own(&["us-centrall"]).expect_err("no such region");
        assert!(error.message.contains("us-central1, us-east1"), "{error}");
    }
}
