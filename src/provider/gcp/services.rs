//! The clients of the API, one per kind of resource, each made at its first call.

use std::time::Duration;

use google_cloud_auth::credentials::Credentials;
use google_cloud_compute_v1::client::{
    Disks, Firewalls, GlobalOperations, Images, Instances, MachineTypes, Projects, Regions,
    ZoneOperations, Zones,
};
use google_cloud_gax::client_builder::Error as BuildError;
use google_cloud_gax::retry_policy::NeverRetry;
use tokio::sync::OnceCell;

use super::access::Access;
use super::credentials::credentials;
use crate::provider::{ProviderError, ProviderErrorKind};

/// The clients, and what they are made with.
pub struct Services {
    access: Access,
    timeout: Duration,
    credentials: OnceCell<Credentials>,
    made: Made,
}

macro_rules! services {
    ($($name:ident: $service:ident),* $(,)?) => {
        #[derive(Default)]
        struct Made {
            $($name: OnceCell<$service>,)*
        }

        impl Services {
            $(
                #[doc = concat!("Returns the client of the resource `", stringify!($name), "`.")]
                pub async fn $name(&self) -> Result<$service, ProviderError> {
                    let make = || async {
                        let builder = $service::builder()
                            .with_credentials(self.credentials().await?)
                            .with_retry_policy(NeverRetry)
                            .with_attempt_timeout(self.timeout);
                        let builder = match &self.access.endpoint {
                            Some(endpoint) => builder.with_endpoint(endpoint),
                            None => builder,
                        };
                        builder.build().await.map_err(|error| unusable(&error))
                    };
                    self.made.$name.get_or_try_init(make).await.cloned()
                }
            )*
        }
    };
}

services! {
    disks: Disks,
    firewalls: Firewalls,
    global_operations: GlobalOperations,
    images: Images,
    instances: Instances,
    machine_types: MachineTypes,
    projects: Projects,
    regions: Regions,
    zone_operations: ZoneOperations,
    zones: Zones,
}

impl Services {
    /// Prepares the clients; makes none.
    pub fn new(access: Access, timeout: Duration) -> Self {
        Self { access, timeout, credentials: OnceCell::new(), made: Made::default() }
    }

    /// Returns how the API is reached.
    pub fn access(&self) -> &Access {
        &self.access
    }

    async fn credentials(&self) -> Result<Credentials, ProviderError> {
        let make = || async {
            trust();
            credentials(&self.access.source)
        };
        self.credentials.get_or_try_init(make).await.cloned()
    }
}

/// Names the cryptography of the process's TLS connections: the client library is built
/// without any. Whoever named one before is content with that.
fn trust() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn unusable(error: &BuildError) -> ProviderError {
    let kind = match error.is_default_credentials() {
        true => ProviderErrorKind::Denied,
        false => ProviderErrorKind::Unavailable,
    };
    ProviderError::new(kind, format!("The client of Compute Engine could not be made: {error}."))
}
