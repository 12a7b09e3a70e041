//! Paths of objects, such as `projects/p/zones/z/instances/n`, and the links
//! and partial links by which requests name them.

/// What links begin with in answers, wherever the emulator listens.
const HOME: &str = "https://www.googleapis.com/compute/v1/";

pub fn link(path: &str) -> String {
    format!("{HOME}{path}")
}

/// The path that a link or a partial link means, as seen from a project.
pub fn resolve(project: &str, reference: &str) -> String {
    let path = match reference.split_once("/compute/v1/") {
        Some((_, path)) => path,
        None => reference.trim_start_matches('/'),
    };
    match path.starts_with("projects/") {
        true => path.to_owned(),
        false => format!("projects/{project}/{path}"),
    }
}

/// The last part of a path: a name.
pub fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The part after a key: the zone of `…/zones/z/…` for `zones`.
pub fn part<'a>(path: &'a str, key: &str) -> Option<&'a str> {
    let mut parts = path.split('/');
    parts.find(|part| *part == key)?;
    parts.next()
}

pub fn project_of(path: &str) -> &str {
    part(path, "projects").unwrap_or_default()
}

/// Where an object lives, in a path of its own: `zones/z`, `regions/r`, `global`.
pub fn scope_of(path: &str) -> String {
    match (part(path, "zones"), part(path, "regions")) {
        (Some(zone), _) => format!("zones/{zone}"),
        (_, Some(region)) => format!("regions/{region}"),
        _ => "global".to_owned(),
    }
}

/// `us-central1` of `us-central1-a`.
pub fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_partial_links_and_paths_mean_the_same() {
        let path = "projects/p/global/images/family/f";
        for reference in [
            "https://www.googleapis.com/compute/v1/projects/p/global/images/family/f",
            "http://127.0.0.1:9/compute/v1/projects/p/global/images/family/f",
            "projects/p/global/images/family/f",
            "global/images/family/f",
        ] {
            assert_eq!(resolve("p", reference), path);
        }
        assert_eq!(scope_of("projects/p/zones/z/instances/n"), "zones/z");
        assert_eq!(region_of("europe-west1-b"), "europe-west1");
    }
}
