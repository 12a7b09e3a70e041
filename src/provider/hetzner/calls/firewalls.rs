//! Firewalls: made, changed, put in force and lifted.

use super::super::call::Call;
use super::super::client::Client;
use super::super::models::firewall_resource::Type;
use super::super::models::{
    ApplyToResourcesRequest, CreateFirewallRequest, FirewallResource, RemoveFromResourcesRequest,
    ResourceId, Rule, SetRulesRequest,
};
use super::super::wire::{Action, Firewall, Made};
use super::{action_path, named};
use crate::provider::{ProviderError, ProviderErrorKind};

impl Client {
    /// Makes a firewall.
    pub async fn create_firewall(
        &self,
        request: &CreateFirewallRequest,
    ) -> Result<Made<Firewall>, ProviderError> {
        let call = Call::post("firewalls", format!("create the firewall `{}`", request.name));
        self.make(&call.body(request)?).await
    }

    /// Replaces all rules of a firewall.
    pub async fn set_rules(&self, id: u64, rules: Vec<Rule>) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("set the rules of the {}", named::<Firewall>(id));
        let call = Call::post(action_path::<Firewall>(id, "set_rules"), purpose).repeatable();
        let call = call.body(&SetRulesRequest { rules })?;
        Ok(self.act::<Firewall>(&call).await?)
    }

    /// Puts a firewall in force on a server; where it is already, that is a success.
    pub async fn apply_firewall(&self, id: u64, server: u64) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("apply the {}", named::<Firewall>(id));
        let call = Call::post(action_path::<Firewall>(id, "apply_to_resources"), purpose);
        let request = ApplyToResourcesRequest { apply_to: vec![resource(server)?] };
        let call = call.repeatable().body(&request)?;
        match self.act::<Firewall>(&call).await {
            Err(error) if error.code() == "firewall_already_applied" => Ok(Vec::new()),
            done => Ok(done?),
        }
    }

    /// Lifts a firewall from a server; where it is not in force, that is a success.
    pub async fn remove_firewall(
        &self,
        id: u64,
        server: u64,
    ) -> Result<Vec<Action>, ProviderError> {
        let purpose = format!("lift the {}", named::<Firewall>(id));
        let call = Call::post(action_path::<Firewall>(id, "remove_from_resources"), purpose);
        let request = RemoveFromResourcesRequest { remove_from: vec![resource(server)?] };
        let call = call.repeatable().body(&request)?;
        match self.act::<Firewall>(&call).await {
            Err(error) if GONE.contains(&error.code()) => Ok(Vec::new()),
            done => Ok(done?),
        }
    }
}

/// What the API says where a firewall is not in force.
const GONE: [&str; 2] = ["firewall_already_removed", "firewall_resource_not_found"];

fn resource(server: u64) -> Result<FirewallResource, ProviderError> {
    let id = i64::try_from(server).map_err(|_| {
        let message = format!("{server} is no id of a server.");
        ProviderError::new(ProviderErrorKind::Rejected, message)
    })?;
    let mut resource = FirewallResource::new(Type::Server);
    resource.server = Some(Box::new(ResourceId { id }));
    Ok(resource)
}
