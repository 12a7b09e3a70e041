//! Arranges resources by module, as Terraform's JSON nests them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::address::{Address, ModuleStep};
use crate::render::json::{index, module_address};

/// The resources of a module and of the modules in it.
#[derive(Debug, Default)]
pub struct ModuleTree {
    resources: Vec<Json>,
    children: BTreeMap<ModuleStep, ModuleTree>,
}

impl ModuleTree {
    /// Adds a resource below the module that its address names.
    pub fn add(&mut self, module: &[ModuleStep], resource: Json) {
        match module.split_first() {
            None => self.resources.push(resource),
            Some((step, rest)) => {
                self.children.entry(step.clone()).or_default().add(rest, resource);
            }
        }
    }

    /// Returns the root module.
    pub fn into_json(self) -> Json {
        self.module(&[])
    }

    fn module(self, path: &[ModuleStep]) -> Json {
        let mut json = Map::new();
        if !self.resources.is_empty() {
            json.insert("resources".to_owned(), self.resources.into());
        }
        if !path.is_empty() {
            json.insert("address".to_owned(), module_address(path).into());
        }
        let children: Vec<_> = self
            .children
            .into_iter()
            .map(|(step, module)| module.module(&[path, &[step]].concat()))
            .collect();
        if !children.is_empty() {
            json.insert("child_modules".to_owned(), children.into());
        }
        Json::Object(json)
    }
}

/// Starts the JSON of a resource with what names it.
pub fn named(address: &Address) -> Map<String, Json> {
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("address", address.to_string().into());
    if !address.block.module.is_empty() {
        put("module_address", module_address(&address.block.module).into());
    }
    put("mode", "managed".into());
    put("type", address.kind().as_str().into());
    put("name", json!(address.block.name));
    if address.key.is_some() {
        put("index", index(address));
    }
    json
}
