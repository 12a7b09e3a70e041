//! How a change of a sandbox is carried out on EC2: what is the same on every platform,
//! and what a subnet, the spot market and a root volume add to it. Pure.

use std::sync::Arc;

use super::shelves::Shelves;
use super::{TERMS, own};
use crate::diagnostic::Diagnostic;
use crate::provider::cloud::plan::{self, Context};
use crate::provider::cloud::{region, seed, wish};
use crate::provider::{PlannedChange, ProposedChange, Refusal};
use crate::value::{AttributePath, Value};

const UNSTOPPABLE: &str = "a spot instance cannot be stopped, so another type is another instance";

/// Says how a change of a sandbox would be carried out.
pub fn plan(
    shelves: Option<&Shelves>,
    regions: &[String],
    change: &ProposedChange<'_>,
) -> PlannedChange {
    let context = Context {
        terms: &TERMS,
        catalogue: shelves.map(|shelves| shelves.of(change.after)),
        regions,
        pending: &seed::pending,
    };
    let zone = shelves.and_then(|shelves| zone(shelves, change.after));
    // A subnet is in one zone, so that is where the sandbox will be.
    let after = zone.map(|zone| Ok(placed(change.after, Value::from(zone?)))).transpose();
    let after = after.and_then(|after| {
        let after = after.unwrap_or_else(|| change.after.clone());
        let there = beside_network(regions, &after)?;
        Ok(there.map_or(after.clone(), |regions| placed(&after, regions)))
    });
    let mut planned = match after {
        Err(refusal) => PlannedChange { refused: vec![refusal], ..PlannedChange::default() },
        Ok(after) if change.before.is_none() => {
            plan::plan(&context, &ProposedChange { after: &after, ..*change })
        }
        Ok(_) => plan::plan(&context, change),
    };
    if let Some(before) = change.before {
        planned.requires_replace.extend(renewing(before, change));
        if let Some(asked) = unstoppable(before, change, &planned) {
            planned.requires_replace.push(asked);
            planned.notes = vec![UNSTOPPABLE.to_owned()];
        }
    }
    let image = wish::image(&TERMS, change.after);
    if change.before.is_none() && !planned.known.iter().any(|(name, _)| &**name == "image_id") {
        match image.filter(|image| (TERMS.is_image_id)(image)) {
            Some(id) => {
                let id = id.rsplit('/').next().unwrap_or(&id).to_owned();
                planned.known.push(("image_id".into(), Value::from(id)));
            }
            None if planned.unknown.iter().any(|name| &**name == "image_id") => {}
            None => planned.unknown.push("image_id".into()),
        }
    }
    planned
}

/// Returns the zone of the subnet that a sandbox names; refused where there is no such
/// subnet, or it is not where the sandbox is to be.
fn zone<'a>(shelves: &'a Shelves, attributes: &Value) -> Option<Result<&'a str, Refusal>> {
    let subnet = own::subnet(attributes)?;
    let refuse = |detail: String| {
        let problem = Diagnostic::error("invalid-subnet", "Invalid subnet").detail(detail);
        Some(Err(Refusal { argument: "aws.subnet_id".into(), problem }))
    };
    let Some(zone) = shelves.zones.get(subnet) else {
        return refuse(format!(
            "None of the provider's regions has a subnet `{subnet}` that may be used."
        ));
    };
    let asked = attributes.get("region").filter(|region| !region.is_null());
    let asked = asked.and_then(region::names).unwrap_or_default();
    match asked.is_empty() || asked.iter().any(|region| region::contains(region, zone)) {
        true => Some(Ok(zone)),
        false => refuse(format!(
            "The subnet `{subnet}` is in the zone {zone}, and `region` asks for {}.",
            asked.join(" or ")
        )),
    }
}

fn placed(attributes: &Value, region: Value) -> Value {
    attributes.with(Arc::<str>::from("region"), region)
}

/// Returns those of a sandbox's regions in which its network is; nothing where that
/// leaves none out. One that is made by the same plan will be in the first region.
fn beside_network(regions: &[String], attributes: &Value) -> Result<Option<Value>, Refusal> {
    let Some(network) = attributes.get("network").filter(|network| !network.is_null()) else {
        return Ok(None);
    };
    let home = match network.as_str() {
        Some(id) => id.split_once('/').map(|(region, _)| region),
        None => regions.first().map(String::as_str),
    };
    let asked = attributes.get("region").filter(|region| !region.is_null());
    let asked = match asked {
        Some(asked) => region::names(asked),
        None => Some(regions.to_vec()),
    };
    let (Some(home), Some(asked)) = (home, asked) else { return Ok(None) };
    let is_there = |name: &&String| region::of(name) == home;
    let there: Vec<Value> =
        asked.iter().filter(is_there).map(|name| Value::from(name.as_str())).collect();
    if there.is_empty() && !asked.is_empty() {
        let problem = Diagnostic::error("invalid-network", "Invalid network").detail(format!(
            "The network is in the region {home}, and the sandbox is to be in {}. A security \
             group belongs to one region, the provider's first: leave the network out, or give \
             those sandboxes a provider of their own with `alias`.",
            asked.join(" or ")
        ));
        return Err(Refusal { argument: "network".into(), problem });
    }
    Ok((there.len() < asked.len()).then(|| Value::tuple(there)))
}

/// A spot instance cannot be stopped, so another type is another instance.
fn unstoppable(
    before: &Value,
    change: &ProposedChange<'_>,
    planned: &PlannedChange,
) -> Option<AttributePath> {
    let is_type = |name: &Arc<str>| &**name == "server_type";
    let retypes =
        planned.unknown.iter().any(is_type) || planned.known.iter().any(|(n, _)| is_type(n));
    let asked = change.changed.iter().find(|path| ["aws", "size"].contains(&path.root()));
    asked.filter(|_| retypes && own::is_spot(before)).cloned()
}

/// Returns the arguments that only a new instance can follow: another subnet, another
/// market, a larger root volume.
fn renewing(before: &Value, change: &ProposedChange<'_>) -> Vec<AttributePath> {
    let changes = |root: &str| change.changed.iter().any(|path| path.root() == root);
    let differs = |of: fn(&Value) -> bool| of(before) != of(change.after);
    let moves = own::subnet(before) != own::subnet(change.after);
    let own_block = changes("aws") && (moves || differs(own::is_spot));
    let has = before.get("disk_size").and_then(Value::as_number).and_then(|size| size.to_u64());
    let grows = changes("size") && has.is_some_and(|has| own::disk(change.after) > has);
    let roots = [(own_block, "aws"), (grows, "size")];
    roots
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, root)| AttributePath::attribute(root))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ResourceType;

    fn sandbox(own: Value, disk: &str, has: i64) -> Value {
        let size = Value::object([("disk", Value::from(disk))]);
        let image = ("image", Value::from("ami-0abc"));
        Value::object([("aws", own), ("size", size), ("disk_size", Value::from(has)), image])
    }

    fn replaced(before: &Value, after: &Value, changed: &str) -> Vec<String> {
        let changed = [AttributePath::attribute(changed)];
        let (kind, done) = (ResourceType::Sandbox, &[][..]);
        let change = ProposedChange { kind, before: Some(before), after, changed: &changed, done };
        let planned = plan(None, &[], &change);
        planned.requires_replace.iter().map(|path| path.root().to_owned()).collect()
    }

    #[test]
    fn another_subnet_or_market_and_a_larger_disk_need_a_new_instance() {
        let own = |name: &'static str, value: Value| Value::object([(name, value)]);
        let plain = sandbox(Value::object::<&str>([]), "40GiB", 40);
        let spot = sandbox(own("spot", Value::from(true)), "40GiB", 40);
        let placed = sandbox(own("subnet_id", Value::from("subnet-1")), "40GiB", 40);
        let large = sandbox(Value::object::<&str>([]), "50GiB", 40);
        let small = sandbox(Value::object::<&str>([]), "30GiB", 40);
        assert_eq!(replaced(&plain, &spot, "aws"), ["aws"]);
        assert_eq!(replaced(&spot, &plain, "aws"), ["aws"]);
        assert_eq!(replaced(&plain, &placed, "aws"), ["aws"]);
        assert_eq!(replaced(&plain, &large, "size"), ["size"]);
        assert_eq!(replaced(&plain, &small, "size"), [""; 0]);
        assert_eq!(replaced(&plain, &plain, "labels"), [""; 0]);
    }

    #[test]
    fn a_sandbox_in_a_network_is_only_tried_where_the_network_is() {
        let regions = ["us-east-1".to_owned(), "eu-central-1".to_owned()];
        let id = Value::from("us-east-1/sg-1");
        let unknown = Value::Unknown(crate::value::Type::String);
        for network in [id, unknown] {
            let there = |region: Value| {
                let network = ("network", network.clone());
                beside_network(&regions, &Value::object([network, ("region", region)]))
            };
            let only = |name: &str| Ok(Some(Value::tuple([Value::from(name)])));
            assert_eq!(there(Value::null()), only("us-east-1"));
            let zones = [Value::from("eu-central-1a"), Value::from("us-east-1b")];
            assert_eq!(there(Value::tuple(zones)), only("us-east-1b"));
            assert_eq!(there(Value::from("us-east-1")), Ok(None));
            let refused = there(Value::from("eu-central-1")).expect_err("elsewhere");
            assert_eq!(&*refused.argument, "network");
        }
        assert_eq!(beside_network(&regions, &Value::object::<&str>([])), Ok(None));
    }

    #[test]
    fn the_id_of_an_image_is_known_before_anything_is_asked() {
        let after = Value::object([("image", Value::from("ami-0abc"))]);
        let (kind, done) = (ResourceType::Sandbox, &[][..]);
        let change = ProposedChange { kind, before: None, after: &after, changed: &[], done };
        let planned = plan(None, &[], &change);
        assert!(planned.known.contains(&("image_id".into(), Value::from("ami-0abc"))));
    }
}
