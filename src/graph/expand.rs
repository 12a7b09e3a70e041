//! Turns a resource block into its instances.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::{self, Decoded, Layer, Place, Surroundings};
use super::evaluation::Evaluation;
use super::place;
use super::scope::{BlockScope, Instance};
use super::users::is_per_provider;
use crate::address::{Address, InstanceKey};
use crate::config::{Expr, Resource};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange};
use crate::evaluate::{self, Scope};
use crate::object::ProviderRef;
use crate::value::{Type, Value};

/// How often a block stands for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    Single,
    Count,
    ForEach,
    /// Once on each provider that needs it; the keys are the providers' names.
    PerProvider,
}

/// A resource block with its instances.
#[derive(Debug)]
pub struct Expanded<'a> {
    pub resource: &'a Resource,
    pub repetition: Repetition,
    pub instances: Vec<DesiredResource>,
    /// How many instances there are is not known; this is one that there could be.
    pub is_example: bool,
}

/// One instance as the configuration asks for it.
#[derive(Debug)]
pub struct DesiredResource {
    pub address: Address,
    pub provider: ProviderRef,
    /// The arguments that are set; unset ones are absent.
    pub decoded: Decoded,
}

impl DesiredResource {
    /// Returns where an argument stands, by its name or a path such as
    /// `hetzner.server_type`; where that is not known, where the whole of it does.
    pub fn range_of(&self, path: &str) -> Option<SourceRange> {
        let root = path.split(['[', '.']).next().unwrap_or(path);
        let ranges = &self.decoded.ranges;
        ranges.get(path).or_else(|| ranges.get(root)).cloned()
    }
}

impl Expanded<'_> {
    /// Lists the provider of each instance.
    pub fn providers(&self) -> Vec<(Option<InstanceKey>, ProviderRef)> {
        let instances = self.instances.iter();
        instances.map(|one| (one.address.key.clone(), one.provider.clone())).collect()
    }

    /// Gathers the values of the instances, in their order, into the block's: an
    /// object, a tuple, or an object of objects.
    pub fn value(&self, values: Vec<Value>) -> Value {
        match self.repetition {
            _ if self.is_example => Value::Unknown(Type::Dynamic),
            Repetition::Single => values.into_iter().next().unwrap_or_else(Value::null),
            Repetition::Count => Value::tuple(values),
            Repetition::ForEach | Repetition::PerProvider => {
                let keys = self.instances.iter().map(|instance| match &instance.address.key {
                    Some(InstanceKey::String(key)) => key.clone(),
                    _ => "".into(),
                });
                Value::object(keys.zip(values))
            }
        }
    }
}

/// A block's instances before they are evaluated.
pub struct Repeated {
    pub repetition: Repetition,
    pub instances: Vec<(Option<InstanceKey>, Instance)>,
    /// How many there are is not known; this is one that there could be.
    pub is_example: bool,
}

/// Evaluates a block's repetition and then each instance.
pub fn expand<'a>(
    evaluation: &Evaluation<'a>,
    resource: &'a Resource,
) -> Result<Expanded<'a>, Diagnostics> {
    let Repeated { repetition, instances, is_example } = repeated(evaluation, resource)?;
    let mut problems = Diagnostics::new();
    let instances = instances
        .into_iter()
        .filter_map(|(key, instance)| {
            let scope = BlockScope::instance(evaluation.names(), instance);
            let provider = place::provider_of(evaluation, resource, (key.as_ref(), &scope));
            let provider = problems.absorb(provider)?;
            let address = resource.address.instance(key);
            problems.absorb(one(evaluation, resource, (address, provider, &scope)))
        })
        .collect();
    problems.into_result(Expanded { resource, repetition, instances, is_example })
}

/// Evaluates how often a block stands for an object.
pub fn repeated(evaluation: &Evaluation<'_>, resource: &Resource) -> Result<Repeated, Diagnostics> {
    let example = example(evaluation, resource)?;
    let is_example = example.is_some();
    let (repetition, instances) = match example {
        Some(example) => example,
        None => instances(evaluation, resource)?,
    };
    Ok(Repeated { repetition, instances, is_example })
}

type Instances = Vec<(Option<InstanceKey>, Instance)>;

/// Makes up an instance where variables without a value leave the number of
/// instances open.
fn example(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
) -> Result<Option<(Repetition, Instances)>, Diagnostics> {
    let Some(expr) = resource.count.as_ref().or(resource.for_each.as_ref()) else {
        return Ok(None);
    };
    if !evaluation.desired.context.lenient {
        return Ok(None);
    }
    let value = expr.evaluate(&BlockScope::plain(evaluation.names()))?;
    let is_open = match value.revealed() {
        Value::Set(..) => !value.is_wholly_known(),
        value => value.is_unknown(),
    };
    if !is_open || value.contains_sensitive() {
        return Ok(None);
    }
    let each = || Instance::Each {
        key: "example".into(),
        value: Value::Unknown(Type::Dynamic),
        for_each: None,
    };
    Ok(Some(match resource.count {
        Some(_) => (Repetition::Count, vec![(Some(InstanceKey::Number(0)), Instance::Count(0))]),
        None => (Repetition::ForEach, vec![(Some(InstanceKey::String("example".into())), each())]),
    }))
}

fn instances(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
) -> Result<(Repetition, Instances), Diagnostics> {
    if is_per_provider(resource.address.kind) {
        let providers = place::spread(evaluation, resource)?.into_iter();
        let key = |provider: ProviderRef| InstanceKey::String(provider.to_string().into());
        let instances = providers.map(|provider| (Some(key(provider)), Instance::Single));
        return Ok((Repetition::PerProvider, instances.collect()));
    }
    let scope = BlockScope::plain(evaluation.names());
    if let Some(count) = &resource.count {
        let count = read_count(count, &scope)?;
        let instance = |index| (Some(InstanceKey::Number(index)), Instance::Count(index));
        return Ok((Repetition::Count, (0..count).map(instance).collect()));
    }
    if let Some(for_each) = &resource.for_each {
        let instance = |(key, value): (Arc<str>, Value)| {
            let each = Instance::Each { key: key.clone(), value, for_each: Some(for_each.clone()) };
            (Some(InstanceKey::String(key)), each)
        };
        let elements = read_for_each(for_each, &scope)?;
        return Ok((Repetition::ForEach, elements.into_iter().map(instance).collect()));
    }
    Ok((Repetition::Single, vec![(None, Instance::Single)]))
}

/// A `count` beyond this is a mistake.
const MAX_INSTANCES: u64 = 1_000_000;

fn read_count(expr: &Expr, scope: &dyn Scope) -> Result<u64, Diagnostics> {
    let value = expr.evaluate(scope)?;
    let fail = |detail: &str| -> Result<u64, Diagnostics> {
        Err(Diagnostic::error("invalid-count", "Invalid count argument")
            .detail(detail)
            .at(expr.range())
            .into())
    };
    if value.contains_sensitive() {
        return fail(
            "A sensitive value cannot decide how many instances there are, for that would show it.",
        );
    }
    if value.is_unknown() {
        return fail(
            "The `count` depends on attributes that only apply will know, so the plan cannot tell how many instances there will be. Apply what it depends on first, with `-target`.",
        );
    }
    if value.is_null() {
        return fail("The `count` is null; a whole number is required.");
    }
    match evaluate::convert(&value, &Type::Number).ok().and_then(|n| n.as_number()?.to_u64()) {
        Some(count) if count <= MAX_INSTANCES => Ok(count),
        Some(_) => fail("The `count` is over a million, more than any plan can show."),
        _ => fail("The `count` must be a whole number, zero or greater."),
    }
}

fn read_for_each(expr: &Expr, scope: &dyn Scope) -> Result<BTreeMap<Arc<str>, Value>, Diagnostics> {
    let value = expr.evaluate(scope)?;
    let fail = |detail: &str| -> Result<BTreeMap<Arc<str>, Value>, Diagnostics> {
        Err(Diagnostic::error("invalid-for-each", "Invalid for_each argument")
            .detail(detail)
            .at(expr.range())
            .into())
    };
    match &value {
        Value::Sensitive(_) | Value::Redacted(_) => fail(
            "A sensitive value cannot be a `for_each` argument, for its keys become part of addresses, which are shown.",
        ),
        Value::Null(_) => fail("The `for_each` is null; a map or a set of strings is required."),
        Value::Unknown(_) => fail(
            "The `for_each` depends on attributes that only apply will know, so the plan cannot tell which instances there will be. Use keys that are known, or apply what it depends on first, with `-target`.",
        ),
        Value::Map(_, elements) | Value::Object(elements) => Ok((**elements).clone()),
        Value::Set(_, elements) => {
            let keyed = elements.iter().map(|e| match e {
                Value::String(text) => Ok((text.clone(), e.clone())),
                Value::Unknown(_) => Err("The set holds values that only apply will know."),
                _ => {
                    Err("The set must hold strings only; use `toset([for x in … : tostring(x)])`.")
                }
            });
            keyed.collect::<Result<_, _>>().or_else(fail)
        }
        other => fail(&format!(
            "A map or a set of strings is required, and this is {}. A list can be converted with `toset(…)`.",
            article(&other.type_of())
        )),
    }
}

fn article(kind: &Type) -> String {
    match kind {
        Type::Tuple(_) => "a tuple".to_owned(),
        Type::List(_) => "a list".to_owned(),
        other => format!("a {other}"),
    }
}

fn one(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
    (address, provider, scope): (Address, ProviderRef, &BlockScope<'_>),
) -> Result<DesiredResource, Diagnostics> {
    let Some(schema) = (evaluation.schema_of)(&provider, address.kind()) else {
        return Err(place::not_possible(evaluation, resource, (&address, &provider)).into());
    };
    let plain = BlockScope::plain(evaluation.names());
    let profile = resource.profile.as_ref();
    let profiles = profile.map(|p| evaluation.desired.profile_chain(&p.name)).unwrap_or_default();
    let mut layers: Vec<Layer<'_>> =
        profiles.into_iter().map(|body| Layer { body, scope: &plain }).collect();
    layers.push(Layer { body: &resource.body, scope });
    let mut problems = Diagnostics::new();
    for rule in &resource.lifecycle.preconditions {
        let problem = Diagnostic::error("precondition", "Resource precondition failed");
        problems.absorb(scope.check(rule, problem.address(&address)));
    }
    let has = |kind| (evaluation.schema_of)(&provider, kind).is_some();
    let surroundings = Surroundings {
        digest: &*evaluation.desired.context.digest,
        place: Some(Place { provider: &provider, has: &has, homes: &evaluation.homes }),
    };
    let decoded = decode::decode(&schema.block, &layers, surroundings);
    let decoded = problems.absorb(decoded);
    match decoded {
        Some(decoded) => problems.into_result(DesiredResource { address, provider, decoded }),
        None => Err(problems.into_iter().map(|p| with_address(p, resource)).collect()),
    }
}

fn with_address(problem: Diagnostic, resource: &Resource) -> Diagnostic {
    match problem.address {
        Some(_) => problem,
        None => problem.address(&resource.address),
    }
}
