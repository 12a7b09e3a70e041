//! The calls of the API, typed, one file per kind of resource.

mod firewalls;
mod images;
mod instances;
mod metadata;
mod shelves;

use std::time::Duration;

use google_cloud_compute_v1::model::Operation;

pub use self::images::SAVING;
pub use self::instances::Act;
use super::call::Call;
use super::client::Client;
use super::operations::OperationError;
use crate::provider::{ProviderError, ProviderErrorKind};

/// The most objects of a page.
const PAGE: u32 = 500;

/// One page of a list.
struct Page<T> {
    objects: Vec<T>,
    next: Option<String>,
    /// The zones that did not answer; their objects are missing.
    silent: Vec<String>,
}

impl Client {
    /// Fetches all pages of a list. A zone that does not answer fails it: what is there
    /// must not count as gone.
    async fn pages<T, F>(
        &self,
        call: &Call,
        fetch: impl Fn(Option<String>) -> F,
    ) -> Result<Vec<T>, ProviderError>
    where
        F: Future<Output = google_cloud_gax::Result<Page<T>>>,
    {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let page = self.call(call, || fetch(token.clone())).await?;
            if !page.silent.is_empty() {
                return Err(silent(call, &page.silent));
            }
            all.extend(page.objects);
            token = page.next.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// Makes a call that begins an operation, and waits until that has ended well.
    pub(super) async fn done<F>(
        &self,
        call: &Call,
        within: Duration,
        send: impl Fn() -> F,
    ) -> Result<(), ProviderError>
    where
        F: Future<Output = google_cloud_gax::Result<Operation>>,
    {
        let operation = self.call(call, send).await?;
        self.finish(call, operation, within).await?;
        Ok(())
    }

    /// Makes a call that begins a deletion, and waits for its end; what is gone already
    /// is gone.
    async fn deleted<F>(
        &self,
        call: &Call,
        within: Duration,
        send: impl Fn() -> F,
    ) -> Result<(), ProviderError>
    where
        F: Future<Output = google_cloud_gax::Result<Operation>>,
    {
        let operation = match self.call(call, send).await {
            Err(error) if error.status() == Some(404) => return Ok(()),
            begun => begun?,
        };
        match self.finish(call, operation, within).await {
            Err(OperationError::Failed { refusal, .. })
                if refusal.kind() == ProviderErrorKind::NotFound =>
            {
                Ok(())
            }
            ended => Ok(ended.map(drop)?),
        }
    }
}

fn silent(call: &Call, zones: &[String]) -> ProviderError {
    let message = format!(
        "Google Cloud could not {} completely: {} did not answer. Try again later.",
        call.purpose,
        zones.join(", ")
    );
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}
