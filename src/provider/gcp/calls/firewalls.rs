//! Firewall rules of VPC networks.

use std::time::Duration;

use google_cloud_compute_v1::model::Firewall;

use super::super::call::{Call, request_id};
use super::super::client::Client;
use super::super::operations::some;
use super::{PAGE, Page};
use crate::object::OperationId;
use crate::provider::ProviderError;

/// How long a rule may take to be in force.
const IN_FORCE: Duration = Duration::from_secs(300);

impl Client {
    /// Lists all firewall rules of the project. They have no labels that could be asked for.
    pub async fn firewalls(&self) -> Result<Vec<Firewall>, ProviderError> {
        let list = self.services().firewalls().await?.list();
        let list = list.set_project(self.project()).set_max_results(PAGE);
        let page = |token: Option<String>| {
            let page = list.clone().set_or_clear_page_token(token);
            async move {
                let page = page.send().await?;
                Ok(Page { objects: page.items, next: page.next_page_token, silent: vec![] })
            }
        };
        self.pages(&Call::read("list the firewall rules"), page).await
    }

    /// Reads a firewall rule; nothing when it is gone.
    pub async fn firewall(&self, name: &str) -> Result<Option<Firewall>, ProviderError> {
        let get = self.services().firewalls().await?.get();
        let get = get.set_project(self.project()).set_firewall(name);
        let call = Call::read(format!("read the firewall rule `{name}`"));
        some(self.call(&call, || get.clone().send()).await)
    }

    /// Makes a firewall rule and waits until it is in force.
    pub async fn create_firewall(
        &self,
        operation: &OperationId,
        body: Firewall,
    ) -> Result<(), ProviderError> {
        let name = body.name.clone().unwrap_or_default();
        let request = request_id(operation, &format!("insert rule {name}"));
        let insert = self.services().firewalls().await?.insert().set_project(self.project());
        let insert = insert.set_request_id(request).set_body(body);
        let call = Call::change(format!("create the firewall rule `{name}`"));
        self.done(&call, IN_FORCE, || insert.clone().send()).await
    }

    /// Puts a firewall rule in the place of the one of its name.
    pub async fn replace_firewall(
        &self,
        operation: &OperationId,
        body: Firewall,
    ) -> Result<(), ProviderError> {
        let name = body.name.clone().unwrap_or_default();
        let request = request_id(operation, &format!("update rule {name} {body:?}"));
        let update = self.services().firewalls().await?.update().set_project(self.project());
        let update = update.set_firewall(&name).set_request_id(request).set_body(body);
        let call = Call::change(format!("change the firewall rule `{name}`"));
        self.done(&call, IN_FORCE, || update.clone().send()).await
    }

    /// Deletes a firewall rule and waits until it is gone.
    pub async fn delete_firewall(
        &self,
        operation: &OperationId,
        name: &str,
    ) -> Result<(), ProviderError> {
        let request = request_id(operation, &format!("delete rule {name}"));
        let delete = self.services().firewalls().await?.delete().set_project(self.project());
        let delete = delete.set_firewall(name).set_request_id(request);
        let call = Call::change(format!("delete the firewall rule `{name}`"));
        self.deleted(&call, IN_FORCE, || delete.clone().send()).await
    }
}
