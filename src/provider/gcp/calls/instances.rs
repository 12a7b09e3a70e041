//! Instances and their disks.

use std::time::Duration;

use google_cloud_compute_v1::model::{
    Disk, Instance, InstancesSetLabelsRequest, InstancesSetMachineTypeRequest, Scheduling, Tags,
};

use super::super::call::{Call, request_id};
use super::super::client::Client;
use super::super::operations::some;
use super::super::wire::Place;
use super::{PAGE, Page};
use crate::object::OperationId;
use crate::provider::ProviderError;

/// How long a change of an instance may take.
pub const ACTING: Duration = Duration::from_secs(900);

/// Something to be done to an instance, by which operation.
#[derive(Clone, Copy)]
pub struct Act<'a> {
    pub place: &'a Place,
    pub operation: &'a OperationId,
}

impl Act<'_> {
    /// Returns the id of a request: of the same deed in the same operation, the same.
    pub fn request(&self, deed: &str) -> String {
        request_id(self.operation, &format!("{deed} {}", self.place))
    }
}

/// Begins a builder of a change of an instance: project, zone, name and request id.
macro_rules! change {
    ($client:expr, $act:expr, $method:ident, $deed:expr) => {
        $client
            .services()
            .instances()
            .await?
            .$method()
            .set_project($client.project())
            .set_zone(&$act.place.zone)
            .set_instance(&$act.place.name)
            .set_request_id($act.request($deed))
    };
}

impl Client {
    /// Lists the instances of all zones that pass a filter.
    pub async fn instances(&self, filter: &str) -> Result<Vec<Instance>, ProviderError> {
        let list = self.services().instances().await?.aggregated_list();
        let list = list.set_project(self.project()).set_filter(filter).set_max_results(PAGE);
        let page = |token: Option<String>| {
            let page = list.clone().set_or_clear_page_token(token);
            async move {
                let page = page.send().await?;
                let objects = page.items.into_values().flat_map(|zone| zone.instances).collect();
                Ok(Page { objects, next: page.next_page_token, silent: page.unreachables })
            }
        };
        self.pages(&Call::read("list the instances"), page).await
    }

    /// Reads an instance; nothing when it is gone.
    pub async fn instance(&self, place: &Place) -> Result<Option<Instance>, ProviderError> {
        let get = self.services().instances().await?.get().set_project(self.project());
        let get = get.set_zone(&place.zone).set_instance(&place.name);
        let call = Call::read(format!("read the instance `{place}`"));
        some(self.call(&call, || get.clone().send()).await)
    }

    /// Deletes an instance, and its disk with it, and waits until it is gone.
    pub async fn delete_instance(&self, act: Act<'_>) -> Result<(), ProviderError> {
        let delete = change!(self, act, delete, "delete");
        let call = Call::change(format!("delete the instance `{}`", act.place));
        self.deleted(&call, ACTING, || delete.clone().send()).await
    }

    /// Sets all labels of an instance; `fingerprint` is that of the ones it had.
    pub async fn label_instance(
        &self,
        act: Act<'_>,
        body: InstancesSetLabelsRequest,
    ) -> Result<(), ProviderError> {
        let mut labels: Vec<_> = body.labels.iter().collect();
        labels.sort();
        let deed = format!("label {labels:?} {:?}", body.label_fingerprint);
        let set = change!(self, act, set_labels, &deed).set_body(body);
        let call = Call::change(format!("label the instance `{}`", act.place));
        self.done(&call, ACTING, || set.clone().send()).await
    }

    /// Sets the network tags of an instance.
    pub async fn set_tags(&self, act: Act<'_>, body: Tags) -> Result<(), ProviderError> {
        let deed = format!("tags {:?} {:?}", body.items, body.fingerprint);
        let set = change!(self, act, set_tags, &deed).set_body(body);
        let call = Call::change(format!("set the network tags of the instance `{}`", act.place));
        self.done(&call, ACTING, || set.clone().send()).await
    }

    /// Makes an instance that is off one of another type.
    pub async fn set_machine_type(&self, act: Act<'_>, kind: &str) -> Result<(), ProviderError> {
        let path = format!("zones/{}/machineTypes/{kind}", act.place.zone);
        let body = InstancesSetMachineTypeRequest::new().set_machine_type(path);
        let deed = format!("type {kind}");
        let set = change!(self, act, set_machine_type, &deed).set_body(body);
        let call = Call::change(format!("make the instance `{}` a {kind}", act.place));
        self.done(&call, ACTING, || set.clone().send()).await
    }

    /// Sets how long an instance that is off may run.
    pub async fn set_scheduling(
        &self,
        act: Act<'_>,
        body: Scheduling,
    ) -> Result<(), ProviderError> {
        let deed = format!("scheduling {body:?}");
        let set = change!(self, act, set_scheduling, &deed).set_body(body);
        let call = Call::change(format!("limit the run time of the instance `{}`", act.place));
        self.done(&call, ACTING, || set.clone().send()).await
    }

    /// Shuts an instance down and waits until it is off.
    pub async fn stop_instance(&self, act: Act<'_>, deed: &str) -> Result<(), ProviderError> {
        let stop = change!(self, act, stop, &format!("stop {deed}"));
        let call = Call::change(format!("stop the instance `{}`", act.place));
        self.done(&call, ACTING, || stop.clone().send()).await
    }

    /// Starts an instance; `deed` tells apart several starts of one operation.
    pub async fn start_instance(&self, act: Act<'_>, deed: &str) -> Result<(), ProviderError> {
        let start = change!(self, act, start, &format!("start {deed}"));
        let call = Call::change(format!("start the instance `{}`", act.place));
        self.done(&call, ACTING, || start.clone().send()).await
    }

    /// Lists the disks of all zones that pass a filter.
    pub async fn disks(&self, filter: &str) -> Result<Vec<Disk>, ProviderError> {
        let list = self.services().disks().await?.aggregated_list();
        let list = list.set_project(self.project()).set_filter(filter).set_max_results(PAGE);
        let page = |token: Option<String>| {
            let page = list.clone().set_or_clear_page_token(token);
            async move {
                let page = page.send().await?;
                let objects = page.items.into_values().flat_map(|zone| zone.disks).collect();
                Ok(Page { objects, next: page.next_page_token, silent: page.unreachables })
            }
        };
        self.pages(&Call::read("list the disks"), page).await
    }

    /// Reads a disk; nothing when it is gone.
    pub async fn disk(&self, place: &Place) -> Result<Option<Disk>, ProviderError> {
        let get = self.services().disks().await?.get().set_project(self.project());
        let get = get.set_zone(&place.zone).set_disk(&place.name);
        let call = Call::read(format!("read the disk `{place}`"));
        some(self.call(&call, || get.clone().send()).await)
    }

    /// Deletes a disk and waits until it is gone.
    pub async fn delete_disk(&self, act: Act<'_>) -> Result<(), ProviderError> {
        let delete = self.services().disks().await?.delete().set_project(self.project());
        let delete = delete.set_zone(&act.place.zone).set_disk(&act.place.name);
        let delete = delete.set_request_id(act.request("delete the disk"));
        let call = Call::change(format!("delete the disk `{}`", act.place));
        self.deleted(&call, ACTING, || delete.clone().send()).await
    }
}
