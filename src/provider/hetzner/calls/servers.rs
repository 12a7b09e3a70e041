//! Servers: ordered, switched, rebuilt, resized, saved and protected.

use serde::Serialize;

use super::super::call::Call;
use super::super::client::Client;
use super::super::models::create_image_from_server_request::Type;
use super::super::models::{
    ChangeServerProtectionRequest, ChangeTypeOfServerRequest, CreateImageFromServerRequest,
    CreateServerRequest, RebuildServerFromImageRequest,
};
use super::super::wire::{Action, Image, Made, Protection, Server};
use super::{action_path, hashed, named};
use crate::provider::ProviderError;
use crate::provider::cloud::labels::Labels;

/// The crate's request, and what the API takes since January 2026.
#[derive(Serialize)]
struct Rebuild<'a> {
    #[serde(flatten)]
    request: RebuildServerFromImageRequest,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<&'a str>,
}

impl Client {
    /// Orders a server. It is never ordered twice: where nobody knows whether an
    /// order arrived, the error says so.
    pub async fn create_server(
        &self,
        order: &CreateServerRequest,
    ) -> Result<Made<Server>, ProviderError> {
        let call = Call::post("servers", format!("create the server `{}`", order.name));
        self.make(&call.body(order)?).await
    }

    /// Switches a server on.
    pub async fn power_on(&self, id: u64) -> Result<Vec<Action>, ProviderError> {
        self.switch(id, "poweron", "switch on").await
    }

    /// Cuts a server's power.
    pub async fn power_off(&self, id: u64) -> Result<Vec<Action>, ProviderError> {
        self.switch(id, "poweroff", "switch off").await
    }

    /// Asks a server to shut down; its action ends before the server is off.
    pub async fn shut_down(&self, id: u64) -> Result<Vec<Action>, ProviderError> {
        self.switch(id, "shutdown", "shut down").await
    }

    async fn switch(
        &self,
        id: u64,
        action: &str,
        what: &str,
    ) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("{what} the {}", named::<Server>(id));
        let call = Call::post(action_path::<Server>(id, action), purpose).repeatable();
        Ok(self.act::<Server>(&call).await?)
    }

    /// Gives a server a new disk from an image (name or id), and new user data
    /// where there is some.
    pub async fn rebuild(
        &self,
        id: u64,
        image: &str,
        user_data: Option<&str>,
    ) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("rebuild the {}", named::<Server>(id));
        let call = Call::post(action_path::<Server>(id, "rebuild"), purpose).repeatable();
        let request = RebuildServerFromImageRequest { image: image.to_owned() };
        let call = call.body(&Rebuild { request, user_data })?;
        Ok(self.act::<Server>(&call).await?)
    }

    /// Makes a server, which has to be off, one of another type; its disk stays.
    pub async fn change_type(
        &self,
        id: u64,
        server_type: &str,
    ) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("make the {} a {server_type}", named::<Server>(id));
        let call = Call::post(action_path::<Server>(id, "change_type"), purpose);
        let call = call.body(&ChangeTypeOfServerRequest::new(server_type.to_owned(), false))?;
        Ok(self.act::<Server>(&call).await?)
    }

    /// Saves a server's disk as a snapshot.
    pub async fn create_image(
        &self,
        id: u64,
        description: &str,
        labels: &Labels,
    ) -> Result<Made<Image>, ProviderError> {
        let purpose = format!("save the disk of the {}", named::<Server>(id));
        let call = Call::post(action_path::<Server>(id, "create_image"), purpose);
        let request = CreateImageFromServerRequest {
            description: Some(description.to_owned()),
            labels: Some(hashed(labels)),
            r#type: Some(Type::Snapshot),
        };
        self.make(&call.body(&request)?).await
    }

    /// Sets what nobody may do to a server. The API wants both to be the same.
    pub async fn protect_server(
        &self,
        id: u64,
        protection: Protection,
    ) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("change the protection of the {}", named::<Server>(id));
        let call = Call::post(action_path::<Server>(id, "change_protection"), purpose).repeatable();
        let call = call.body(&ChangeServerProtectionRequest {
            delete: Some(protection.delete),
            rebuild: Some(protection.rebuild),
        })?;
        Ok(self.act::<Server>(&call).await?)
    }
}
