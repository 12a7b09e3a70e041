//! Whose account the credentials open.

use super::call::Call;
use super::calls::Which;
use super::client::Client;
use crate::provider::{Account, ProviderError};

/// Says who calls, and where.
pub async fn whoami(client: &Client) -> Result<Account, ProviderError> {
    let region = client.first_region();
    let call = Call::read(region, "say whose credentials these are");
    let sts = client.sts();
    let who = client.call(&call, || sts.get_caller_identity().send()).await?;
    let mut count = 0;
    for region in client.regions() {
        count += client.instances(region, &Which::Ours).await?.len();
    }
    let (account, arn) = (who.account().unwrap_or("unknown"), who.arn().unwrap_or("unknown"));
    Ok(Account {
        summary: format!("AWS account {account}, as {arn}"),
        details: vec![
            ("regions".to_owned(), client.regions().join(", ")),
            ("instances".to_owned(), format!("{count} made by sandplan")),
        ],
    })
}
