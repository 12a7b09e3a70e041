//! Instances.

use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    AttributeValue, BlockDeviceMapping, EbsBlockDevice, HttpTokensState,
    InstanceInterruptionBehavior, InstanceMarketOptionsRequest, InstanceMetadataOptionsRequest,
    InstanceNetworkInterfaceSpecification, MarketType, Placement, ResourceType, ShutdownBehavior,
    SpotInstanceType, SpotMarketOptions, VolumeType,
};

use super::{PAGE, Which, tagged};
use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;
use crate::provider::aws::wire::{Instance, Tags};

/// An instance that is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub region: String,
    /// EC2 takes an order with the same token only once.
    pub token: String,
    pub image: String,
    pub instance_type: String,
    pub zone: String,
    pub subnet: String,
    /// Ids of security groups.
    pub groups: Vec<String>,
    /// In base64.
    pub user_data: String,
    pub tags: Tags,
    /// What the image calls its root volume.
    pub root_device: String,
    /// GiB.
    pub disk: u64,
    pub is_spot: bool,
}

impl Client {
    /// Lists instances of a region. Those that are gone are not there.
    pub async fn instances(
        &self,
        region: &str,
        which: &Which,
    ) -> Result<Vec<Instance>, ProviderError> {
        let mut found = self.instances_ever(region, which).await?;
        found.retain(|instance| !instance.is_gone());
        Ok(found)
    }

    /// Lists instances of a region, for about an hour also those that are gone.
    pub async fn instances_ever(
        &self,
        region: &str,
        which: &Which,
    ) -> Result<Vec<Instance>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list instances");
        let ask = |token| {
            let ask = ec2.describe_instances().filters(which.filter("instance-id"));
            let ask = ask.max_results(PAGE).set_next_token(token).send();
            async {
                let answer = ask.await?;
                let all = answer.reservations().iter().flat_map(|some| some.instances());
                let read: Vec<_> = all.map(|instance| Instance::of(region, instance)).collect();
                Ok((read, answer.next_token))
            }
        };
        Ok(self.pages(&call, ask).await?)
    }

    /// Reads an instance; nothing when it is gone.
    pub async fn instance(
        &self,
        region: &str,
        id: &str,
    ) -> Result<Option<Instance>, ProviderError> {
        let found = self.instances(region, &Which::Id(id.to_owned())).await?;
        Ok(found.into_iter().next())
    }

    /// Orders an instance.
    pub async fn run_instance(&self, run: &Run) -> Result<Instance, ProviderError> {
        let ec2 = self.ec2(&run.region)?;
        let purpose = format!("start an instance of type {} in {}", run.instance_type, run.zone);
        let call = Call::repeatable(&run.region, purpose);
        let answer = self.call(&call, || run.request(ec2.run_instances()).send()).await?;
        let made = answer.instances().first().map(|made| Instance::of(&run.region, made));
        made.ok_or_else(|| strange(&call))
    }

    /// Ends an instance, with its disk; one that is gone already is a success.
    pub async fn terminate(&self, region: &str, id: &str) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("terminate the instance {id}"));
        match self.call(&call, || ec2.terminate_instances().instance_ids(id).send()).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Begins to shut an instance down; `hard` cuts its power.
    pub async fn stop(&self, region: &str, id: &str, hard: bool) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("stop the instance {id}"));
        let send = || ec2.stop_instances().instance_ids(id).force(hard).send();
        Ok(self.call(&call, send).await.map(drop)?)
    }

    /// Begins to switch an instance on.
    pub async fn start(&self, region: &str, id: &str) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("start the instance {id}"));
        Ok(self.call(&call, || ec2.start_instances().instance_ids(id).send()).await.map(drop)?)
    }

    /// Gives an instance that is off another type.
    pub async fn set_type(&self, region: &str, id: &str, kind: &str) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("make the instance {id} one of type {kind}"));
        let value = || AttributeValue::builder().value(kind).build();
        let send = || ec2.modify_instance_attribute().instance_id(id).instance_type(value()).send();
        Ok(self.call(&call, send).await.map(drop)?)
    }

    /// Puts an instance into these security groups, and out of others.
    pub async fn set_groups(
        &self,
        region: &str,
        id: &str,
        groups: &[String],
    ) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("change the security groups of {id}"));
        let groups = Some(groups.to_vec());
        let send =
            || ec2.modify_instance_attribute().instance_id(id).set_groups(groups.clone()).send();
        Ok(self.call(&call, send).await.map(drop)?)
    }
}

impl Run {
    fn request(&self, order: RunInstancesFluentBuilder) -> RunInstancesFluentBuilder {
        // Only the machine itself may ask for its metadata, and only by token: what
        // runs in its containers is one hop further away.
        let metadata = InstanceMetadataOptionsRequest::builder()
            .http_tokens(HttpTokensState::Required)
            .http_put_response_hop_limit(1);
        order
            .client_token(&self.token)
            .image_id(&self.image)
            .instance_type(self.instance_type.as_str().into())
            .min_count(1)
            .max_count(1)
            .placement(Placement::builder().availability_zone(&self.zone).build())
            .network_interfaces(self.interface())
            .user_data(&self.user_data)
            .metadata_options(metadata.build())
            .block_device_mappings(self.root())
            .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
            .set_instance_market_options(self.is_spot.then(spot))
            .tag_specifications(tagged(ResourceType::Instance, &self.tags))
            .tag_specifications(tagged(ResourceType::Volume, &self.tags))
            .tag_specifications(tagged(ResourceType::NetworkInterface, &self.tags))
    }

    fn interface(&self) -> InstanceNetworkInterfaceSpecification {
        InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(&self.subnet)
            .associate_public_ip_address(true)
            .delete_on_termination(true)
            .set_groups(Some(self.groups.clone()))
            .build()
    }

    fn root(&self) -> BlockDeviceMapping {
        let disk = EbsBlockDevice::builder()
            .volume_type(VolumeType::Gp3)
            .volume_size(i32::try_from(self.disk).unwrap_or(i32::MAX))
            .encrypted(true)
            .delete_on_termination(true)
            .build();
        BlockDeviceMapping::builder().device_name(&self.root_device).ebs(disk).build()
    }
}

/// A spot instance that EC2 takes back is gone, as one that has expired.
fn spot() -> InstanceMarketOptionsRequest {
    let options = SpotMarketOptions::builder()
        .spot_instance_type(SpotInstanceType::OneTime)
        .instance_interruption_behavior(InstanceInterruptionBehavior::Terminate);
    InstanceMarketOptionsRequest::builder()
        .market_type(MarketType::Spot)
        .spot_options(options.build())
        .build()
}

/// Says of an answer that it tells of nothing made.
pub(super) fn strange(call: &Call) -> ProviderError {
    let why = "it tells of nothing that was made".to_owned();
    let failure = crate::provider::aws::error::Failure::Strange { status: 200, why };
    crate::provider::aws::error::CallError { failure, call: call.clone(), doubtful: false }.into()
}
