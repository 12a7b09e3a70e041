//! What only AWS has of a sandbox: the block `aws`, and its root volume.

use super::remote::NAME;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::ResourceConfig;
use crate::provider::size::Size;
use crate::schema::Attribute;
use crate::value::{Type, Value};

/// The root volume of a sandbox that asks for no size, in GiB.
pub const DEFAULT_DISK: u64 = 40;

/// Returns the arguments of the block besides the instance types.
pub fn arguments() -> Vec<Attribute> {
    vec![
        Attribute::optional(
            "spot",
            Type::Bool,
            "Takes it from the spot market: cheaper, and AWS may take it back at any time.",
        ),
        Attribute::optional(
            "subnet_id",
            Type::String,
            "The subnet to put it into; else the default one of its zone.",
        ),
    ]
}

fn argument<'a>(attributes: &'a Value, name: &str) -> Option<&'a Value> {
    attributes.get("aws")?.get(name).filter(|value| !value.is_null())
}

/// Says what is wrong with what only this platform has of a sandbox.
pub fn problems(config: &ResourceConfig<'_>) -> Diagnostics {
    [name_label(config), strange_subnet(config)].into_iter().flatten().collect()
}

/// The tag `Name` is the name.
fn name_label(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    config.attributes.get("labels")?.get(NAME)?;
    let detail = "The label `Name` is the name of an instance on AWS. Write `name` instead.";
    let problem = Diagnostic::error("invalid-label", "Invalid label").detail(detail);
    Some(problem.at((config.range_of)("labels")).address(config.address))
}

fn strange_subnet(config: &ResourceConfig<'_>) -> Option<Diagnostic> {
    let subnet = subnet(config.attributes).filter(|subnet| !subnet.starts_with("subnet-"))?;
    let detail =
        format!("`{subnet}` is no id of a subnet, which are written like `subnet-0abc12`.");
    let problem = Diagnostic::error("invalid-subnet", "Invalid subnet").detail(detail);
    Some(problem.at((config.range_of)("aws.subnet_id")).address(config.address))
}

/// Tells whether a sandbox is to be taken from the spot market.
pub fn is_spot(attributes: &Value) -> bool {
    argument(attributes, "spot").and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the subnet that a sandbox names.
pub fn subnet(attributes: &Value) -> Option<&str> {
    argument(attributes, "subnet_id")?.as_str()
}

/// Returns the size of a sandbox's root volume, in GiB; more where its image is larger.
pub fn disk(attributes: &Value) -> u64 {
    let asked = Size::of(attributes.get("size")).and_then(|size| size.disk);
    asked.map_or(DEFAULT_DISK, |bytes| bytes.div_ceil(1 << 30).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_and_the_disk_are_read() {
        let own = Value::object([("spot", Value::from(true)), ("subnet_id", "subnet-1".into())]);
        let size = Value::object([("disk", Value::from("50GB"))]);
        let sandbox = Value::object([("aws", own), ("size", size)]);
        assert!(is_spot(&sandbox));
        assert_eq!(subnet(&sandbox), Some("subnet-1"));
        assert_eq!(disk(&sandbox), 47);
        let nothing = Value::object::<&str>([]);
        assert!(!is_spot(&nothing));
        assert_eq!((subnet(&nothing), disk(&nothing)), (None, DEFAULT_DISK));
    }
}
