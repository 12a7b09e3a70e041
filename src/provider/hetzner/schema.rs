//! What a sandbox may hold on this platform: the portable shape, the block
//! `hetzner`, and what the platform knows besides.

use std::sync::{Arc, LazyLock};

use crate::provider::sandbox;
use crate::schema::{Attribute, Block, BlockSchema, Nesting, ResourceSchema};
use crate::value::Type;

/// Returns the schema of a sandbox on this platform.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| {
        let mut schema = sandbox::schema().clone();
        schema.block.attributes.extend(computed());
        schema.block.blocks.push(own_block());
        schema
    });
    &SCHEMA
}

fn own_block() -> Block {
    let server_type = Attribute::optional(
        "server_type",
        Type::Dynamic,
        "A server type, or an ordered list of them: the first that has room is taken. It counts \
         instead of `size`.",
    );
    Block {
        name: "hetzner".into(),
        nesting: Nesting::Single,
        schema: BlockSchema { attributes: vec![server_type], blocks: vec![] },
        doc: "What only Hetzner Cloud has.",
    }
}

fn computed() -> Vec<Attribute> {
    let text = |name: &str| (Arc::from(name), Type::String);
    let candidate = ["server_type", "location", "hourly_cost"].map(text);
    vec![
        Attribute::computed("server_type", Type::String, "The server type that it has."),
        Attribute::computed("location", Type::String, "The location that it is in."),
        Attribute::computed(
            "disk_size",
            Type::Number,
            "Its disk in GB; a rescale keeps it, so a server can become no type with a smaller one.",
        ),
        Attribute::computed(
            "candidates",
            Type::list(Type::object(candidate)),
            "Server types and locations with their price per hour, in the order in which creation \
             tries them.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_here_has_all_that_is_portable() {
        let own = &schema().block;
        for attribute in &sandbox::schema().block.attributes {
            assert_eq!(own.attribute(&attribute.name), Some(attribute));
        }
        assert!(own.block("hetzner").is_some() && own.block("file").is_some());
        assert!(own.attribute("candidates").is_some_and(|a| a.computed && !a.configurable));
    }
}
