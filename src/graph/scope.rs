//! What names stand for while a block is evaluated.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::Desired;
use super::nodes::Node;
use crate::address::{BlockAddress, ResourceType};
use crate::config::{Expr, Rule};
use crate::deferred::{Capture, Deferred};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::evaluate::{RefStep, Resolved, Scope};
use crate::value::{AttributePath, Value};

/// Which instance of a block is evaluated.
#[derive(Debug, Clone, Default)]
pub enum Instance {
    #[default]
    Single,
    Count(u64),
    Each {
        key: Arc<str>,
        value: Value,
        for_each: Option<Expr>,
    },
}

/// The declarations and what has been evaluated of them so far.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub desired: &'a Desired,
    pub values: &'a BTreeMap<Node, Value>,
    /// How apply finds out what is not known of profiles.
    pub deferred: &'a BTreeMap<Arc<str>, Vec<(AttributePath, Deferred)>>,
}

/// The names inside one instance of one block.
pub struct BlockScope<'a> {
    names: Names<'a>,
    instance: Instance,
}

impl<'a> BlockScope<'a> {
    /// Makes the scope of a place without `each` and `count`.
    pub fn plain(names: Names<'a>) -> Self {
        Self { names, instance: Instance::Single }
    }

    /// Makes the scope of one instance.
    pub fn instance(names: Names<'a>, instance: Instance) -> Self {
        Self { names, instance }
    }

    /// Evaluates a rule's condition; an unknown one passes for now.
    pub fn check(&self, rule: &Rule, problem: Diagnostic) -> Result<(), Diagnostics> {
        let condition = rule.condition.evaluate(self)?;
        if condition.is_unknown() || condition.as_bool() == Some(true) {
            return Ok(());
        }
        if condition.as_bool().is_none() {
            return Err(Diagnostic::error("invalid-condition", "Invalid condition result")
                .detail("The condition must be true or false.")
                .at(rule.condition.range())
                .into());
        }
        let message = rule.error_message.evaluate(self)?;
        let text = match message.contains_sensitive() {
            true => "The error message refers to sensitive values, so it is not shown.",
            false => message.as_str().unwrap_or("The condition does not hold."),
        };
        Err(problem.detail(text).at(rule.condition.range()).into())
    }

    /// Captures an expression with all that it needs, for apply.
    pub fn defer(&self, expr: &Expr) -> Deferred {
        let mut deferred = Deferred { expression: expr.text().to_owned(), ..Deferred::default() };
        for reference in expr.references() {
            let next = match reference.steps.first() {
                Some(RefStep::Attr(name)) => Some(name.clone()),
                Some(RefStep::Index(index)) => index.as_str().map(str::to_owned),
                None => None,
            };
            match (ResourceType::from_word(&reference.root), &next) {
                (Some(kind), Some(name)) => {
                    self.refer(BlockAddress::root(kind, name.as_str()), &mut deferred);
                }
                _ => self.capture(&reference.root, next.as_deref(), &mut deferred.captures),
            }
        }
        deferred
    }

    /// Notes a resource block. One that has no instances is captured, for apply
    /// only knows blocks that have some.
    fn refer(&self, block: BlockAddress, deferred: &mut Deferred) {
        let value = self.names.values.get(&Node::Resource(block.clone()));
        if let Some(value) = value.filter(|value| has_no_instance(value)) {
            deferred.captures.insert(block.to_string(), Capture::Value(value.clone()));
        } else if !deferred.references.contains(&block) {
            deferred.references.push(block);
        }
    }

    fn capture(&self, root: &str, next: Option<&str>, into: &mut BTreeMap<String, Capture>) {
        let dotted = next.map(|next| format!("{root}.{next}"));
        let resolved = self.resolve(root, next);
        // `count.index` resolves to all of `count`.
        let key = match &resolved {
            Ok(Resolved::Root(_)) => root.to_owned(),
            _ => dotted.unwrap_or_else(|| root.to_owned()),
        };
        if into.contains_key(&key) {
            return;
        }
        let capture = match resolved {
            Ok(Resolved::Attribute(value) | Resolved::Root(value)) if value.is_wholly_known() => {
                Capture::Value(value)
            }
            _ => match self.deferred_name(root, next) {
                Some(deferred) => Capture::Deferred(deferred),
                None => return,
            },
        };
        into.insert(key, capture);
    }

    fn deferred_name(&self, root: &str, next: Option<&str>) -> Option<Deferred> {
        match (root, next, &self.instance) {
            ("local", Some(name), _) => {
                let local = self.names.desired.config.locals.get(name)?;
                Some(BlockScope::plain(self.names).defer(local))
            }
            ("profile", Some(name), _) => self.deferred_profile(name),
            ("each", Some("value"), Instance::Each { key, for_each: Some(for_each), .. }) => {
                let mut deferred = BlockScope::plain(self.names).defer(for_each);
                deferred.expression = format!("({})[{}]", deferred.expression, quoted(key));
                Some(deferred)
            }
            ("each", None, Instance::Each { key, .. }) => {
                let value = Capture::Deferred(self.deferred_name("each", Some("value"))?);
                Some(Deferred {
                    expression: format!("{{ key = {}, value = each.value }}", quoted(key)),
                    captures: BTreeMap::from([("each.value".to_owned(), value)]),
                    ..Deferred::default()
                })
            }
            _ => None,
        }
    }

    /// Puts a profile's value together from its known arguments and from those
    /// that apply has to evaluate.
    fn deferred_profile(&self, name: &str) -> Option<Deferred> {
        let deferred = self.names.deferred.get(name)?;
        let value = self.names.values.get(&Node::Profile(name.into()))?;
        let mut captures = BTreeMap::new();
        for (argument, value) in value.as_attributes()?.iter() {
            let path = AttributePath::attribute(argument.clone());
            let own = deferred.iter().find(|(at, _)| *at == path);
            let capture = match own {
                Some((_, deferred)) => Capture::Deferred(deferred.clone()),
                None => Capture::Value(value.clone()),
            };
            captures.insert(format!("argument.{argument}"), capture);
        }
        let members = captures.keys().map(|key| format!("{} = {key}", &key["argument.".len()..]));
        let expression = format!("{{ {} }}", members.collect::<Vec<_>>().join(", "));
        Some(Deferred { expression, captures, ..Deferred::default() })
    }

    fn each(&self, next: Option<&str>) -> Option<Resolved> {
        let Instance::Each { key, value, .. } = &self.instance else { return None };
        match next {
            Some("key") => Some(Resolved::Attribute(Value::String(key.clone()))),
            Some("value") => Some(Resolved::Attribute(value.clone())),
            _ => Some(Resolved::Root(Value::object([
                ("key", Value::String(key.clone())),
                ("value", value.clone()),
            ]))),
        }
    }

    fn count(&self) -> Option<Resolved> {
        let Instance::Count(index) = self.instance else { return None };
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        Some(Resolved::Root(Value::object([("index", Value::from(index))])))
    }

    fn path(&self) -> Resolved {
        let base = &self.names.desired.context.base_dir;
        Resolved::Root(Value::object([
            ("module", Value::from(".")),
            ("root", Value::from(".")),
            ("cwd", Value::from(base.display().to_string())),
        ]))
    }

    fn declared(&self, root: &str, next: &str) -> Option<Resolved> {
        let values = self.names.values;
        let value = match root {
            "var" => self.names.desired.variables.get(next),
            "local" => values.get(&Node::Local(next.into())),
            "profile" => values.get(&Node::Profile(next.into())),
            root => {
                let block = BlockAddress::root(ResourceType::from_word(root)?, next);
                values.get(&Node::Resource(block))
            }
        };
        value.cloned().map(Resolved::Attribute)
    }
}

impl Scope for BlockScope<'_> {
    fn resolve(&self, root: &str, next: Option<&str>) -> Result<Resolved, Diagnostics> {
        let resolved = match root {
            "each" => self.each(next),
            "count" => self.count(),
            "path" => Some(self.path()),
            "sandplan" | "terraform" => Some(Resolved::Root(Value::object([
                ("project", Value::from(self.names.desired.project.as_str())),
                ("workspace", Value::from("default")),
            ]))),
            root => next.and_then(|next| self.declared(root, next)),
        };
        resolved.ok_or_else(|| {
            let name = next.map_or(root.to_owned(), |next| format!("{root}.{next}"));
            Diagnostic::error("undeclared-reference", "Invalid reference")
                .detail(format!("`{name}` has no value here."))
                .into()
        })
    }

    fn base_dir(&self) -> &Path {
        &self.names.desired.context.base_dir
    }

    fn now(&self) -> Timestamp {
        self.names.desired.context.now
    }
}

fn has_no_instance(value: &Value) -> bool {
    value.as_elements().is_some_and(<[Value]>::is_empty)
        || value.as_attributes().is_some_and(|all| all.is_empty())
}

/// Writes a text as a quoted string of the language, nothing in it a template.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            c if c.is_control() || "\"\\$%".contains(c) => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
