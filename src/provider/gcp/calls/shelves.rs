//! What can be ordered, and where.

use google_cloud_compute_v1::model::{MachineType, Region, Zone};

use super::super::call::Call;
use super::super::client::Client;
use super::{PAGE, Page};
use crate::provider::ProviderError;

impl Client {
    /// Lists all zones.
    pub async fn zones(&self) -> Result<Vec<Zone>, ProviderError> {
        let list = self.services().zones().await?.list();
        let list = list.set_project(self.project()).set_max_results(PAGE);
        let page = |token: Option<String>| {
            let page = list.clone().set_or_clear_page_token(token);
            async move {
                let page = page.send().await?;
                Ok(Page { objects: page.items, next: page.next_page_token, silent: vec![] })
            }
        };
        self.pages(&Call::read("list the zones"), page).await
    }

    /// Lists the machine types of these zones.
    pub async fn machine_types(&self, zones: &[String]) -> Result<Vec<MachineType>, ProviderError> {
        let tests: Vec<String> = zones.iter().map(|zone| format!("(zone = \"{zone}\")")).collect();
        let list = self.services().machine_types().await?.aggregated_list();
        let list = list.set_project(self.project()).set_max_results(PAGE);
        let list = list.set_filter(tests.join(" OR "));
        let page = |token: Option<String>| {
            let page = list.clone().set_or_clear_page_token(token);
            async move {
                let page = page.send().await?;
                let objects = page.items.into_values().flat_map(|zone| zone.machine_types);
                let objects = objects.collect();
                Ok(Page { objects, next: page.next_page_token, silent: page.unreachables })
            }
        };
        self.pages(&Call::read("list the machine types"), page).await
    }

    /// Reads a region with its quotas.
    pub async fn region(&self, name: &str) -> Result<Region, ProviderError> {
        let get = self.services().regions().await?.get();
        let get = get.set_project(self.project()).set_region(name);
        let call = Call::read(format!("read the region `{name}`"));
        Ok(self.call(&call, || get.clone().send()).await?)
    }
}
