//! Security groups and their rules.

use aws_sdk_ec2::types::{IpPermission, ResourceType};

use super::{PAGE, Which, filter, literal, tagged};
use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;
use crate::provider::aws::error::CallError;
use crate::provider::aws::wire::group::Permission;
use crate::provider::aws::wire::{Group, Tags};

/// Which way a rule lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

impl Client {
    /// Lists security groups of a region.
    pub async fn groups(&self, region: &str, which: &Which) -> Result<Vec<Group>, ProviderError> {
        self.groups_by(region, which.filter("group-id")).await
    }

    /// Finds a security group by its name, which is unique in a VPC.
    pub async fn group_called(
        &self,
        region: &str,
        vpc: &str,
        name: &str,
    ) -> Result<Option<Group>, ProviderError> {
        let named = self.groups_by(region, filter("group-name", [literal(name)])).await?;
        Ok(named.into_iter().find(|group| group.vpc == vpc && group.name == name))
    }

    async fn groups_by(
        &self,
        region: &str,
        filter: aws_sdk_ec2::types::Filter,
    ) -> Result<Vec<Group>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list security groups");
        let ask = |token| {
            let ask = ec2.describe_security_groups().filters(filter.clone());
            let ask = ask.max_results(PAGE).set_next_token(token).send();
            async {
                let answer = ask.await?;
                let all = answer.security_groups().iter();
                Ok((all.map(|group| Group::of(region, group)).collect(), answer.next_token))
            }
        };
        Ok(self.pages(&call, ask).await?)
    }

    /// Reads a security group; nothing when it is gone.
    pub async fn group(&self, region: &str, id: &str) -> Result<Option<Group>, ProviderError> {
        Ok(self.groups(region, &Which::Id(id.to_owned())).await?.into_iter().next())
    }

    /// Makes a security group, which lets everything out and nothing in; returns its id.
    pub async fn create_group(
        &self,
        (region, vpc): (&str, &str),
        name: &str,
        tags: &Tags,
    ) -> Result<String, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::once(region, format!("create the security group `{name}`"));
        let tags = tagged(ResourceType::SecurityGroup, tags);
        let send = || {
            let order = ec2.create_security_group().group_name(name).vpc_id(vpc);
            order.description("Made by sandplan").tag_specifications(tags.clone()).send()
        };
        let answer = self.call(&call, send).await?;
        answer.group_id.ok_or_else(|| super::instances::strange(&call))
    }

    /// Adds rules to a security group; those that are there already count as added.
    pub async fn permit(
        &self,
        (region, id): (&str, &str),
        way: Way,
        rules: &[Permission],
    ) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("add rules to the security group {id}"));
        let rules = sent(rules);
        let added = match way {
            _ if rules.is_empty() => return Ok(()),
            Way::In => {
                let send = || {
                    let order = ec2.authorize_security_group_ingress().group_id(id);
                    order.set_ip_permissions(Some(rules.clone())).send()
                };
                self.call(&call, send).await.map(drop)
            }
            Way::Out => {
                let send = || {
                    let order = ec2.authorize_security_group_egress().group_id(id);
                    order.set_ip_permissions(Some(rules.clone())).send()
                };
                self.call(&call, send).await.map(drop)
            }
        };
        unless(added, "InvalidPermission.Duplicate")
    }

    /// Takes rules from a security group; those that are not there count as taken.
    pub async fn forbid(
        &self,
        (region, id): (&str, &str),
        way: Way,
        rules: &[Permission],
    ) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("take rules from the security group {id}"));
        let rules = sent(rules);
        let taken = match way {
            _ if rules.is_empty() => return Ok(()),
            Way::In => {
                let send = || {
                    let order = ec2.revoke_security_group_ingress().group_id(id);
                    order.set_ip_permissions(Some(rules.clone())).send()
                };
                self.call(&call, send).await.map(drop)
            }
            Way::Out => {
                let send = || {
                    let order = ec2.revoke_security_group_egress().group_id(id);
                    order.set_ip_permissions(Some(rules.clone())).send()
                };
                self.call(&call, send).await.map(drop)
            }
        };
        unless(taken, "InvalidPermission.NotFound")
    }

    /// Deletes a security group; one that is gone already is a success.
    pub async fn delete_group(&self, region: &str, id: &str) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("delete the security group {id}"));
        match self.call(&call, || ec2.delete_security_group().group_id(id).send()).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn sent(rules: &[Permission]) -> Vec<IpPermission> {
    rules.iter().map(Permission::sent).collect()
}

/// Takes an error with this code for a success.
fn unless(done: Result<(), CallError>, code: &str) -> Result<(), ProviderError> {
    match done {
        Err(error) if error.code() == code => Ok(()),
        done => Ok(done?),
    }
}
