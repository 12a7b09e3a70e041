//! The calls of the API, typed: those that every type of object has, and in
//! the files below those that only some have.

mod firewalls;
mod images;
mod prices;
mod servers;
mod ssh_keys;

use std::collections::HashMap;

use serde::Serialize;

use super::call::Call;
use super::client::Client;
use super::error::{CallError, Failure};
use super::models::{
    ReplaceFirewallRequest, ReplaceImageRequest, ReplacePrimaryIpRequest, ReplaceServerRequest,
    ReplaceSshKeyRequest,
};
use super::wire::{Action, Firewall, Image, Made, One, PrimaryIp, Resource, Server, SshKey};
use crate::object::Ownership;
use crate::provider::ProviderError;
use crate::provider::cloud::labels::{Labels, WORDS, users};
use crate::provider::cloud::object::with_keys;

/// A type of object that can be relabelled and deleted.
pub trait Owned: Resource {
    type Change: Serialize + Send + Sync;

    /// Returns all labels.
    fn labels(&self) -> &Labels;

    /// Makes the request that sets the name (of an image, the description) and all labels.
    fn change(name: Option<&str>, labels: &Labels) -> Self::Change;
}

/// The crate's requests have one shape but for the field with the name.
macro_rules! owned {
    ($name:ident, $change:ident { $title:ident $(, $other:ident)* }) => {
        impl Owned for $name {
            type Change = $change;

            fn labels(&self) -> &Labels {
                &self.labels
            }

            fn change(name: Option<&str>, labels: &Labels) -> $change {
                let $title = name.map(str::to_owned);
                $change { $title, labels: Some(hashed(labels)) $(, $other: None)* }
            }
        }
    };
}

owned!(Server, ReplaceServerRequest { name });
owned!(SshKey, ReplaceSshKeyRequest { name });
owned!(Firewall, ReplaceFirewallRequest { name });
owned!(PrimaryIp, ReplacePrimaryIpRequest { name, auto_delete });
owned!(Image, ReplaceImageRequest { description, r#type });

/// Labels as the crate's models take them.
pub fn hashed(labels: &Labels) -> HashMap<String, String> {
    labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Client {
    /// Reads one object; nothing when it is gone.
    pub async fn read<T: Resource>(&self, id: u64) -> Result<Option<T>, ProviderError> {
        let call = Call::get(path::<T>(id), format!("read the {}", named::<T>(id)));
        match self.fetch::<One<T>>(&call).await {
            Ok(one) => Ok(Some(whole(&call, one)?.object)),
            Err(error) if error.code() == "not_found" => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets the labels of an object, all of them, and its name where one is given.
    pub async fn change<T: Owned>(
        &self,
        id: u64,
        name: Option<&str>,
        labels: &Labels,
    ) -> Result<T, ProviderError> {
        let call = Call::put(path::<T>(id), format!("change the {}", named::<T>(id)));
        let call = call.body(&T::change(name, labels))?;
        Ok(whole(&call, self.fetch(&call).await?)?.object)
    }

    /// Labels an object as ours, and keeps its user's labels; nothing when it is gone.
    pub async fn adopted<T: Owned>(
        &self,
        (id, ownership): (u64, &Ownership),
    ) -> Result<Option<T>, ProviderError> {
        let Some(object) = self.read::<T>(id).await? else { return Ok(None) };
        let labels = WORDS.write(ownership, &users(object.labels()));
        self.change(id, None, &with_keys(&labels, object.labels())).await.map(Some)
    }

    /// Deletes an object; one that is gone already is a success. Returns what still
    /// goes on.
    pub async fn delete<T: Owned>(&self, id: u64) -> Result<Vec<Action>, ProviderError> {
        let call = Call::delete(path::<T>(id), format!("delete the {}", named::<T>(id)));
        match self.fetch_or_default::<One<T>>(&call).await {
            Ok(one) => Ok(one.actions),
            Err(error) if error.code() == "not_found" => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    async fn make<T: Resource>(&self, call: &Call) -> Result<Made<T>, ProviderError> {
        Ok(whole(call, self.fetch(call).await?)?)
    }

    /// Starts an action on an object of a type.
    async fn act<T: Resource>(&self, call: &Call) -> Result<Vec<Action>, CallError> {
        Ok(self.fetch_or_default::<One<T>>(call).await?.actions)
    }
}

fn path<T: Resource>(id: u64) -> String {
    format!("{}/{id}", T::PATH)
}

fn action_path<T: Resource>(id: u64, action: &str) -> String {
    format!("{}/{id}/actions/{action}", T::PATH)
}

fn named<T: Resource>(id: u64) -> String {
    format!("{} {id}", T::WORD)
}

/// Demands the object of an answer.
fn whole<T: Resource>(call: &Call, one: One<T>) -> Result<Made<T>, CallError> {
    let missing = || {
        let why = format!("there is no `{}` in it", T::KEY);
        CallError::of(call, Failure::Strange { status: 200, why })
    };
    Ok(Made { object: one.object.ok_or_else(missing)?, actions: one.actions })
}
