//! What exists now, as far as this apply knows: the state's objects, and the
//! value that each block has for expressions. Secrets of objects that this run
//! made are readable here; nothing here is stored as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Providers;
use crate::address::{Address, BlockAddress, InstanceKey, ResourceType};
use crate::object::{DeposedKey, Object, ObjectKey, ProviderRef, State};
use crate::plan::Plan;
use crate::provider::Provider;
use crate::schema::BlockSchema;
use crate::value::Value;

/// Objects by row, and blocks by address.
#[derive(Debug, Default)]
pub(crate) struct World {
    objects: BTreeMap<ObjectKey, Object>,
    blocks: BTreeMap<BlockAddress, Value>,
    /// The blocks that expressions refer to, which see a null where an attribute is absent.
    referenced: BTreeSet<BlockAddress>,
    schemas: BTreeMap<(ProviderRef, ResourceType), BlockSchema>,
}

impl World {
    /// Takes the state, and the values of the blocks that the plan shows.
    pub(crate) fn new(state: State, plan: &Plan, providers: &Providers) -> Self {
        let mut values: BTreeMap<&Address, (&ProviderRef, Option<&Value>)> = BTreeMap::new();
        // A plan has all instances that a block is to have, or none. The state may have
        // others besides, which a plan of a part does not speak of.
        let made = plan.changes.iter().filter(|change| change.after.is_some());
        let planned: BTreeSet<&BlockAddress> = made.map(|change| &change.address.block).collect();
        let rows = state.objects.iter().filter(|object| object.deposed.is_none());
        for object in rows.filter(|object| !planned.contains(&object.address.block)) {
            values.insert(&object.address, (&object.provider, Some(&object.attributes)));
        }
        for change in plan.changes.iter().filter(|change| change.deposed.is_none()) {
            values.insert(&change.address, (&change.provider, change.after_attributes()));
        }
        let mut world = Self {
            referenced: plan.deferred().flat_map(|d| d.all_references()).cloned().collect(),
            schemas: schemas(providers),
            ..Self::default()
        };
        for (address, (provider, value)) in values {
            if let Some(value) = value {
                world.set_value(address, provider, value.clone());
            }
        }
        world.objects = state.objects.into_iter().map(|object| (object.key(), object)).collect();
        world
    }

    /// Returns the value of a block in expressions: an object for a single instance,
    /// a tuple with `count`, an object of objects with `for_each`; nothing when it
    /// has no instance.
    pub(crate) fn block(&self, block: &BlockAddress) -> Option<Value> {
        self.blocks.get(block).cloned()
    }

    /// Finds an object by its row.
    pub(crate) fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Finds the current object of an address.
    pub(crate) fn current(&self, address: &Address) -> Option<&Object> {
        self.objects.get(&current_key(address))
    }

    /// Returns the value of one instance in expressions.
    pub(crate) fn value(&self, address: &Address) -> Option<&Value> {
        let block = self.blocks.get(&address.block)?;
        match &address.key {
            None => Some(block),
            Some(InstanceKey::String(key)) => block.get(key),
            Some(InstanceKey::Number(at)) => block.as_elements()?.get(usize::try_from(*at).ok()?),
        }
    }

    /// Takes note of an object that was made or changed.
    pub(crate) fn put(&mut self, object: Object) {
        if object.deposed.is_none() {
            self.set_value(&object.address, &object.provider, object.attributes.clone());
        }
        self.objects.insert(object.key(), object);
    }

    /// Takes note that an object is gone.
    pub(crate) fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// Moves the current object of an address aside.
    pub(crate) fn depose(&mut self, address: &Address, key: &DeposedKey) {
        if let Some(object) = self.objects.remove(&current_key(address)) {
            let object = Object { deposed: Some(key.clone()), ..object };
            self.objects.insert(object.key(), object);
        }
    }

    /// Moves a deposed object back.
    pub(crate) fn restore(&mut self, address: &Address, key: &DeposedKey) {
        let from = ObjectKey { address: address.clone(), deposed: Some(key.clone()) };
        if let Some(object) = self.objects.remove(&from) {
            self.put(Object { deposed: None, ..object });
        }
    }

    /// Changes one instance in place, so that a block of n instances that are made
    /// one after the other does not cost n².
    fn set_value(&mut self, address: &Address, provider: &ProviderRef, value: Value) {
        let is_referenced = self.referenced.contains(&address.block);
        let schema = self.schemas.get(&(provider.clone(), address.kind()));
        let value = match schema.filter(|_| is_referenced) {
            Some(schema) => schema.with_nulls(&value),
            None => value,
        };
        let block = self.blocks.entry(address.block.clone());
        match &address.key {
            None => *block.or_insert_with(Value::null) = value,
            Some(InstanceKey::String(key)) => {
                let block = block.or_insert_with(|| Value::Object(Arc::default()));
                if let Value::Object(instances) = block {
                    Arc::make_mut(instances).insert(key.clone(), value);
                }
            }
            Some(InstanceKey::Number(at)) => {
                let block = block.or_insert_with(|| Value::Tuple(Arc::default()));
                if let Value::Tuple(instances) = block {
                    set_at(Arc::make_mut(instances), usize::try_from(*at).unwrap_or(0), value);
                }
            }
        }
    }
}

fn schemas(providers: &Providers) -> BTreeMap<(ProviderRef, ResourceType), BlockSchema> {
    let of = |(name, provider): (&ProviderRef, &Arc<dyn Provider>)| {
        let known = ResourceType::ALL.into_iter();
        let known = known.filter_map(|kind| Some((kind, provider.schema(kind)?.block.clone())));
        known.map(|(kind, schema)| ((name.clone(), kind), schema)).collect::<Vec<_>>()
    };
    providers.iter().flat_map(of).collect()
}

fn set_at(instances: &mut Vec<Value>, at: usize, value: Value) {
    while instances.len() <= at {
        instances.push(Value::null());
    }
    instances[at] = value;
}

/// Returns the row of an address's current object.
pub(crate) fn current_key(address: &Address) -> ObjectKey {
    ObjectKey { address: address.clone(), deposed: None }
}
