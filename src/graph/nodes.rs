//! Which declaration refers to which: undeclared names and cycles are found here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::trigger::Trigger;
use crate::address::{BlockAddress, ResourceType};
use crate::config::{Config, Expr};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::evaluate::{RefStep, Reference};

/// Something that is evaluated: variables have no node, for they refer to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    Local(Arc<str>),
    Profile(Arc<str>),
    Resource(BlockAddress),
    Output(Arc<str>),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(f, "local.{name}"),
            Self::Profile(name) => write!(f, "profile.{name}"),
            Self::Resource(block) => block.fmt(f),
            Self::Output(name) => write!(f, "output.{name}"),
        }
    }
}

/// Nodes with what each refers to.
pub struct Graph<'a> {
    config: &'a Config,
    edges: BTreeMap<Node, BTreeSet<Node>>,
}

/// What may be referred to at a place besides the declarations.
#[derive(Clone, Copy, Default)]
struct Allowed {
    each: bool,
    count: bool,
}

/// Roots that always resolve.
const PLAIN_ROOTS: [&str; 3] = ["path", "sandplan", "terraform"];

impl<'a> Graph<'a> {
    /// Checks every reference of a configuration and draws the graph.
    pub fn of(config: &'a Config) -> Result<Self, Diagnostics> {
        let mut graph = Self { config, edges: BTreeMap::new() };
        let mut problems = Diagnostics::new();
        for (name, local) in &config.locals {
            problems.extend(graph.add(Node::Local(name.clone()), &[local], Allowed::default()));
        }
        for (name, profile) in &config.profiles {
            let node = Node::Profile(name.clone());
            problems.extend(graph.add(
                node.clone(),
                &profile.body.expressions(),
                Allowed::default(),
            ));
            if let Some(extends) = &profile.extends {
                problems.extend(graph.add_profile(&node, extends));
            }
        }
        for resource in config.resources.values() {
            problems.extend(graph.add_resource(resource));
        }
        for (name, output) in &config.outputs {
            let expressions: Vec<&Expr> =
                std::iter::once(&output.value).chain(&output.depends_on).collect();
            problems.extend(graph.add(
                Node::Output(name.clone()),
                &expressions,
                Allowed::default(),
            ));
        }
        for provider in &config.providers {
            for expr in provider.body.expressions() {
                problems.extend(graph.check_setting(expr));
            }
        }
        problems.extend(graph.check_validations());
        problems.into_result(graph)
    }

    fn add(&mut self, node: Node, expressions: &[&Expr], allowed: Allowed) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let mut targets = BTreeSet::new();
        for expr in expressions {
            let (found, wrong) = self.targets(expr, allowed);
            targets.extend(found);
            problems.extend(wrong);
        }
        self.edges.entry(node).or_default().extend(targets);
        problems
    }

    fn add_resource(&mut self, resource: &crate::config::Resource) -> Diagnostics {
        let node = Node::Resource(resource.address.clone());
        let allowed =
            Allowed { each: resource.for_each.is_some(), count: resource.count.is_some() };
        let repetition: Vec<&Expr> = resource.count.iter().chain(&resource.for_each).collect();
        let mut problems = self.add(node.clone(), &repetition, Allowed::default());
        let mut expressions = resource.body.expressions();
        expressions.extend(&resource.depends_on);
        expressions.extend(&resource.lifecycle.replace_triggered_by);
        for rule in &resource.lifecycle.preconditions {
            expressions.extend([&rule.condition, &rule.error_message]);
        }
        if let Some(provider) = &resource.provider
            && !names_a_provider(self.config, provider)
        {
            expressions.push(provider);
        }
        problems.extend(self.add(node.clone(), &expressions, allowed));
        let triggers = resource.lifecycle.replace_triggered_by.iter();
        problems.extend(triggers.filter_map(|expr| Trigger::of(expr).err()));
        if let Some(profile) = &resource.profile {
            problems.extend(self.add_profile(&node, profile));
        }
        problems
    }

    fn add_profile(
        &mut self,
        node: &Node,
        reference: &crate::config::blocks::ProfileReference,
    ) -> Diagnostics {
        if self.config.profiles.contains_key(&reference.name) {
            let target = Node::Profile(reference.name.clone());
            self.edges.entry(node.clone()).or_default().insert(target);
            return Diagnostics::new();
        }
        let known = self.config.profiles.keys().map(|name| &**name);
        Diagnostic::error("undeclared-reference", "Reference to undeclared profile")
            .detail(format!("No `profile \"{}\"` block is in the configuration.", reference.name))
            .at(reference.range.clone())
            .hint(did_you_mean(&reference.name, known))
            .into()
    }

    fn check_validations(&self) -> Diagnostics {
        let rules = self.config.variables.values().flat_map(|variable| &variable.validations);
        let expressions = rules.flat_map(|rule| [&rule.condition, &rule.error_message]);
        expressions
            .flat_map(|expr| {
                let (targets, problems) = self.targets(expr, Allowed::default());
                let resources = targets.into_iter().map(|target| {
                    Diagnostic::error("undeclared-reference", "Invalid reference in validation")
                        .detail(format!(
                            "A validation may refer to variables only, not to `{target}`."
                        ))
                        .at(expr.range())
                });
                resources.collect::<Vec<_>>().into_iter().chain(problems)
            })
            .collect()
    }

    /// Provider blocks are read before anything is planned.
    fn check_setting(&self, expr: &Expr) -> Diagnostics {
        let (targets, problems) = self.targets(expr, Allowed::default());
        let late = targets.iter().filter(|target| match target {
            Node::Local(_) => !self.needed_by(target).is_empty(),
            _ => true,
        });
        let late = late.map(|target| {
            Diagnostic::error("invalid-reference", "Invalid reference in a provider block")
                .detail(format!(
                    "A `provider` block is read before anything is planned, so it cannot depend on `{target}`: only on variables, functions, and local values of these."
                ))
                .at(expr.range())
        });
        late.chain(problems).collect()
    }

    /// Lists what an expression names, without regard to mistakes in it.
    pub(super) fn named_by(&self, expr: &Expr) -> Vec<Node> {
        self.targets(expr, Allowed { each: true, count: true }).0
    }

    /// Lists the resource blocks that an expression reaches without passing another one.
    pub(super) fn reached_by(&self, expr: &Expr) -> BTreeSet<BlockAddress> {
        self.nearest(&self.named_by(expr))
    }

    fn targets(&self, expr: &Expr, allowed: Allowed) -> (Vec<Node>, Diagnostics) {
        let mut targets = Vec::new();
        let mut problems = Diagnostics::new();
        for reference in expr.references() {
            match self.target(&reference, allowed) {
                Ok(target) => targets.extend(target),
                Err(problem) => problems.push(*problem),
            }
        }
        (targets, problems)
    }

    fn target(
        &self,
        reference: &Reference,
        allowed: Allowed,
    ) -> Result<Option<Node>, Box<Diagnostic>> {
        let root = reference.root.as_str();
        let next = match reference.steps.first() {
            Some(RefStep::Attr(name)) => Some(name.as_str()),
            Some(RefStep::Index(index)) => index.as_str(),
            None => None,
        };
        match root {
            "each" if allowed.each => Ok(None),
            "count" if allowed.count => Ok(None),
            "each" | "count" => Err(Box::new(no_repetition(reference))),
            root if PLAIN_ROOTS.contains(&root) => Ok(None),
            "var" => {
                let names = self.config.variables.keys();
                let is_known = |name: &str| self.config.variables.contains_key(name);
                self.declared((reference, next, "input variable"), names, is_known)?;
                Ok(None)
            }
            "local" => {
                let is_known = |name: &str| self.config.locals.contains_key(name);
                let names = self.config.locals.keys();
                self.declared((reference, next, "local value"), names, is_known)
                    .map(|name| Some(Node::Local(name)))
            }
            "profile" => {
                let is_known = |name: &str| self.config.profiles.contains_key(name);
                let names = self.config.profiles.keys();
                self.declared((reference, next, "profile"), names, is_known)
                    .map(|name| Some(Node::Profile(name)))
            }
            root => match ResourceType::from_word(root) {
                Some(kind) => self.resource(reference, kind, next),
                None => Err(Box::new(unknown_root(reference))),
            },
        }
    }

    fn resource(
        &self,
        reference: &Reference,
        kind: ResourceType,
        next: Option<&str>,
    ) -> Result<Option<Node>, Box<Diagnostic>> {
        let resources = &self.config.resources;
        let names = resources.keys().filter(|b| b.kind == kind).map(|b| &b.name);
        let is_known = |name: &str| resources.contains_key(&BlockAddress::root(kind, name));
        self.declared((reference, next, "resource"), names, is_known)
            .map(|name| Some(Node::Resource(BlockAddress::root(kind, name))))
    }

    /// Returns the name that a reference goes to, if something of that name is declared.
    fn declared<'n>(
        &self,
        (reference, next, what): (&Reference, Option<&str>, &str),
        names: impl Iterator<Item = &'n Arc<str>>,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Arc<str>, Box<Diagnostic>> {
        let Some(next) = next else {
            return Err(Box::new(
                Diagnostic::error("invalid-reference", "Invalid reference")
                    .detail(format!(
                        "`{0}` must be followed by a name: `{0}.NAME`.",
                        reference.root
                    ))
                    .at(reference.range.clone()),
            ));
        };
        if is_known(next) {
            return Ok(next.into());
        }
        Err(Box::new(
            Diagnostic::error("undeclared-reference", format!("Reference to undeclared {what}"))
                .detail(format!(
                    "No {what} named `{next}` (`{}.{next}`) is declared in the configuration.",
                    reference.root
                ))
                .at(reference.range.clone())
                .hint(did_you_mean(next, names.map(|name| &**name))),
        ))
    }

    /// Puts every node after all that it refers to; a cycle names its members.
    pub fn order(&self) -> Result<Vec<Node>, Diagnostics> {
        let mut graph = DiGraph::<&Node, ()>::new();
        let index: BTreeMap<&Node, NodeIndex> =
            self.edges.keys().map(|node| (node, graph.add_node(node))).collect();
        for (from, targets) in &self.edges {
            for target in targets {
                graph.add_edge(index[from], index[target], ());
            }
        }
        for (from, target) in super::users::evaluated_before(self, self.config) {
            graph.add_edge(index[&from], index[&target], ());
        }
        // Strongly connected components come in reverse topological order of
        // the edges, which here point at what comes first.
        let mut order = Vec::new();
        let mut problems = Diagnostics::new();
        for component in tarjan_scc(&graph) {
            let is_loop = |at: &NodeIndex| graph.contains_edge(*at, *at);
            if component.len() > 1 || component.iter().any(is_loop) {
                let members: Vec<&Node> = component.iter().map(|at| graph[*at]).collect();
                problems.push(self.cycle(members));
            }
            order.extend(component.into_iter().map(|at| graph[at].clone()));
        }
        problems.into_result(order)
    }

    fn cycle(&self, mut members: Vec<&Node>) -> Diagnostic {
        members.sort();
        let names: Vec<String> = members.iter().map(ToString::to_string).collect();
        let detail = if let [one] = names.as_slice() {
            format!("{one} refers to itself.")
        } else {
            format!(
                "These refer to each other in a circle: {}. Break one of the references.",
                names.join(", ")
            )
        };
        let range = members.first().and_then(|node| super::range_of(self.config, node));
        Diagnostic::error("cycle", "Cycle").detail(detail).at(range)
    }

    /// Returns, for each resource block, the resource blocks that it depends on.
    pub fn resource_dependencies(&self) -> BTreeMap<BlockAddress, BTreeSet<BlockAddress>> {
        let resources = self.edges.keys().filter_map(|node| match node {
            Node::Resource(block) => Some(block),
            _ => None,
        });
        resources
            .map(|block| (block.clone(), self.needed_by(&Node::Resource(block.clone()))))
            .collect()
    }

    /// Finds the resource blocks that a node reaches without passing another one.
    fn needed_by(&self, node: &Node) -> BTreeSet<BlockAddress> {
        self.nearest(self.edges.get(node).into_iter().flatten())
    }

    /// Finds the resource blocks among some nodes, and those that the others reach.
    fn nearest<'n>(&'n self, start: impl IntoIterator<Item = &'n Node>) -> BTreeSet<BlockAddress> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Node> = start.into_iter().collect();
        while let Some(node) = open.pop() {
            match node {
                Node::Resource(block) => {
                    found.insert(block.clone());
                }
                other if seen.insert(other) => {
                    open.extend(self.edges.get(other).into_iter().flatten());
                }
                _ => {}
            }
        }
        found
    }

    /// Lists the resource blocks that anything refers to.
    pub fn referenced(&self) -> BTreeSet<BlockAddress> {
        let targets = self.edges.values().flatten();
        targets
            .filter_map(|node| match node {
                Node::Resource(block) => Some(block.clone()),
                _ => None,
            })
            .collect()
    }

    /// Returns every node with what it refers to.
    pub fn into_edges(self) -> Vec<(Node, Vec<Node>)> {
        self.edges.into_iter().map(|(node, to)| (node, to.into_iter().collect())).collect()
    }
}

/// Tells whether `provider = hetzner.eu` names a provider rather than a value.
pub fn names_a_provider(config: &Config, expr: &Expr) -> bool {
    let is_alias = |platform: &str, alias: &str| {
        let mut blocks = config.providers.iter();
        blocks.any(|block| *block.platform == *platform && block.alias.as_deref() == Some(alias))
    };
    match expr.as_words().as_deref() {
        Some([_]) => true,
        Some(["local", alias]) => is_alias("local", alias) && !config.locals.contains_key(*alias),
        Some([root, _]) => !["var", "each", "count"].contains(root),
        _ => false,
    }
}

fn no_repetition(reference: &Reference) -> Diagnostic {
    let (argument, example) = match reference.root.as_str() {
        "each" => ("for_each", "each.key"),
        _ => ("count", "count.index"),
    };
    Diagnostic::error(
        "invalid-reference",
        format!("Reference to `{}` out of place", reference.root),
    )
    .detail(format!(
        "`{example}` has a meaning only inside a resource block that sets `{argument}`."
    ))
    .at(reference.range.clone())
}

fn unknown_root(reference: &Reference) -> Diagnostic {
    let known = [
        "var", "local", "profile", "sandbox", "ssh_key", "network", "snapshot", "each", "count",
        "path",
    ];
    let detail = if reference.steps.is_empty() {
        format!("`{0}` is not a value. If a text is meant, quote it: \"{0}\".", reference.root)
    } else {
        format!("Nothing is called `{}` here.", reference.root)
    };
    Diagnostic::error("undeclared-reference", "Invalid reference")
        .detail(detail)
        .at(reference.range.clone())
        .hint(did_you_mean(&reference.root, known))
}
