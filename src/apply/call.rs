//! One call to a platform, and what became of it.

use std::sync::Arc;

use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::event::Verb;
use crate::object::RemoteObject;
use crate::provider::{
    CreateRequest, DeleteRequest, Provider, ProviderError, ProviderErrorKind, ProvisionOutcome,
    ProvisionRequest, UpdateRequest,
};
use crate::state::OperationKind;

/// A call that is ready to be made.
#[derive(Debug)]
pub(super) enum Call {
    Create(CreateRequest),
    Update(UpdateRequest),
    Delete(DeleteRequest),
    Provision(ProvisionRequest),
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Answer {
    Made(Result<RemoteObject, ProviderError>),
    Deleted(Result<(), ProviderError>),
    Provisioned(Result<ProvisionOutcome, ProviderError>),
}

impl Call {
    /// Makes the call.
    pub(super) async fn make(self, provider: Arc<dyn Provider>) -> Answer {
        match self {
            Self::Create(request) => Answer::Made(provider.create(request).await),
            Self::Update(request) => Answer::Made(provider.update(request).await),
            Self::Delete(request) => Answer::Deleted(provider.delete(request).await),
            Self::Provision(request) => Answer::Provisioned(provider.provision(request).await),
        }
    }
}

/// Returns the verb that users see for an operation.
pub(super) fn verb(kind: OperationKind) -> Verb {
    match kind {
        OperationKind::Create => Verb::Create,
        OperationKind::Update => Verb::Update,
        OperationKind::Provision => Verb::Provision,
        OperationKind::Delete => Verb::Delete,
    }
}

/// Returns a platform's refusal as users see it.
pub(super) fn refusal(error: &ProviderError, address: &Address) -> Diagnostic {
    let (code, summary) = match error.kind {
        ProviderErrorKind::NotFound => ("provider-not-found", "Object not found"),
        ProviderErrorKind::AlreadyExists => ("provider-already-exists", "Object exists already"),
        ProviderErrorKind::Denied => ("provider-denied", "Credentials refused"),
        ProviderErrorKind::Untrusted => ("provider-untrusted", "Machine not recognised"),
        ProviderErrorKind::QuotaExceeded => ("provider-quota", "Quota exceeded"),
        ProviderErrorKind::NoCapacity => ("provider-no-capacity", "No capacity"),
        ProviderErrorKind::RateLimited => ("provider-rate-limited", "Too many requests"),
        ProviderErrorKind::Rejected => ("provider-rejected", "Request rejected"),
        ProviderErrorKind::Unavailable => ("provider-unavailable", "Provider unavailable"),
    };
    let diagnostic = Diagnostic::error(code, summary).detail(&*error.message);
    diagnostic.address(address).failure(error.kind.failure())
}
