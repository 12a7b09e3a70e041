//! Images: the platform's own and snapshots.

use super::super::call::Call;
use super::super::client::Client;
use super::super::models::ChangeImageProtectionRequest;
use super::super::pages::Filter;
use super::super::selector::Selector;
use super::super::wire::{Action, Image};
use super::{action_path, named};
use crate::provider::ProviderError;

impl Client {
    /// Lists snapshots with certain labels.
    pub async fn snapshots(&self, selector: &Selector) -> Result<Vec<Image>, ProviderError> {
        self.list(&Filter::labelled(selector).with("type", "snapshot")).await
    }

    /// Sets whether an image may be deleted.
    pub async fn protect_image(&self, id: u64, delete: bool) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("change the protection of the {}", named::<Image>(id));
        let call = Call::post(action_path::<Image>(id, "change_protection"), purpose).repeatable();
        let call = call.body(&ChangeImageProtectionRequest { delete: Some(delete) })?;
        Ok(self.act::<Image>(&call).await?)
    }
}
