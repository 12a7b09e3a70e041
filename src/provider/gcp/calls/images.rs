//! Images: those that are published, and the disks that were saved.

use std::time::Duration;

use google_cloud_compute_v1::model::{GlobalSetLabelsRequest, Image, Operation};

use super::super::call::{Call, request_id};
use super::super::client::Client;
use super::super::operations::{OperationError, some};
use super::{PAGE, Page};
use crate::object::OperationId;
use crate::provider::ProviderError;

/// How long the saving of a disk may take.
pub const SAVING: Duration = Duration::from_secs(3600);

impl Client {
    /// Reads the newest image of a family; nothing where there is none.
    pub async fn newest_image(
        &self,
        project: &str,
        family: &str,
    ) -> Result<Option<Image>, ProviderError> {
        let get = self.services().images().await?.get_from_family();
        let get = get.set_project(project).set_family(family);
        let call = Call::read(format!("find the newest image of `{family}` in `{project}`"));
        some(self.call(&call, || get.clone().send()).await)
    }

    /// Reads an image; nothing where there is none.
    pub async fn image(&self, project: &str, name: &str) -> Result<Option<Image>, ProviderError> {
        let get = self.services().images().await?.get();
        let get = get.set_project(project).set_image(name);
        let call = Call::read(format!("read the image `{name}`"));
        some(self.call(&call, || get.clone().send()).await)
    }

    /// Lists the project's own images that pass a filter.
    pub async fn images(&self, filter: &str) -> Result<Vec<Image>, ProviderError> {
        let list = self.services().images().await?.list();
        let list = list.set_project(self.project()).set_filter(filter).set_max_results(PAGE);
        let page = |token: Option<String>| {
            let page = list.clone().set_or_clear_page_token(token);
            async move {
                let page = page.send().await?;
                Ok(Page { objects: page.items, next: page.next_page_token, silent: vec![] })
            }
        };
        self.pages(&Call::read("list the images"), page).await
    }

    /// Begins to save a disk, also of an instance that runs.
    pub async fn save_disk(
        &self,
        operation: &OperationId,
        body: Image,
    ) -> Result<Operation, ProviderError> {
        let name = body.name.clone().unwrap_or_default();
        let request = request_id(operation, &format!("insert image {name}"));
        let insert = self.services().images().await?.insert().set_project(self.project());
        let insert = insert.set_force_create(true).set_request_id(request).set_body(body);
        let call = saving(&name);
        Ok(self.call(&call, || insert.clone().send()).await?)
    }

    /// Waits until a disk is saved.
    pub async fn saved(&self, name: &str, begun: Operation) -> Result<(), OperationError> {
        self.finish(&saving(name), begun, SAVING).await.map(drop)
    }

    /// Sets all labels of an image.
    pub async fn label_image(
        &self,
        name: &str,
        body: GlobalSetLabelsRequest,
    ) -> Result<(), ProviderError> {
        let set = self.services().images().await?.set_labels();
        let set = set.set_project(self.project()).set_resource(name).set_body(body);
        let call = Call::change(format!("label the image `{name}`"));
        self.done(&call, super::instances::ACTING, || set.clone().send()).await
    }

    /// Deletes an image and waits until it is gone.
    pub async fn delete_image(
        &self,
        operation: &OperationId,
        name: &str,
    ) -> Result<(), ProviderError> {
        let request = request_id(operation, &format!("delete image {name}"));
        let delete = self.services().images().await?.delete().set_project(self.project());
        let delete = delete.set_image(name).set_request_id(request);
        let call = Call::change(format!("delete the image `{name}`"));
        self.deleted(&call, super::instances::ACTING, || delete.clone().send()).await
    }
}

fn saving(name: &str) -> Call {
    Call::change(format!("save a disk as the image `{name}`"))
}
