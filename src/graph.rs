//! What the configuration asks for, in an order in which it can be evaluated.
//!
//! `Desired` knows which block depends on which; [`Evaluation`] walks them in
//! that order and turns each into resource instances with values, which may be
//! unknown. Nothing here knows what is alive, except through the values that
//! the planner hands back for the blocks that it has planned.

mod decode;
mod evaluation;
mod expand;
mod homes;
mod nodes;
mod place;
mod refer;
mod scope;
mod trigger;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::address::{BlockAddress, ResourceType};
use crate::config::settings::constant;
use crate::config::{BlockBody, Config};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange};
use crate::object::{ProviderRef, State};
use crate::value::Value;

pub use crate::config::blocks::{IgnoreChanges, Lifecycle};
pub use crate::config::settings::Limits;
pub use crate::config::{Expr, Resource};
pub use decode::Decoded;
pub use evaluation::{DesiredOutput, Evaluation, SchemaOf, Stays, stays};
pub use expand::{DesiredResource, Expanded, Repetition};
pub use nodes::Node;
pub use trigger::{Instances, Trigger};
pub use users::{USES, is_per_provider};

/// The configuration with its variables' values and its order.
#[derive(Debug)]
pub struct Desired {
    pub config: Config,
    pub project: String,
    pub variables: BTreeMap<Arc<str>, Value>,
    pub default_provider: ProviderRef,
    /// Where sandboxes run that name no region, as the command line says.
    pub region: Option<String>,
    /// Every node after all that it refers to.
    order: Vec<Node>,
    /// The resource blocks that each resource block refers to, directly or through locals.
    dependencies: BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
    /// The resource blocks that any expression refers to.
    referenced: BTreeSet<BlockAddress>,
    /// The sandbox blocks that use each SSH key and network.
    users: users::Users,
    context: Context,
}

/// Digests what a `sync` block copies: its `from` (as written) and excludes.
pub type DigestOf = dyn Fn(&str, &[String]) -> Result<String, String> + Send + Sync;

/// What evaluation takes from its surroundings.
#[derive(Clone)]
pub struct Context {
    /// Where relative paths start.
    pub base_dir: PathBuf,
    pub now: Timestamp,
    pub digest: Arc<DigestOf>,
    /// Variables may be without value, so that nobody knows how many instances
    /// some blocks have: these are checked by an example.
    pub lenient: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({}, {})", self.base_dir.display(), self.now)
    }
}

/// What overrides the configuration from the command line.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub default_provider: Option<String>,
    pub region: Option<String>,
}

impl Desired {
    /// Checks every reference and looks for cycles.
    pub fn check(config: &Config) -> Diagnostics {
        match nodes::Graph::of(config).and_then(|graph| graph.order()) {
            Ok(_) => Diagnostics::new(),
            Err(problems) => problems,
        }
    }

    /// Finds the order of a configuration whose references are sound.
    pub fn build(
        config: Config,
        variables: BTreeMap<Arc<str>, Value>,
        overrides: &Overrides,
        context: Context,
    ) -> Result<Self, Diagnostics> {
        let graph = nodes::Graph::of(&config)?;
        let default_provider = overrides
            .default_provider
            .as_deref()
            .or(config.settings.default_provider.as_deref())
            .unwrap_or("local");
        let default_provider: ProviderRef =
            default_provider.parse().unwrap_or_else(|_| ProviderRef::of("local"));
        let project = match &config.settings.project {
            Some(project) => project.clone(),
            None => crate::config::settings::project_of(&context.base_dir),
        };
        let desired = Self {
            order: graph.order()?,
            dependencies: graph.resource_dependencies(),
            referenced: graph.referenced(),
            users: users::of(&graph, &config),
            config,
            project,
            variables,
            default_provider,
            region: overrides.region.clone(),
            context,
        };
        let problems = desired.check_rules();
        problems.into_result(desired)
    }

    #[cfg(test)]
    pub(crate) fn set_lenient(&mut self) {
        self.context.lenient = true;
    }

    /// Returns the directory that relative paths start from.
    pub fn base_dir(&self) -> &std::path::Path {
        &self.context.base_dir
    }

    /// Evaluates an expression with every declared name; resource blocks have the
    /// value that the state remembers.
    pub fn evaluate_in<'a>(
        &'a self,
        expr: &hcl::edit::expr::Expression,
        source: &crate::diagnostic::Source,
        (schema_of, state): (&'a SchemaOf<'a>, &State),
    ) -> Result<Value, Diagnostics> {
        let mut evaluation = self.evaluate(schema_of).staying(stays(&state.objects));
        while let Some(expanded) = evaluation.next_block() {
            let expanded = expanded?;
            let values = expanded.instances.iter().map(|instance| {
                let schema = schema_of(&instance.provider, instance.address.kind());
                let value = match state.current(&instance.address) {
                    Some(object) => object.value(),
                    None => Value::Unknown(crate::value::Type::Dynamic),
                };
                match schema {
                    Some(schema) if !value.is_unknown() => schema.block.with_nulls(&value),
                    _ => value,
                }
            });
            let value = expanded.value(values.collect());
            evaluation.set(&expanded.resource.address, value);
        }
        crate::evaluate::evaluate(expr, source, &scope::BlockScope::plain(evaluation.names()))
    }

    /// Lists the resource blocks, each after all that it depends on.
    pub fn blocks(&self) -> impl Iterator<Item = &BlockAddress> {
        self.order.iter().filter_map(|node| match node {
            Node::Resource(block) => Some(block),
            _ => None,
        })
    }

    /// Returns the blocks that a block depends on.
    pub fn dependencies(&self, block: &BlockAddress) -> Option<&BTreeSet<BlockAddress>> {
        self.dependencies.get(block)
    }

    /// Tells whether a sandbox block uses this SSH key or network.
    pub fn is_used(&self, block: &BlockAddress) -> bool {
        self.users.contains_key(block)
    }

    /// Returns, for each block, the blocks that it depends on.
    pub fn all_dependencies(&self) -> &BTreeMap<BlockAddress, BTreeSet<BlockAddress>> {
        &self.dependencies
    }

    /// Draws the nodes and what each refers to, for `graph`.
    pub fn edges(&self) -> Result<Vec<(Node, Vec<Node>)>, Diagnostics> {
        Ok(nodes::Graph::of(&self.config)?.into_edges())
    }

    /// Starts an evaluation in order; `schema_of` gives each provider's schemas.
    pub fn evaluate<'a>(&'a self, schema_of: &'a SchemaOf<'a>) -> Evaluation<'a> {
        Evaluation::new(self, schema_of)
    }

    /// Lists the providers that the resources are to be on, as far as that can be told.
    pub fn providers_used<'a>(
        &'a self,
        schema_of: &'a SchemaOf<'a>,
        stays: &Stays,
    ) -> BTreeSet<ProviderRef> {
        let resources = self.config.resources.values();
        // What a sandbox uses is where the sandbox is.
        let placed = resources.filter(|r| {
            let is_placed_by_others = match r.address.kind {
                ResourceType::Sandbox => false,
                ResourceType::Snapshot => true,
                ResourceType::SshKey | ResourceType::Network => self.is_used(&r.address),
            };
            !is_placed_by_others
        });
        let all_alike = stays.values().all(|home| *home == self.default_provider);
        let stated: Option<BTreeSet<_>> = placed.map(|r| self.stated_provider(r)).collect();
        let stated = stated.filter(|_| all_alike);
        stated.unwrap_or_else(|| self.providers_evaluated(schema_of, stays))
    }

    fn providers_evaluated<'a>(
        &'a self,
        schema_of: &'a SchemaOf<'a>,
        stays: &Stays,
    ) -> BTreeSet<ProviderRef> {
        let mut providers = BTreeSet::new();
        self.each_instance(schema_of, stays, |instance| {
            providers.insert(instance.provider);
        });
        providers
    }

    /// Returns the arguments of the sandboxes that are to be on a provider, as far as they
    /// are known.
    pub fn sandboxes_on<'a>(
        &'a self,
        provider: &ProviderRef,
        schema_of: &'a SchemaOf<'a>,
        stays: &Stays,
    ) -> Vec<Value> {
        let mut sandboxes = Vec::new();
        self.each_instance(schema_of, stays, |instance| {
            if instance.address.kind() == ResourceType::Sandbox && instance.provider == *provider {
                sandboxes.push(instance.decoded.attributes);
            }
        });
        sandboxes
    }

    fn each_instance<'a>(
        &'a self,
        schema_of: &'a SchemaOf<'a>,
        stays: &Stays,
        mut with: impl FnMut(DesiredResource),
    ) {
        let mut evaluation = self.evaluate(schema_of).staying(stays.clone());
        while let Some(expanded) = evaluation.next_block() {
            let Ok(expanded) = expanded else { continue };
            evaluation.set(&expanded.resource.address, Value::unknown());
            expanded.instances.into_iter().for_each(&mut with);
        }
    }

    /// Returns a resource's provider where that takes no evaluation.
    fn stated_provider(&self, resource: &Resource) -> Option<ProviderRef> {
        let Some(expr) = &resource.provider else { return Some(self.default_provider.clone()) };
        let text = match nodes::names_a_provider(&self.config, expr) {
            true => expr.as_words()?.join("."),
            false => constant(expr).ok()?.as_str()?.to_owned(),
        };
        text.parse().ok()
    }

    /// Returns the chain of a profile, the most basic first.
    fn profile_chain(&self, name: &str) -> Vec<&BlockBody> {
        let mut chain = Vec::new();
        let mut next = self.config.profiles.get(name);
        while let Some(profile) = next {
            chain.push(&profile.body);
            next = profile.extends.as_ref().and_then(|e| self.config.profiles.get(&e.name));
        }
        chain.reverse();
        chain
    }

    /// Checks the variables' `validation` blocks.
    fn check_rules(&self) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let none: &SchemaOf<'_> = &|_, _| None;
        let evaluation = self.evaluate(none);
        let scope = scope::BlockScope::plain(evaluation.names());
        for variable in self.config.variables.values() {
            for rule in &variable.validations {
                let code = "invalid-variable";
                let summary = "Invalid value for variable";
                let check = scope.check(rule, Diagnostic::error(code, summary));
                problems.extend(check.err().into_iter().flatten());
            }
        }
        problems
    }
}

/// The order of reading: where a node is declared.
fn range_of(config: &Config, node: &Node) -> Option<SourceRange> {
    match node {
        Node::Local(name) => config.locals.get(name).map(|local| local.range()),
        Node::Profile(name) => config.profiles.get(name).map(|p| p.range.clone()),
        Node::Resource(block) => config.resources.get(block).map(|r| r.range.clone()),
        Node::Output(name) => config.outputs.get(name).map(|o| o.range.clone()),
    }
}

#[cfg(test)]
mod tests;
