//! What the loop is about to write: collected between two commits, so that all
//! that came together lands in one transaction.

use jiff::Timestamp;

use crate::address::Address;
use crate::object::{DeposedKey, Object, ObjectKey, OperationId, RemoteId, StepRecord};
use crate::state::{Batch, Ending, NewOperation, StateError};

/// One write.
#[derive(Debug)]
pub(super) enum Write {
    Begin(Box<NewOperation>),
    RemoteId(OperationId, RemoteId),
    End(OperationId, Ending),
    Put(Box<Object>),
    Remove(ObjectKey),
    Depose(Address, DeposedKey),
    Restore(Address, DeposedKey),
    Step(ObjectKey, StepRecord),
}

impl Write {
    /// Writes it into a batch.
    pub(super) fn apply(&self, batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StateError> {
        match self {
            Self::Begin(operation) => batch.begin(operation),
            Self::RemoteId(operation, id) => batch.set_remote_id(operation, id),
            Self::End(operation, ending) => batch.end(operation, ending, now),
            Self::Put(object) => batch.put(object),
            Self::Remove(key) => batch.remove(key),
            Self::Depose(address, key) => batch.depose(address, key),
            Self::Restore(address, key) => batch.restore(address, key),
            Self::Step(key, record) => batch.record_step(key, record),
        }
    }
}
