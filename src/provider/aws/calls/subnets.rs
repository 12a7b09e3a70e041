//! Subnets: where in a region machines can be put.

use super::{PAGE, filter};
use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;

/// A network of one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    pub zone: String,
    /// It is the one that machines of its zone come into that name none.
    pub is_default: bool,
}

impl Client {
    /// Lists all subnets of a region.
    pub async fn subnets(&self, region: &str) -> Result<Vec<Subnet>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list subnets");
        let ask = |token| {
            let ask = ec2.describe_subnets().filters(filter("state", ["available"]));
            let ask = ask.max_results(PAGE).set_next_token(token).send();
            async {
                let answer = ask.await?;
                let read = |subnet: &aws_sdk_ec2::types::Subnet| {
                    Some(Subnet {
                        id: subnet.subnet_id()?.to_owned(),
                        vpc: subnet.vpc_id()?.to_owned(),
                        zone: subnet.availability_zone()?.to_owned(),
                        is_default: subnet.default_for_az().unwrap_or(false),
                    })
                };
                Ok((answer.subnets().iter().filter_map(read).collect(), answer.next_token))
            }
        };
        Ok(self.pages(&call, ask).await?)
    }
}
