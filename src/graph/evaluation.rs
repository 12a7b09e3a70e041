//! Walks the configuration in order and turns each block into values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expand::{self, Expanded};
use super::homes::Homes;
use super::nodes::Node;
use super::scope::{BlockScope, Names};
use super::{Desired, decode};
use crate::address::{Address, BlockAddress, InstanceKey, ResourceType};
use crate::config::{ProviderBlock, Resource};
use crate::deferred::Deferred;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::object::{Object, ProviderRef};
use crate::schema::ResourceSchema;
use crate::value::{AttributePath, Type, Value};

/// Gives the schema that a provider has for a resource type.
pub type SchemaOf<'a> = dyn Fn(&ProviderRef, ResourceType) -> Option<&'a ResourceSchema> + 'a;

/// An evaluation in progress.
pub struct Evaluation<'a> {
    pub(super) desired: &'a Desired,
    pub(super) schema_of: &'a SchemaOf<'a>,
    values: BTreeMap<Node, Value>,
    /// How apply finds out what is not known of profiles.
    deferred: BTreeMap<Arc<str>, Vec<(AttributePath, Deferred)>>,
    /// The providers of each block's instances.
    providers: BTreeMap<BlockAddress, Vec<(Option<InstanceKey>, ProviderRef)>>,
    pub(super) homes: Homes,
    /// Where living sandboxes stay whose block names no provider.
    stays: Stays,
    position: usize,
}

/// Where living sandboxes stay whose block names no provider: where they are.
pub type Stays = BTreeMap<Address, ProviderRef>;

/// Lists where living sandboxes are.
pub fn stays(objects: &[Object]) -> Stays {
    let current = objects.iter().filter(|object| object.deposed.is_none());
    let objects = current.filter(|object| object.address.kind() == ResourceType::Sandbox);
    objects.map(|object| (object.address.clone(), object.provider.clone())).collect()
}

enum Evaluated<'a> {
    Value(Value),
    Block(Expanded<'a>),
}

/// An output with its value, as far as it is known.
#[derive(Debug, Clone)]
pub struct DesiredOutput {
    pub name: Arc<str>,
    pub sensitive: bool,
    pub value: Value,
    /// How apply finds the value out, where it is not wholly known.
    pub deferred: Option<Deferred>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(desired: &'a Desired, schema_of: &'a SchemaOf<'a>) -> Self {
        Self {
            desired,
            schema_of,
            values: BTreeMap::new(),
            deferred: BTreeMap::new(),
            providers: BTreeMap::new(),
            homes: Homes::default(),
            stays: Stays::new(),
            position: 0,
        }
    }

    /// Returns the names that expressions may use by now.
    pub(super) fn names(&self) -> Names<'_> {
        Names { desired: self.desired, values: &self.values, deferred: &self.deferred }
    }

    /// Lets living sandboxes stay where they are, whatever the default provider is.
    pub fn staying(self, stays: Stays) -> Self {
        Self { stays, ..self }
    }

    /// Returns where an instance is whose block names no provider.
    pub(super) fn home(&self, resource: &Resource, key: Option<&InstanceKey>) -> &ProviderRef {
        let is_sandbox = resource.address.kind == ResourceType::Sandbox;
        let address = || resource.address.instance(key.cloned());
        let stays = match is_sandbox && !self.stays.is_empty() {
            true => self.stays.get(&address()),
            false => None,
        };
        stays.unwrap_or(&self.desired.default_provider)
    }

    /// Lists the providers other than the default one where instances of a block stay.
    pub(super) fn homes_elsewhere(&self, block: &BlockAddress) -> BTreeSet<&ProviderRef> {
        let default = &self.desired.default_provider;
        self.stays
            .iter()
            .filter(|(a, home)| a.block == *block && *home != default)
            .map(|(_, home)| home)
            .collect()
    }

    /// Leaves these blocks out; what refers to them finds nothing known.
    pub fn without(mut self, blocks: &BTreeSet<BlockAddress>) -> Self {
        let unknown =
            |block: &BlockAddress| (Node::Resource(block.clone()), Value::Unknown(Type::Dynamic));
        self.values.extend(blocks.iter().map(unknown));
        self
    }

    /// Evaluates on to the next resource block and expands it. After this,
    /// [`Evaluation::set`] must tell what the block's instances become. It can go on
    /// after a problem: what has one counts as unknown.
    pub fn next_block(&mut self) -> Option<Result<Expanded<'a>, Diagnostics>> {
        while let Some(node) = self.desired.order.get(self.position) {
            self.position += 1;
            if self.values.contains_key(node) {
                continue;
            }
            let problems = match self.evaluate(node) {
                Ok(Evaluated::Value(value)) => {
                    self.values.insert(node.clone(), value);
                    continue;
                }
                Ok(Evaluated::Block(expanded)) => {
                    self.providers.insert(expanded.resource.address.clone(), expanded.providers());
                    return Some(Ok(expanded));
                }
                Err(problems) => problems,
            };
            self.values.insert(node.clone(), Value::Unknown(Type::Dynamic));
            return Some(Err(problems));
        }
        None
    }

    fn evaluate(&mut self, node: &Node) -> Result<Evaluated<'a>, Diagnostics> {
        match node {
            Node::Local(name) => self.local(name).map(Evaluated::Value),
            Node::Profile(name) => self.profile(name).map(Evaluated::Value),
            Node::Output(_) => Ok(Evaluated::Value(Value::null())),
            Node::Resource(block) => {
                let resource = &self.desired.config.resources[block];
                expand::expand(self, resource).map(Evaluated::Block)
            }
        }
    }

    /// Tells whether any expression needs the value of this block.
    pub fn is_referenced(&self, block: &BlockAddress) -> bool {
        self.desired.referenced.contains(block)
    }

    /// Tells what a block's instances become, for those that refer to it.
    pub fn set(&mut self, block: &BlockAddress, value: Value) {
        for (key, provider) in self.providers.get(block).into_iter().flatten() {
            let instance = match key {
                None => Some(&value),
                Some(InstanceKey::String(key)) => value.get(key),
                Some(InstanceKey::Number(at)) => {
                    usize::try_from(*at).ok().and_then(|at| value.as_elements()?.get(at))
                }
            };
            if let Some(instance) = instance {
                self.homes.note(instance, provider);
            }
        }
        self.values.insert(Node::Resource(block.clone()), value);
    }

    /// Tells whether a block that was not reached yet is left out.
    pub(super) fn leaves_out(&self, block: &BlockAddress) -> bool {
        self.values.contains_key(&Node::Resource(block.clone()))
    }

    /// Lists the providers that the instances of a block were placed on.
    pub(super) fn providers_of(&self, block: &BlockAddress) -> BTreeSet<&ProviderRef> {
        let placed = self.providers.get(block).into_iter().flatten();
        placed.map(|(_, provider)| provider).collect()
    }

    fn local(&self, name: &str) -> Result<Value, Diagnostics> {
        match self.desired.config.locals.get(name) {
            Some(local) => local.evaluate(&BlockScope::plain(self.names())),
            None => Ok(Value::null()),
        }
    }

    fn profile(&mut self, name: &str) -> Result<Value, Diagnostics> {
        // Only a reference like `profile.agent.image` reads this; a profile may
        // serve several providers, so the portable schema is the one that counts.
        let Some(schema) = (self.schema_of)(&self.desired.default_provider, ResourceType::Sandbox)
        else {
            return Ok(Value::null());
        };
        let scope = BlockScope::plain(self.names());
        let layers: Vec<_> = self
            .desired
            .profile_chain(name)
            .into_iter()
            .map(|body| decode::Layer { body, scope: &scope })
            .collect();
        let surroundings =
            decode::Surroundings { digest: &*self.desired.context.digest, place: None };
        let decoded = decode::decode(&schema.block, &layers, surroundings)?;
        if !decoded.deferred.is_empty() {
            self.deferred.insert(name.into(), decoded.deferred);
        }
        Ok(schema.block.with_nulls(&decoded.attributes))
    }

    /// Evaluates the outputs; call it when every block is set.
    pub fn outputs(&self) -> Result<Vec<DesiredOutput>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let outputs = self.desired.config.outputs.iter().filter_map(|(name, output)| {
            let scope = BlockScope::plain(self.names());
            let value = problems.absorb(output.value.evaluate(&scope))?;
            if value.contains_sensitive() && !output.sensitive {
                problems.push(
                    Diagnostic::error("sensitive-output", "Output refers to sensitive values")
                        .detail(
                            "To show that this is intended, add `sensitive = true` to the output.",
                        )
                        .at(output.value.range()),
                );
            }
            let deferred = (!value.is_wholly_known()).then(|| scope.defer(&output.value));
            let value = if output.sensitive { value.sensitive() } else { value };
            Some(DesiredOutput { name: name.clone(), sensitive: output.sensitive, value, deferred })
        });
        let outputs = outputs.collect();
        problems.into_result(outputs)
    }

    /// Evaluates a provider block's arguments, before anything is planned.
    pub fn provider_settings(&self, block: &ProviderBlock) -> Result<Value, Diagnostics> {
        let mut problems = Diagnostics::new();
        let settings = block.body.arguments.iter().filter_map(|argument| {
            let value = problems.absorb(self.setting(&argument.value))?;
            Some((argument.name.clone(), value))
        });
        let settings = Value::object(settings.collect::<Vec<_>>());
        problems.into_result(settings)
    }

    fn setting(&self, expr: &crate::config::Expr) -> Result<Value, Diagnostics> {
        let mut evaluation = Evaluation::new(self.desired, self.schema_of);
        let is_ready = |node: &Node| matches!(node, Node::Local(_));
        for node in self.desired.order.iter().filter(|node| is_ready(node)) {
            if let Node::Local(name) = node
                && let Ok(value) = evaluation.local(name)
            {
                evaluation.values.insert(node.clone(), value);
            }
        }
        expr.evaluate(&BlockScope::plain(evaluation.names()))
    }
}
