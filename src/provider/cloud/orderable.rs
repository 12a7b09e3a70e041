//! Why something cannot be ordered, in the user's words, and what can be
//! ordered in its place.

use jiff::Timestamp;

use super::catalogue::{Catalogue, Image, ServerType, Standing};
use super::offer::{Need, larger, regions};
use super::terms::Terms;
use super::wish::Wish;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::provider::Refusal;
use crate::provider::price::amount;
use crate::provider::size::Size;

/// How many types a message names at most.
const MOST_NAMED: usize = 40;

/// Returns the argument that names server types: `hetzner.server_type`.
pub fn argument(terms: &Terms) -> String {
    format!("{}.{}", terms.block, terms.type_argument)
}

fn titled(code: &'static str, what: &str, terms: &Terms) -> Diagnostic {
    Diagnostic::error(code, format!("{what} {}", terms.server_type))
}

fn refusal(argument: &str, problem: Diagnostic) -> Refusal {
    Refusal { argument: argument.into(), problem }
}

/// Refuses a region that the platform does not have.
pub fn region(catalogue: &Catalogue, name: &str) -> Option<Refusal> {
    let known = || catalogue.locations.iter().map(String::as_str);
    catalogue.locations_of(name).is_empty().then(|| {
        let terms = catalogue.terms;
        let among = known().collect::<Vec<_>>().join(", ");
        let detail = match terms.only_own_regions {
            false => format!(
                "{} has no {} `{name}`. There are: {among}.",
                terms.platform, terms.location
            ),
            true => format!(
                "`{name}` is in none of this provider's regions. It has the {}s {among}. Add the \
                 region to the block: provider \"{}\" {{ region = [{}] }}.",
                terms.location,
                terms.block,
                [regions(&catalogue.locations).as_slice(), &[name]]
                    .concat()
                    .iter()
                    .map(|region| format!("\"{region}\""))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let problem = Diagnostic::error("unknown-region", "Unknown region").detail(detail);
        refusal("region", problem.hint(did_you_mean(name, known())))
    })
}

/// Finds the images that a wish means, one per architecture; none where the
/// catalogue cannot know them, such as an image that is yet to be made.
pub fn images<'a>(catalogue: &'a Catalogue, wish: &Wish) -> Result<Vec<&'a Image>, Refusal> {
    let Some(name) = &wish.image else { return Ok(vec![]) };
    let found = catalogue.images_of(name);
    let is_own = wish.from_snapshot || (catalogue.terms.is_image_id)(name);
    if found.is_empty() && (is_own || catalogue.images.is_empty()) {
        return Ok(found);
    }
    if found.is_empty() {
        return Err(unknown_image(catalogue, name));
    }
    let current: Vec<_> = found.iter().copied().filter(|image| !image.is_deprecated).collect();
    match current.is_empty() && !is_own {
        true => Err(deprecated_image(catalogue, name)),
        false if is_own => Ok(found),
        false => Ok(current),
    }
}

/// Lists the names of images that can be used, each once, in order.
fn image_names(catalogue: &Catalogue) -> Vec<&str> {
    let current = catalogue.images.iter().filter(|image| !image.is_deprecated);
    let mut names: Vec<_> = current.filter_map(|image| image.name.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn unknown_image(catalogue: &Catalogue, name: &str) -> Refusal {
    let names = image_names(catalogue);
    let platform = catalogue.terms.platform;
    let detail = format!("{platform} has no image `{name}`. There are: {}.", names.join(", "));
    let problem = Diagnostic::error("unknown-image", "Unknown image").detail(detail);
    refusal("image", problem.hint(did_you_mean(name, names)))
}

fn deprecated_image(catalogue: &Catalogue, name: &str) -> Refusal {
    let family = name.split('-').next().unwrap_or(name);
    let names = image_names(catalogue);
    let of_family = |other: &&&str| other.split('-').next() == Some(family);
    let hint = names.iter().rfind(of_family).map(|newest| format!("use `{newest}`"));
    let detail = format!(
        "The image `{name}` is deprecated: {} will take it away, and a rebuild would fail then.",
        catalogue.terms.platform
    );
    let problem = Diagnostic::error("deprecated-image", "Deprecated image").detail(detail);
    refusal("image", problem.hint(hint))
}

/// Finds a type that can be ordered in one of the regions, or says why it cannot.
pub fn server_type<'a>(
    catalogue: &'a Catalogue,
    name: &str,
    (places, need): (&[String], &Need),
) -> Result<&'a ServerType, Refusal> {
    let Some(of) = catalogue.server_type(name) else {
        return Err(no_such_type(catalogue, name));
    };
    let standings: Vec<_> =
        places.iter().map(|place| (place.as_str(), catalogue.standing(of, place))).collect();
    if !standings.iter().any(|(_, standing)| standing.is_orderable()) {
        return Err(match deprecated(catalogue, of, &standings) {
            Some(detail) => deprecated_type(catalogue, detail, successor(catalogue, of, places)),
            None => not_offered(catalogue, of, places),
        });
    }
    match need.is_met_by(of) {
        true => Ok(of),
        false => Err(unfit_for_image(catalogue, of, need)),
    }
}

/// Refuses a server type that the platform does not have.
pub fn unknown_type(catalogue: &Catalogue, name: &str) -> Option<Refusal> {
    catalogue.server_type(name).is_none().then(|| no_such_type(catalogue, name))
}

fn no_such_type(catalogue: &Catalogue, name: &str) -> Refusal {
    let is_sold =
        |of: &&ServerType| of.offers.keys().any(|at| catalogue.standing(of, at).is_orderable());
    let sold: Vec<_> =
        catalogue.server_types.iter().filter(is_sold).map(|of| of.name.as_str()).collect();
    let terms = catalogue.terms;
    let near = did_you_mean(name, sold.iter().copied());
    let more = sold.len().saturating_sub(MOST_NAMED);
    let mut named = sold[..sold.len() - more].join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let detail =
        format!("{} has no {} `{name}`. It sells: {named}.", terms.platform, terms.server_type);
    let problem = titled("unknown-server-type", "Unknown", terms).detail(detail);
    refusal(&argument(terms), problem.hint(near))
}

/// Says since or until when a type can be ordered, if it is deprecated: in the
/// regions asked for, or wherever it was sold.
fn deprecated(
    catalogue: &Catalogue,
    of: &ServerType,
    standings: &[(&str, Standing)],
) -> Option<String> {
    let name = &of.name;
    for (region, standing) in standings {
        match standing {
            Standing::Withdrawn(end) => {
                return Some(format!(
                    "The type `{name}` cannot be ordered in {region}{}",
                    since(*end)
                ));
            }
            Standing::Deprecated(end) => {
                let detail = format!(
                    "The type `{name}` is deprecated in {region} and cannot be ordered after {}",
                    day(*end)
                );
                return Some(detail);
            }
            _ => {}
        }
    }
    let everywhere = of.offers.keys().all(|at| {
        matches!(catalogue.standing(of, at), Standing::Withdrawn(_) | Standing::Deprecated(_))
    });
    (everywhere && !of.offers.is_empty())
        .then(|| format!("The type `{name}` is deprecated wherever it was sold"))
}

fn since(end: Timestamp) -> String {
    match end == Timestamp::MIN {
        true => " any more".to_owned(),
        false => format!(" since {}", day(end)),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn deprecated_type(
    catalogue: &Catalogue,
    detail: String,
    successor: Option<(&ServerType, &str)>,
) -> Refusal {
    let (more, hint) = match successor {
        Some((next, at)) => (
            format!("Its successor is `{}` ({}), which {at} has.", next.name, describe(next)),
            Some(format!("use `{}`", next.name)),
        ),
        None => ("Nothing like it is offered in these regions.".to_owned(), None),
    };
    let problem = titled("deprecated-server-type", "Deprecated", catalogue.terms)
        .detail(format!("{detail}. {more} Sandboxes that run on the old type stay as they are."))
        .hint(hint);
    refusal(&argument(catalogue.terms), problem)
}

/// Finds what to order in place of a type: at least as many cores and as much
/// memory, the same architecture and kind of CPU; of the same family where that
/// is sold, and then the cheapest.
pub fn successor<'a>(
    catalogue: &'a Catalogue,
    of: &ServerType,
    regions: &'a [String],
) -> Option<(&'a ServerType, &'a str)> {
    let is_like = |other: &&ServerType| {
        other.cores >= of.cores
            && other.memory >= of.memory
            && other.architecture == of.architecture
            && other.cpu == of.cpu
    };
    regions.iter().find_map(|region| {
        let sold = catalogue.server_types.iter().filter(is_like);
        let sold = sold.filter(|other| catalogue.standing(other, region).is_orderable());
        let rank = |other: &ServerType| {
            let price = catalogue.hourly(other, region);
            (family(&other.name) != family(&of.name), price.is_none(), price)
        };
        let next = sold.min_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| larger(a, b)))?;
        Some((next, region.as_str()))
    })
}

/// Returns the letters that a type's name begins with: `cpx` of `cpx31`.
fn family(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn describe(of: &ServerType) -> String {
    let memory = of.memory.normalized().to_plain_string();
    let disk = of.disk.map(|disk| format!(", {disk} GB disk")).unwrap_or_default();
    format!("{} vCPU, {memory} GB memory{disk}", of.cores)
}

fn not_offered(catalogue: &Catalogue, of: &ServerType, places: &[String]) -> Refusal {
    let terms = catalogue.terms;
    let is_sold = |at: &&String| catalogue.standing(of, at).is_orderable();
    let sold: Vec<_> = catalogue.locations.iter().filter(is_sold).map(String::as_str).collect();
    let detail = format!(
        "The type `{}` is not offered in {}. It is in: {}.",
        of.name,
        regions(places).join(" or "),
        sold.join(", ")
    );
    let near = successor(catalogue, of, places);
    let hint = near.map(|(next, at)| format!("in {at}, `{}` is the nearest", next.name));
    let title = format!("{} not offered in the region", capitalized(terms.server_type));
    let problem = Diagnostic::error("server-type-not-offered", title);
    refusal(&argument(terms), problem.detail(detail).hint(hint))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Refuses an image that no candidate's region has.
pub fn image_elsewhere(catalogue: &Catalogue, images: &[&Image]) -> Refusal {
    let places: Vec<&str> = images.iter().filter_map(|image| image.region.as_deref()).collect();
    let detail = format!(
        "The image is in {} only, for {}. Name a region that has it, or another image.",
        places.join(" and "),
        images.iter().map(|i| i.architecture.as_str()).collect::<Vec<_>>().join(" and ")
    );
    let title = format!("Image not there for the {}", catalogue.terms.server_type);
    refusal("image", Diagnostic::error("unfit-image", title).detail(detail))
}

fn unfit_for_image(catalogue: &Catalogue, of: &ServerType, need: &Need) -> Refusal {
    let detail = match need.architectures.contains(&of.architecture) {
        false => format!(
            "The type `{}` has the architecture {}; the image is there for {} only. Choose \
             another type, or the image by its name.",
            of.name,
            of.architecture,
            need.architectures.join(" and ")
        ),
        true => format!(
            "The type `{}` has a disk of {} GB; the image needs {} GB. Choose a larger type.",
            of.name,
            of.disk.unwrap_or_default(),
            need.disk
        ),
    };
    let title = format!("Image does not fit the {}", catalogue.terms.server_type);
    let problem = Diagnostic::error("unfit-image", title);
    refusal("image", problem.detail(detail))
}

/// Refuses a size that no type has, and names the largest that there is.
pub fn no_fit(catalogue: &Catalogue, places: &[String], need: &Need) -> Refusal {
    let terms = catalogue.terms;
    let base = Need { size: Size::default(), ..need.clone() };
    let is_sold = |of: &&ServerType| {
        base.is_met_by(of)
            && places.iter().any(|place| catalogue.standing(of, place).is_orderable())
    };
    let largest = catalogue.server_types.iter().filter(is_sold).max_by(|a, b| larger(a, b));
    let smallest = catalogue.server_types.iter().filter_map(|of| of.disk).min().unwrap_or(0);
    let most = match largest {
        Some(of) => {
            let price = places.iter().find_map(|place| catalogue.hourly(of, place));
            let price = price.map_or(String::new(), |p| {
                format!(", {} {} per hour", amount(&p), catalogue.currency)
            });
            format!("The largest is `{}` ({}{price}).", of.name, describe(of))
        }
        None => "Nothing of this architecture can be ordered there.".to_owned(),
    };
    let detail = format!(
        "No {} that can be ordered in {} has {}. {most}",
        terms.server_type,
        regions(places).join(" or "),
        wanted(need, smallest)
    );
    let title = format!("No {} fits", terms.server_type);
    let problem = Diagnostic::error("no-fitting-type", title).detail(detail);
    refusal("size", problem)
}

/// Says what is needed; that an image fits is worth a word only where it is large.
fn wanted(need: &Need, smallest: u64) -> String {
    let gib = |bytes: u64| format!("{} GiB", bytes.div_ceil(1 << 30));
    let parts = [
        need.size.vcpus.map(|count| format!("{count} vCPU")),
        need.size.memory.map(|bytes| format!("{} memory", gib(bytes))),
        need.size.disk.map(|bytes| format!("{} disk", gib(bytes))),
        (need.disk > smallest).then(|| format!("room for an image of {} GB", need.disk)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
