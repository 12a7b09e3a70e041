//! Evaluates the content of a block by its schema. A sandbox takes its profile
//! whole and overrides it: maps merge, all else replaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::homes::Homes;
use super::scope::BlockScope;
use super::{DigestOf, refer};
use crate::address::ResourceType;
use crate::config::check::check;
use crate::config::{Argument, BlockBody, NestedBlock};
use crate::deferred::{Capture, Deferred};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange, did_you_mean};
use crate::evaluate;
use crate::object::ProviderRef;
use crate::schema::{Attribute, Block, BlockSchema, Nesting};
use crate::value::{AttributePath, Attributes, PathStep, Type, Value};

/// One body with the names that stand in it; later layers override earlier ones.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    pub body: &'a BlockBody,
    pub scope: &'a BlockScope<'a>,
}

/// What a block's content evaluates to.
#[derive(Debug)]
pub struct Decoded {
    /// The arguments that are set; those that are null are absent.
    pub attributes: Value,
    pub deferred: Vec<(AttributePath, Deferred)>,
    /// Where each top-level argument or block stands.
    pub ranges: BTreeMap<Arc<str>, SourceRange>,
}

/// Where the resource is to be that a block declares.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub provider: &'a ProviderRef,
    /// Tells which resource types the provider has.
    pub has: &'a dyn Fn(ResourceType) -> bool,
    pub homes: &'a Homes,
}

/// What decoding takes from its surroundings.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub digest: &'a DigestOf,
    /// Nothing for a profile, whose arguments keep the resources that they name.
    pub place: Option<Place<'a>>,
}

/// Evaluates layers of bodies by a schema.
pub fn decode(
    schema: &BlockSchema,
    layers: &[Layer<'_>],
    surroundings: Surroundings<'_>,
) -> Result<Decoded, Diagnostics> {
    let mut decoder = Decoder {
        decoded: Decoded {
            attributes: Value::null(),
            deferred: Vec::new(),
            ranges: BTreeMap::new(),
        },
        problems: Diagnostics::new(),
        surroundings,
    };
    let attributes = decoder.block(schema, layers, &AttributePath::default());
    decoder.decoded.attributes = Value::Object(Arc::new(attributes));
    decoder.problems.into_result(decoder.decoded)
}

struct Decoder<'a> {
    decoded: Decoded,
    problems: Diagnostics,
    surroundings: Surroundings<'a>,
}

impl Decoder<'_> {
    fn block(
        &mut self,
        schema: &BlockSchema,
        layers: &[Layer<'_>],
        path: &AttributePath,
    ) -> Attributes {
        let mut attributes = Attributes::new();
        for attribute in schema.attributes.iter().filter(|attribute| attribute.configurable) {
            let given: Vec<_> = layers
                .iter()
                .filter_map(|layer| Some((layer.scope, layer.body.argument(&attribute.name)?)))
                .collect();
            let path = path.join(PathStep::Attribute(attribute.name.clone()));
            if let Some(value) = self.argument(attribute, &given, &path) {
                attributes.insert(attribute.name.clone(), value);
            }
        }
        for block in &schema.blocks {
            let path = path.join(PathStep::Attribute(block.name.clone()));
            if let Some(value) = self.nested(block, layers, &path) {
                attributes.insert(block.name.clone(), value);
            }
        }
        attributes
    }

    fn argument(
        &mut self,
        attribute: &Attribute,
        given: &[(&BlockScope<'_>, &Argument)],
        path: &AttributePath,
    ) -> Option<Value> {
        self.note_range(path, &given.last()?.1.value.range());
        let evaluated = given.iter().map(|(scope, argument)| {
            let value = self.evaluate(attribute, scope, argument)?;
            Some((*scope, *argument, value))
        });
        let mut values = evaluated.collect::<Option<Vec<_>>>()?;
        // Null is as good as not set, here and in what this is built upon.
        if let Some(unset) = values.iter().rposition(|(_, _, value)| value.is_null()) {
            values.drain(..=unset);
        }
        let Some((scope, last, value)) = values.last() else {
            if attribute.required {
                self.problems.push(null_argument(attribute, given));
            }
            return None;
        };
        if matches!(attribute.kind, Type::Map(_)) && values.len() > 1 {
            return Some(self.merged(attribute, &values, path));
        }
        if !value.is_wholly_known() {
            let deferred = self.deferred(attribute, scope, last);
            self.decoded.deferred.push((path.clone(), deferred));
        }
        Some(value.clone())
    }

    /// Captures an argument for apply, with what is done to its value.
    fn deferred(
        &self,
        attribute: &Attribute,
        scope: &BlockScope<'_>,
        argument: &Argument,
    ) -> Deferred {
        let mut deferred = scope.defer(&argument.value);
        if attribute.is_trimmed {
            // A heredoc ends with its newline.
            deferred.expression = format!("trimspace({}\n)", deferred.expression);
        }
        let place = attribute.refers_to.zip(self.surroundings.place);
        deferred.taker = place.map(|(kind, place)| place.taker(kind));
        deferred
    }

    /// Merges the maps of all layers, the later over the earlier.
    fn merged(
        &mut self,
        attribute: &Attribute,
        layers: &[(&BlockScope<'_>, &Argument, Value)],
        path: &AttributePath,
    ) -> Value {
        let mut captures = BTreeMap::new();
        let mut references = Vec::new();
        let values: Vec<Value> = layers.iter().map(|(_, _, value)| value.clone()).collect();
        let merged = merge(&values, &attribute.kind);
        if merged.is_wholly_known() {
            return merged;
        }
        for (index, (scope, argument, value)) in layers.iter().enumerate() {
            let capture = match value.is_wholly_known() {
                true => Capture::Value(value.clone()),
                false => Capture::Deferred(scope.defer(&argument.value)),
            };
            if let Capture::Deferred(deferred) = &capture {
                references.extend(deferred.references.iter().cloned());
            }
            captures.insert(format!("layer.l{index}"), capture);
        }
        let names = (0..layers.len()).map(|index| format!("layer.l{index}"));
        let expression = format!("merge({})", names.collect::<Vec<_>>().join(", "));
        self.decoded
            .deferred
            .push((path.clone(), Deferred { expression, captures, references, taker: None }));
        merged
    }

    fn evaluate(
        &mut self,
        attribute: &Attribute,
        scope: &BlockScope<'_>,
        argument: &Argument,
    ) -> Option<Value> {
        let value = self.problems.absorb(argument.value.evaluate(scope))?;
        let value = match (attribute.refers_to, self.surroundings.place) {
            (None, _) => value,
            (Some(_), None) => return Some(value),
            (Some(kind), Some(place)) => {
                self.problems.absorb(refer::taken(&place, kind, (argument, &value)))?
            }
        };
        self.problems.extend(unknown_key(&value, &attribute.kind, argument));
        match evaluate::convert(&value, &attribute.kind) {
            Ok(value) if attribute.is_trimmed => {
                Some(trimmed(&value).sensitive_if(attribute.sensitive))
            }
            Ok(value) => Some(value.sensitive_if(attribute.sensitive)),
            Err(error) => {
                let name = &attribute.name;
                self.problems.push(
                    Diagnostic::error("wrong-type", "Incorrect attribute value type")
                        .detail(format!("Inappropriate value for attribute `{name}`: {error}."))
                        .at(argument.value.range()),
                );
                None
            }
        }
    }

    fn nested(
        &mut self,
        block: &Block,
        layers: &[Layer<'_>],
        path: &AttributePath,
    ) -> Option<Value> {
        let given: Vec<(&BlockScope<'_>, &NestedBlock)> = layers
            .iter()
            .flat_map(|layer| layer.body.blocks_of(&block.name).map(|b| (layer.scope, b)))
            .collect();
        self.note_range(path, &given.last()?.1.header);
        match block.nesting {
            Nesting::Single => {
                // A platform's own block is only known here.
                let all = given.iter().map(|(_, given)| check(&given.body, &block.schema, &[]));
                self.problems.extend(all.flatten());
                let (scope, last) = given.last()?;
                Some(Value::Object(Arc::new(self.inner(block, (scope, last), path))))
            }
            Nesting::Map => Some(self.map(block, &given, path)),
            Nesting::List { .. } => Some(self.list(block, layers, path)),
        }
    }

    fn map(
        &mut self,
        block: &Block,
        given: &[(&BlockScope<'_>, &NestedBlock)],
        path: &AttributePath,
    ) -> Value {
        let by_label: BTreeMap<&Arc<str>, _> =
            given.iter().filter_map(|(scope, b)| Some((b.labels.first()?, (*scope, *b)))).collect();
        let members = by_label.into_iter().map(|(label, given)| {
            let path = path.join(PathStep::Key(label.clone()));
            (label.clone(), Value::Object(Arc::new(self.inner(block, given, &path))))
        });
        Value::Object(Arc::new(members.collect()))
    }

    /// The last layer that has any such block gives the whole list.
    fn list(&mut self, block: &Block, layers: &[Layer<'_>], path: &AttributePath) -> Value {
        let has_any = |layer: &&Layer<'_>| layer.body.blocks_of(&block.name).next().is_some();
        let Some(layer) = layers.iter().rev().find(has_any) else { return Value::tuple([]) };
        let elements = layer.body.blocks_of(&block.name).enumerate().map(|(index, nested)| {
            let path = path.join(PathStep::Index(index));
            let mut inner = self.inner(block, (layer.scope, nested), &path);
            if let (Nesting::List { labelled: true }, Some(label)) =
                (block.nesting, nested.labels.first())
            {
                inner.insert("name".into(), Value::String(label.clone()));
            }
            Value::Object(Arc::new(inner))
        });
        Value::tuple(elements.collect::<Vec<_>>())
    }

    fn inner(
        &mut self,
        block: &Block,
        (scope, nested): (&BlockScope<'_>, &NestedBlock),
        path: &AttributePath,
    ) -> Attributes {
        let layer = Layer { body: &nested.body, scope };
        let mut inner = self.block(&block.schema, &[layer], path);
        if &*block.name == "sync" {
            self.add_digest(&mut inner, nested);
        }
        inner
    }

    fn add_digest(&mut self, sync: &mut Attributes, block: &NestedBlock) {
        let Some(from) = sync.get("from").and_then(Value::as_str) else { return };
        let exclude: Vec<String> = sync
            .get("exclude")
            .and_then(Value::as_elements)
            .map(|e| e.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        match (self.surroundings.digest)(from, &exclude) {
            Ok(digest) => {
                sync.insert("digest".into(), Value::from(digest));
            }
            Err(error) => self.problems.push(
                Diagnostic::error("unreadable-sync", "Cannot read what is to be synced")
                    .detail(error)
                    .at(block.body.expr("from").map(|e| e.range())),
            ),
        }
    }

    fn note_range(&mut self, path: &AttributePath, range: &SourceRange) {
        self.decoded.ranges.insert(path.to_string().into(), range.clone());
    }
}

/// Complains of a key that an object argument does not have; conversion would drop it.
fn unknown_key(value: &Value, kind: &Type, argument: &Argument) -> Option<Diagnostic> {
    let Type::Object(known) = kind else { return None };
    let given = value.as_attributes()?.iter();
    let (key, _) = given.into_iter().find(|(key, _)| !known.contains_key(&**key))?;
    let problem = Diagnostic::error("unknown-argument", "Unsupported argument")
        .detail(format!("`{}` has no argument `{key}`.", argument.name))
        .at(argument.value.range());
    Some(problem.hint(did_you_mean(key, known.keys().map(|key| &**key))))
}

fn trimmed(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.trim()),
        Value::Sensitive(inner) => trimmed(inner).sensitive(),
        other => other.clone(),
    }
}

fn null_argument(attribute: &Attribute, given: &[(&BlockScope<'_>, &Argument)]) -> Diagnostic {
    Diagnostic::error("missing-argument", "Missing required argument")
        .detail(format!("The argument `{}` is required, so it cannot be null.", attribute.name))
        .at(given.last().map(|(_, argument)| argument.value.range()))
}

fn merge(values: &[Value], kind: &Type) -> Value {
    if values.iter().any(Value::is_unknown) {
        return Value::Unknown(kind.clone());
    }
    let mut merged = Attributes::new();
    let mut marked = false;
    for value in values {
        marked |= value.unmark().1;
        for (key, value) in value.as_attributes().into_iter().flat_map(|a| a.iter()) {
            merged.insert(key.clone(), value.clone());
        }
    }
    let element = match kind {
        Type::Map(element) => (**element).clone(),
        _ => Type::Dynamic,
    };
    let merged = Value::Map(element, Arc::new(merged));
    if marked { merged.sensitive() } else { merged }
}
