//! Holds a block's content against its schema, before anything is evaluated.

use super::blocks::{IgnoreChanges, missing_argument};
use super::body::{BlockBody, NestedBlock, at_most_once, unsupported_argument, unsupported_block};
use super::{Config, Resource};
use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::schema::{BlockSchema, Nesting, ResourceSchema};

/// Holds every profile and resource against the schema of its type. `platforms` are
/// those whose own blocks a sandbox may hold.
pub fn check_all<'a>(
    config: &Config,
    schema_of: impl Fn(ResourceType) -> &'a ResourceSchema,
    platforms: &[&str],
) -> Diagnostics {
    let sandbox = &schema_of(ResourceType::Sandbox).block;
    let profiles = config.profiles.values().map(|p| check(&p.body, sandbox, platforms));
    let resources = config.resources.values();
    let resources =
        resources.map(|r| check_resource(r, &schema_of(r.address.kind).block, platforms));
    profiles.chain(resources).flatten().collect()
}

fn check_resource(resource: &Resource, schema: &BlockSchema, platforms: &[&str]) -> Diagnostics {
    let foreign: &[&str] = match resource.address.kind {
        ResourceType::Sandbox => platforms,
        _ => &[],
    };
    let required = schema.attributes.iter().filter(|attribute| attribute.required);
    let missing = required.filter(|attribute| resource.body.argument(&attribute.name).is_none());
    let missing = missing.map(|attribute| missing_argument(&resource.range, &attribute.name));
    let mut problems = check(&resource.body, schema, foreign);
    problems.extend(missing);
    problems.extend(check_ignored(resource, schema, foreign));
    problems
}

/// Complains of names in `ignore_changes` that are no argument.
fn check_ignored(resource: &Resource, schema: &BlockSchema, foreign: &[&str]) -> Diagnostics {
    let IgnoreChanges::These(these) = &resource.lifecycle.ignore_changes else {
        return Diagnostics::new();
    };
    let is_known = |name: &str| {
        schema.attribute(name).is_some() || schema.block(name).is_some() || foreign.contains(&name)
    };
    let unknown = these.iter().filter(|ignored| !is_known(&ignored.argument));
    unknown
        .map(|ignored| {
            Diagnostic::error("unknown-argument", "Unsupported argument")
                .detail(format!("There is no argument named `{}` to ignore.", ignored.argument))
                .at(ignored.range.clone())
                .hint(did_you_mean(&ignored.argument, schema.configurable_names()))
        })
        .collect()
}

/// Complains of unknown, duplicate and missing arguments and blocks.
///
/// `foreign` names blocks that are another platform's and are let through.
pub fn check(body: &BlockBody, schema: &BlockSchema, foreign: &[&str]) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for argument in &body.arguments {
        problems.extend(check_argument(argument, schema));
    }
    for block in &body.blocks {
        match schema.block(&block.kind) {
            Some(known) => problems.extend(check_block(block, known)),
            None if foreign.contains(&&*block.kind) => problems.extend(block.unlabelled()),
            None => problems.push(unsupported_block(
                block,
                schema.configurable_names().chain(foreign.iter().copied()),
            )),
        }
    }
    let unique = body.blocks.iter().filter(|block| {
        !matches!(
            schema.block(&block.kind).map(|b| b.nesting),
            Some(Nesting::List { labelled: false })
        )
    });
    problems.extend(at_most_once(unique));
    problems
}

fn check_argument(argument: &super::Argument, schema: &BlockSchema) -> Option<Diagnostic> {
    match schema.attribute(&argument.name) {
        Some(known) if known.configurable => None,
        Some(_) => Some(
            Diagnostic::error("computed-argument", "Value for a computed attribute")
                .detail(format!(
                    "`{}` is set by the platform and cannot be configured.",
                    argument.name
                ))
                .at(argument.name_range.clone()),
        ),
        None if schema.block(&argument.name).is_some() => Some(
            Diagnostic::error("block-as-argument", "Unsupported argument")
                .detail(format!(
                    "`{0}` is a block: write `{0} {{ … }}` without an equals sign.",
                    argument.name
                ))
                .at(argument.name_range.clone()),
        ),
        None => Some(unsupported_argument(argument, schema.configurable_names())),
    }
}

fn check_block(block: &NestedBlock, known: &crate::schema::Block) -> Diagnostics {
    let mut problems = match known.nesting {
        Nesting::Single | Nesting::List { labelled: false } => block.unlabelled(),
        Nesting::Map | Nesting::List { labelled: true } => {
            block.label().err().into_iter().collect()
        }
    };
    problems.extend(check(&block.body, &known.schema, &[]));
    let required = known.schema.attributes.iter().filter(|attribute| attribute.required);
    problems.extend(
        required
            .filter(|attribute| block.body.argument(&attribute.name).is_none())
            .map(|attribute| missing_argument(&block.header, &attribute.name)),
    );
    problems
}
