//! What a block may hold: the attributes and nested blocks of a resource type.
//!
//! A schema is data. `config` decodes with it, `plan` diffs by it, `render`
//! orders and hides by it, `docs` lists it.

use std::sync::Arc;

use crate::address::ResourceType;
use crate::value::{Type, Value};

/// The platforms whose own blocks (`hetzner { … }`) a portable file may hold.
pub const PLATFORMS: [&str; 5] = ["local", "hetzner", "aws", "gcp", "qemu"];

/// One attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    pub name: Arc<str>,
    pub kind: Type,
    pub required: bool,
    /// The platform sets it when the configuration does not.
    pub computed: bool,
    /// May stand in the configuration.
    pub configurable: bool,
    /// Cannot be changed on a living object.
    pub requires_replace: bool,
    pub sensitive: bool,
    /// May be given as a resource of this type: `network = network.agents`. The
    /// argument then is what identifies it: a key's text, or else the id.
    pub refers_to: Option<ResourceType>,
    /// White space at both ends of the text does not count.
    pub is_trimmed: bool,
    /// One sentence for the reference.
    pub doc: &'static str,
}

/// How often a nested block may stand, and what value it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// At most once: an object, or null.
    Single,
    /// In order; with a label, which becomes the attribute `name`: a list of objects.
    List { labelled: bool },
    /// By its label: a map of objects.
    Map,
}

/// A nested block, which becomes an attribute of its own name.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub name: Arc<str>,
    pub nesting: Nesting,
    pub schema: BlockSchema,
    pub doc: &'static str,
}

/// What stands inside a block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BlockSchema {
    pub attributes: Vec<Attribute>,
    pub blocks: Vec<Block>,
}

/// A resource type as one provider has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSchema {
    /// Counts the changes of shape that stored attributes need to be upgraded over.
    pub version: u32,
    pub block: BlockSchema,
}

impl Attribute {
    /// Describes an argument that may be left out.
    pub fn optional(name: &str, kind: Type, doc: &'static str) -> Self {
        Self {
            name: name.into(),
            kind,
            required: false,
            computed: false,
            configurable: true,
            requires_replace: false,
            sensitive: false,
            refers_to: None,
            is_trimmed: false,
            doc,
        }
    }

    /// Describes an argument that must be given.
    pub fn required(name: &str, kind: Type, doc: &'static str) -> Self {
        Self { required: true, ..Self::optional(name, kind, doc) }
    }

    /// Describes an attribute that only the platform sets.
    pub fn computed(name: &str, kind: Type, doc: &'static str) -> Self {
        Self { computed: true, configurable: false, ..Self::optional(name, kind, doc) }
    }

    /// Lets the platform set the argument where the configuration does not.
    pub fn or_computed(self) -> Self {
        Self { computed: true, ..self }
    }

    /// Lets the argument name a resource of this type.
    pub fn refers_to(self, kind: ResourceType) -> Self {
        Self { refers_to: Some(kind), ..self }
    }

    /// Says that white space at both ends does not count.
    pub fn trimmed(self) -> Self {
        Self { is_trimmed: true, ..self }
    }

    /// Says that a change needs a new object.
    pub fn replaces(self) -> Self {
        Self { requires_replace: true, ..self }
    }
}

impl BlockSchema {
    /// Finds an attribute.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| &*a.name == name)
    }

    /// Finds a nested block.
    pub fn block(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|b| &*b.name == name)
    }

    /// Lists the names that may stand in the configuration, for suggestions.
    pub fn configurable_names(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.iter().filter(|a| a.configurable).map(|a| &*a.name);
        attributes.chain(self.blocks.iter().map(|b| &*b.name))
    }

    /// Returns the attributes with a null for each that is absent, as expressions see them.
    pub fn with_nulls(&self, attributes: &Value) -> Value {
        let mut all = attributes.as_attributes().map(|a| (**a).clone()).unwrap_or_default();
        for attribute in &self.attributes {
            let null = || Value::Null(attribute.kind.clone());
            all.entry(attribute.name.clone()).or_insert_with(null);
        }
        for block in &self.blocks {
            all.entry(block.name.clone()).or_insert_with(|| Value::Null(block.value_type()));
        }
        Value::Object(Arc::new(all))
    }

    /// Returns the type of the value that the whole block becomes.
    pub fn value_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|a| (a.name.clone(), a.kind.clone()));
        Type::object(attributes.chain(self.blocks.iter().map(|b| (b.name.clone(), b.value_type()))))
    }
}

impl Block {
    /// Returns the type of the attribute that the block becomes.
    pub fn value_type(&self) -> Type {
        let Type::Object(inner) = self.schema.value_type() else { return Type::Dynamic };
        match self.nesting {
            Nesting::Single => Type::Object(inner),
            Nesting::Map => Type::map(Type::Object(inner)),
            Nesting::List { labelled: false } => Type::list(Type::Object(inner)),
            Nesting::List { labelled: true } => {
                let named = inner.iter().map(|(name, a)| (name.clone(), a.kind.clone()));
                Type::list(Type::object(named.chain([("name".into(), Type::String)])))
            }
        }
    }
}
