//! The project, and the metadata that its instances share.

use std::time::Duration;

use google_cloud_compute_v1::model::{Metadata, Project};

use super::super::call::{Call, request_id};
use super::super::client::Client;
use crate::object::OperationId;
use crate::provider::ProviderError;

/// How long the project's metadata may take to change.
const CHANGING: Duration = Duration::from_secs(300);

impl Client {
    /// Reads the project.
    pub async fn project_itself(&self) -> Result<Project, ProviderError> {
        let get = self.services().projects().await?.get().set_project(self.project());
        let call = Call::read(format!("read the project `{}`", self.project()));
        Ok(self.call(&call, || get.clone().send()).await?)
    }

    /// Sets all metadata of the project; where somebody else did since it was read, the
    /// call is refused with status 412.
    pub async fn set_project_metadata(
        &self,
        (operation, deed): (&OperationId, &str),
        body: Metadata,
    ) -> Result<(), ProviderError> {
        let request = request_id(operation, &format!("{deed} {:?}", body.fingerprint));
        let set = self.services().projects().await?.set_common_instance_metadata();
        let set = set.set_project(self.project()).set_request_id(request).set_body(body);
        let call = Call::change(format!("{deed} in the metadata of the project"));
        self.done(&call, CHANGING, || set.clone().send()).await
    }
}
