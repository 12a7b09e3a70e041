//! Public SSH keys.

use super::super::call::Call;
use super::super::client::Client;
use super::super::models::CreateSshKeyRequest;
use super::super::wire::{Made, SshKey};
use crate::provider::ProviderError;

impl Client {
    /// Uploads a public key. The project may hold it once, whatever its name.
    pub async fn create_ssh_key(
        &self,
        request: &CreateSshKeyRequest,
    ) -> Result<Made<SshKey>, ProviderError> {
        let call = Call::post("ssh_keys", format!("create the SSH key `{}`", request.name));
        self.make(&call.body(request)?).await
    }
}
