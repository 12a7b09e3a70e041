//! What can be ordered, where, and for how much on the spot market.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::LocationType;

use super::{PAGE, filter};
use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;
use crate::provider::aws::wire::{InstanceType, SpotPrice};

/// The most values of a filter.
const MOST_VALUES: usize = 200;
/// The most instance types of a page.
const TYPES: i32 = 100;

impl Client {
    /// Lists those of these instance types that there are; no bare metal, and nothing of
    /// an earlier generation.
    pub async fn instance_types(
        &self,
        region: &str,
        names: &[String],
    ) -> Result<Vec<InstanceType>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list instance types");
        let mut all = Vec::new();
        for names in names.chunks(MOST_VALUES) {
            let filters = vec![
                filter("instance-type", names),
                filter("current-generation", ["true"]),
                filter("bare-metal", ["false"]),
                filter("processor-info.supported-architecture", ["x86_64", "arm64"]),
            ];
            let ask = |token| {
                let ask = ec2.describe_instance_types().set_filters(Some(filters.clone()));
                let ask = ask.max_results(TYPES).set_next_token(token).send();
                async {
                    let answer = ask.await?;
                    let read = answer.instance_types().iter().filter_map(InstanceType::of);
                    Ok((read.collect(), answer.next_token))
                }
            };
            all.extend(self.pages(&call, ask).await?);
        }
        Ok(all)
    }

    /// Lists pairs of one of these instance types and a zone that has it.
    pub async fn offerings(
        &self,
        region: &str,
        names: &[String],
    ) -> Result<Vec<(String, String)>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list what its zones offer");
        let mut all = Vec::new();
        for names in names.chunks(MOST_VALUES) {
            let types = filter("instance-type", names);
            let ask = |token| {
                let ask = ec2.describe_instance_type_offerings().filters(types.clone());
                let ask = ask.location_type(LocationType::AvailabilityZone);
                let ask = ask.max_results(PAGE).set_next_token(token).send();
                async {
                    let answer = ask.await?;
                    let pair = |offer: &aws_sdk_ec2::types::InstanceTypeOffering| {
                        let kind = offer.instance_type()?.as_str().to_owned();
                        Some((kind, offer.location()?.to_owned()))
                    };
                    let read = answer.instance_type_offerings().iter().filter_map(pair);
                    Ok((read.collect(), answer.next_token))
                }
            };
            all.extend(self.pages(&call, ask).await?);
        }
        Ok(all)
    }

    /// Returns what instance types cost now on the spot market, per zone, for Linux.
    pub async fn spot_prices(
        &self,
        region: &str,
        types: &[String],
    ) -> Result<Vec<SpotPrice>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "look up spot prices");
        // From now on: each price that is in force.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = DateTime::from_secs(i64::try_from(now.as_secs()).unwrap_or_default());
        let linux = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"].map(str::to_owned).to_vec();
        let ask = |token| {
            let ask = ec2.describe_spot_price_history().filters(filter("instance-type", types));
            let ask = ask.start_time(now).set_product_descriptions(Some(linux.clone()));
            let ask = ask.max_results(PAGE).set_next_token(token).send();
            async {
                let answer = ask.await?;
                let read = answer.spot_price_history().iter().filter_map(SpotPrice::of);
                Ok((read.collect(), answer.next_token))
            }
        };
        Ok(self.pages(&call, ask).await?)
    }
}
