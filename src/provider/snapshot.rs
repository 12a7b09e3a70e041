//! The portable shape of a snapshot, the same on every platform, and its typed view.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::portable::Check;
use super::sandbox::{duration, text, text_map};
use crate::address::ResourceType;
use crate::schema::{Attribute, BlockSchema, ResourceSchema};
use crate::value::{Type, Value};

/// Returns the portable schema of a snapshot.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
        version: 1,
        block: BlockSchema { attributes: attributes(), blocks: Vec::new() },
    });
    &SCHEMA
}

fn attributes() -> Vec<Attribute> {
    let text = |name, doc| Attribute::computed(name, Type::String, doc);
    vec![
        Attribute::required("sandbox", Type::String, "Sandbox whose disk is saved.")
            .refers_to(ResourceType::Sandbox)
            .replaces(),
        Attribute::optional("expires_in", Type::String, "How long it is kept: `7d`, `12h`."),
        Attribute::optional("name", Type::String, "Name on the platform.").or_computed(),
        Attribute::optional("labels", Type::map(Type::String), "Labels on the platform's object."),
        text("id", "Id on the platform."),
        Attribute::computed("bytes", Type::Number, "Size on the platform."),
        text("created_at", "When it was created (RFC 3339)."),
        text("expires_at", "When it may be destroyed (RFC 3339)."),
    ]
}

/// A snapshot's arguments, wholly known: what a provider works from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The sandbox's id on the platform.
    pub sandbox: String,
    pub expires_in: Option<Duration>,
    pub name: Option<String>,
    pub labels: BTreeMap<String, String>,
}

impl Snapshot {
    /// Reads the typed view of a snapshot's attributes. Parts that are unknown or
    /// of a wrong type (which decoding has refused) count as absent.
    pub fn from_value(attributes: &Value) -> Self {
        Self {
            sandbox: text(attributes, "sandbox").unwrap_or_default(),
            expires_in: duration(attributes, "expires_in"),
            name: text(attributes, "name"),
            labels: text_map(attributes.get("labels")),
        }
    }
}

impl Check<'_> {
    pub(super) fn snapshot(&mut self) {
        self.duration("expires_in", self.config.attributes.get("expires_in"));
    }
}
