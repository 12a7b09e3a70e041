//! What a sandbox may hold on a platform that rents servers: the portable shape, the
//! platform's own block, and what the platform knows besides.

use std::sync::Arc;

use crate::provider::sandbox;
use crate::schema::{Attribute, Block, BlockSchema, Nesting, ResourceSchema};
use crate::value::Type;

use super::terms::Terms;

/// Returns the schema of a sandbox; `own` are the arguments of the platform's block
/// besides the one that names server types.
pub fn schema(terms: &'static Terms, own: Vec<Attribute>) -> ResourceSchema {
    let mut schema = sandbox::schema().clone();
    schema.block.attributes.extend(computed(terms));
    schema.block.blocks.push(own_block(terms, own));
    schema
}

fn own_block(terms: &'static Terms, own: Vec<Attribute>) -> Block {
    let server_type = Attribute::optional(
        terms.type_argument,
        Type::Dynamic,
        "A server type, or an ordered list of them: the first that has room is taken. It counts \
         instead of `size`.",
    );
    let attributes = [server_type].into_iter().chain(own).collect();
    Block {
        name: terms.block.into(),
        nesting: Nesting::Single,
        schema: BlockSchema { attributes, blocks: vec![] },
        doc: "What only this platform has.",
    }
}

fn computed(terms: &Terms) -> Vec<Attribute> {
    let text = |name: &str| (Arc::<str>::from(name), Type::String);
    let image = terms.pins_images.then(|| text("image"));
    let candidate = ["server_type", "location", "hourly_cost"].map(text).into_iter().chain(image);
    let doc = "The id of the image that its disk began with.";
    let pinned = terms.pins_images.then(|| Attribute::computed("image_id", Type::String, doc));
    let known = vec![
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
    ];
    known.into_iter().chain(pinned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::terms::tests::EXAMPLE;
    use super::*;

    #[test]
    fn a_sandbox_here_has_all_that_is_portable() {
        let own = schema(&EXAMPLE, vec![]).block;
        for attribute in &sandbox::schema().block.attributes {
            assert_eq!(own.attribute(&attribute.name), Some(attribute));
        }
        assert!(own.block("example").is_some() && own.block("file").is_some());
        assert!(own.attribute("candidates").is_some_and(|a| a.computed && !a.configurable));
    }
}
