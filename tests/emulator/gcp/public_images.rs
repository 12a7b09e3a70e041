//! The public images of Ubuntu and Debian: of each family one that is current
//! and one that it has replaced.

use serde_json::json;

use super::object::Object;
use super::paths::{link, project_of};

const PROJECTS: [&str; 2] = ["debian-cloud", "ubuntu-os-cloud"];

/// Days of September and of November 2026, in milliseconds.
const DATES: [(&str, u64); 2] = [("20260915", 1_789_430_400_000), ("20261105", 1_793_836_800_000)];

struct Family {
    project: &'static str,
    name: &'static str,
    /// What names of images begin with.
    stem: &'static str,
    description: &'static str,
    size_gb: u64,
}

const FAMILIES: &[Family] = &[
    family("debian-cloud", "debian-11", "debian-11-bullseye", "Debian, Debian GNU/Linux, 11"),
    family("debian-cloud", "debian-12", "debian-12-bookworm", "Debian, Debian GNU/Linux, 12"),
    family(
        "debian-cloud",
        "debian-12-arm64",
        "debian-12-bookworm-arm64",
        "Debian GNU/Linux 12, arm64",
    ),
    family("debian-cloud", "debian-13", "debian-13-trixie", "Debian, Debian GNU/Linux, 13"),
    family(
        "debian-cloud",
        "debian-13-arm64",
        "debian-13-trixie-arm64",
        "Debian GNU/Linux 13, arm64",
    ),
    family(
        "ubuntu-os-cloud",
        "ubuntu-2204-lts",
        "ubuntu-2204-jammy",
        "Canonical, Ubuntu, 22.04 LTS",
    ),
    family(
        "ubuntu-os-cloud",
        "ubuntu-2204-lts-arm64",
        "ubuntu-2204-jammy-arm64",
        "Canonical, Ubuntu, 22.04 LTS, arm64",
    ),
    family(
        "ubuntu-os-cloud",
        "ubuntu-2404-lts-amd64",
        "ubuntu-2404-noble-amd64",
        "Canonical, Ubuntu, 24.04 LTS, amd64",
    ),
    family(
        "ubuntu-os-cloud",
        "ubuntu-2404-lts-arm64",
        "ubuntu-2404-noble-arm64",
        "Canonical, Ubuntu, 24.04 LTS, arm64",
    ),
    family(
        "ubuntu-os-cloud",
        "ubuntu-minimal-2404-lts-amd64",
        "ubuntu-minimal-2404-noble-amd64",
        "Canonical, Ubuntu, 24.04 LTS Minimal, amd64",
    ),
    family(
        "ubuntu-os-cloud",
        "ubuntu-minimal-2404-lts-arm64",
        "ubuntu-minimal-2404-noble-arm64",
        "Canonical, Ubuntu, 24.04 LTS Minimal, arm64",
    ),
];

const fn family(
    project: &'static str,
    name: &'static str,
    stem: &'static str,
    description: &'static str,
) -> Family {
    Family { project, name, stem, description, size_gb: 10 }
}

/// Whether a path belongs to a public project.
pub fn is_public(path: &str) -> bool {
    PROJECTS.contains(&project_of(path))
}

/// Every public image, by path.
pub fn all() -> impl Iterator<Item = (String, Object)> {
    let families = FAMILIES.iter().enumerate();
    families.flat_map(|(at, family)| {
        [0, 1].map(|age| draw(family, (at as u64 * 2 + age + 1) * 1_000_003, age == 1))
    })
}

fn draw(family: &Family, id: u64, is_current: bool) -> (String, Object) {
    let path =
        |date: &str| format!("projects/{}/global/images/{}-v{date}", family.project, family.stem);
    let (date, created) = DATES[usize::from(is_current)];
    let mut image = Object::new("image", &path(date), (id, created));
    image.set("description", format!("{} image built on {date}", family.description));
    image.set("family", family.name);
    let is_arm = family.name.ends_with("arm64");
    image.set("architecture", if is_arm { "ARM64" } else { "X86_64" });
    image.set("status", "READY");
    image.set("sourceType", "RAW");
    image.set("rawDisk", json!({"containerType": "TAR", "source": ""}));
    image.set("diskSizeGb", family.size_gb.to_string());
    image.set("archiveSizeBytes", (family.size_gb * 100_000_000).to_string());
    image.set("labelFingerprint", super::fingerprint::of(&json!({})));
    image.set("storageLocations", json!(["us", "eu", "asia"]));
    image.set("guestOsFeatures", json!([{"type": "VIRTIO_SCSI_MULTIQUEUE"}, {"type": "GVNIC"}]));
    let licence = format!("projects/{}/global/licenses/{}", family.project, family.name);
    image.set("licenses", json!([link(&licence)]));
    if !is_current {
        let replacement = link(&path(DATES[1].0));
        image.set("deprecated", json!({"state": "DEPRECATED", "replacement": replacement}));
    }
    (path(date), image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_one_current_image() {
        for family in FAMILIES {
            let of_family = all().filter(|(_, image)| image.text("family") == family.name);
            let images: Vec<Object> = of_family.map(|(_, image)| image).collect();
            let current = images.iter().filter(|image| image.body["deprecated"].is_null());
            assert_eq!((images.len(), current.count()), (2, 1), "{}", family.name);
        }
    }
}
