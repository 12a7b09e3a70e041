//! What sandplan asks of a platform that sandboxes run on.
//!
//! The first group of [`Provider`]'s methods is pure and may be called while
//! planning; the second reaches the platform. What only some platforms can do
//! is a trait of its own ([`Exec`], [`Files`], [`Ports`], [`Snapshots`]). A new platform
//! is one folder here and one line in [`registry`].

#[cfg(feature = "aws")]
pub mod aws;
pub mod cloud;
pub mod copy;
#[cfg(feature = "gcp")]
pub mod gcp;
pub mod guest;
#[cfg(feature = "hetzner")]
pub mod hetzner;
pub mod local;
pub mod name;
pub mod network;
pub mod portable;
pub mod price;
pub mod registry;
pub mod sandbox;
pub mod settings;
pub mod shell;
pub mod size;
pub mod snapshot;
pub mod ssh_key;
pub mod toolchain;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use crate::address::{Address, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::object::{
    OperationId, Ownership, ProviderRef, RemoteId, RemoteObject, SshAccess, StepFailure, StepRecord,
};
use crate::schema::ResourceSchema;
use crate::value::{AttributePath, Value};

/// A platform that sandboxes run on.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Returns the configured provider's name: `local`, `hetzner.eu`.
    fn name(&self) -> &ProviderRef;

    /// Returns the shape of a resource type; nothing where the platform lacks it.
    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema>;

    /// Says what the platform can do.
    fn capabilities(&self) -> Capabilities;

    /// Checks what the schema cannot say; each problem carries a range where
    /// `config.range_of` knows one. Unknown values are not complained of.
    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics;

    /// Says how a change would be carried out. Pure: the same change, the same answer.
    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange;

    /// Says whose account it is, and checks that the platform can be used from here.
    async fn whoami(&self) -> Result<Account, ProviderError>;

    /// Checks that the platform can be used from here. A platform that has answered this
    /// run already need not be asked again.
    async fn check(&self) -> Result<(), ProviderError> {
        self.whoami().await.map(drop)
    }

    /// Returns how long what was sent may still happen after its sender has ended.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// Tells what is going to be planned, before `prepare`: the arguments of sandboxes, as
    /// far as they are known, and the attributes of those that exist. Asked only of
    /// platforms that `expects` it.
    fn expect(&self, _sandboxes: &[Value]) {}

    /// Tells whether `prepare` fetches only what is going to be planned.
    fn expects(&self) -> bool {
        false
    }

    /// Fetches what `validate` and `plan` need to know of the platform, such as its
    /// sizes and prices. Called before planning; without it the two say less.
    async fn prepare(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Lists all objects of a type that carry our labels, by pages.
    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError>;

    /// Reads one object; nothing when it is gone.
    async fn read(
        &self,
        kind: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError>;

    /// Makes an object that exists ours, so that `list` has it from now on; its user's
    /// own labels stay. Returns nothing when it is gone.
    async fn adopt(
        &self,
        kind: ResourceType,
        id: &RemoteId,
        _ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        self.read(kind, id).await
    }

    /// Makes an object and waits until the platform calls it running. Calling it
    /// again with the same operation id never makes a second one.
    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError>;

    /// Changes a living object in place.
    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError>;

    /// Deletes an object; one that is gone already is a success.
    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError>;

    /// Runs what is pending of files, syncs, steps and probes, in order, and stops at
    /// the first that fails. Each finished step goes to the reporter at once.
    async fn provision(&self, request: ProvisionRequest)
    -> Result<ProvisionOutcome, ProviderError>;

    /// Ends what calls that were dropped have left running. Called before the process ends.
    async fn close(&self) {}

    /// Returns the ability to run commands in a sandbox.
    fn exec(&self) -> Option<&dyn Exec> {
        None
    }

    /// Returns the ability to copy files into and out of a sandbox.
    fn files(&self) -> Option<&dyn Files> {
        None
    }

    /// Returns the ability to bring ports of a sandbox to this machine.
    fn ports(&self) -> Option<&dyn Ports> {
        None
    }

    /// Says how any SSH client reaches a sandbox; nothing where no SSH server runs in
    /// it, or where its address is not known yet.
    fn ssh(&self, _machine: &Machine) -> Option<SshAccess> {
        None
    }

    /// Returns the ability to save and restore a sandbox's disk.
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}

/// What a plan may ask of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The arguments and blocks of a sandbox that the platform honours.
    pub honours: Vec<&'static str>,
    /// Who ends a sandbox whose TTL has passed.
    pub ttl: TtlEnforcement,
    /// Calls in flight at once where the configuration does not say.
    pub default_parallel: usize,
}

/// Who ends a sandbox whose TTL has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TtlEnforcement {
    /// The platform itself.
    Provider,
    /// The guest shuts itself down.
    Guest,
    /// `sandplan expire -apply`, from cron.
    Expire,
}

/// A resource's configuration as the plan sees it, possibly with unknown parts.
pub struct ResourceConfig<'a> {
    pub address: &'a Address,
    pub kind: ResourceType,
    pub attributes: &'a Value,
    /// Where an attribute stands in the file.
    pub range_of: &'a dyn Fn(&str) -> Option<crate::diagnostic::SourceRange>,
}

/// A desired change of a living object, or a creation where `before` is missing.
pub struct ProposedChange<'a> {
    pub kind: ResourceType,
    pub before: Option<&'a Value>,
    /// The merged desired attributes; computed ones are unknown or as before.
    pub after: &'a Value,
    /// The top-level arguments that differ.
    pub changed: &'a [AttributePath],
    /// The provisioning steps done so far.
    pub done: &'a [StepRecord],
}

/// How a platform would carry out a change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlannedChange {
    /// The changed arguments that need a new object; empty means in place.
    pub requires_replace: Vec<AttributePath>,
    /// The platform can give the same object a new disk instead of a replacement.
    pub rebuild: bool,
    /// Attributes of the living object that are not as unchanged arguments ask:
    /// a size that somebody changed by hand. Each is a reason to update.
    pub drifted: Vec<AttributePath>,
    /// `update` has to be called; false when only provisioning changes.
    pub update: bool,
    /// The provisioning steps to run after creation or update, by name.
    pub provision: Vec<String>,
    /// Computed attributes that only apply will know. Of a creation, none means
    /// all of them, and those that are not named stay absent.
    pub unknown: Vec<Arc<str>>,
    /// Computed attributes whose value is known already, such as a price.
    pub known: Vec<(Arc<str>, Value)>,
    /// Said beside the change, such as "will be powered off".
    pub notes: Vec<String>,
    /// What a sandbox will cost; nothing where nobody can say, or it is free.
    pub price: Option<price::Price>,
    /// Why the change cannot be made; any refuses the plan. What is wrong whether
    /// or not anything changes is for `validate` to say.
    pub refused: Vec<Refusal>,
}

/// Why a change cannot be made: a type that is no longer sold.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The argument that asks for it; the planner adds where it stands.
    pub argument: Arc<str>,
    pub problem: Diagnostic,
}

/// The account behind a provider's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// One line: who, and where.
    pub summary: String,
    /// Further facts, as `name: value` lines.
    pub details: Vec<(String, String)>,
}

/// Asks for all objects of a type with our labels.
#[derive(Debug, Clone)]
pub struct ListRequest {
    pub kind: ResourceType,
    /// Only this project's; nothing means every project's.
    pub project: Option<String>,
}

/// Asks for a new object.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    pub operation: OperationId,
    pub kind: ResourceType,
    /// The labels that the object must carry; the expiry is in there.
    pub ownership: Ownership,
    /// All arguments, wholly known; sensitive ones are readable here.
    pub attributes: Value,
    pub reporter: Reporter,
}

/// Asks for a change in place.
#[derive(Debug, Clone)]
pub struct UpdateRequest {
    pub operation: OperationId,
    pub kind: ResourceType,
    pub remote_id: RemoteId,
    /// The labels that the object must carry afterwards.
    pub ownership: Ownership,
    pub before: Value,
    pub attributes: Value,
    /// The top-level arguments that differ.
    pub changed: Vec<AttributePath>,
    pub reporter: Reporter,
}

/// Asks for a deletion.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    pub operation: OperationId,
    pub kind: ResourceType,
    pub remote_id: RemoteId,
    pub reporter: Reporter,
}

/// Asks to run what is pending of a sandbox's provisioning.
#[derive(Debug, Clone)]
pub struct ProvisionRequest {
    pub operation: OperationId,
    pub remote_id: RemoteId,
    /// All arguments, wholly known; sensitive ones are readable here.
    pub attributes: Value,
    /// The steps done before, in order.
    pub done: Vec<StepRecord>,
    /// The directory that relative host paths (of `sync`) start from.
    pub base_dir: PathBuf,
    pub reporter: Reporter,
}

/// How provisioning ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ProvisionOutcome {
    /// Every step and probe passed.
    Ready,
    Failed(StepFailure),
}

/// What a running call tells the loop before it is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The platform has given an id; the loop writes it down at once.
    RemoteId(RemoteId),
    /// What the call is doing now: "waiting for ssh", "step install".
    Phase(String),
    /// A provisioning step has ended; the loop writes it down.
    Step(StepRecord),
    /// A line of a step's output.
    Output { step: String, line: String },
    /// Computed attributes that have become known or have changed; the loop writes
    /// them down at once.
    Attributes(Vec<(Arc<str>, Value)>),
    /// From here on the call only waits for the platform: its slot is free for another.
    Waiting,
}

/// The way by which a running call reports. Cheap to clone; never blocks.
#[derive(Debug, Clone)]
pub struct Reporter {
    operation: OperationId,
    channel: UnboundedSender<(OperationId, Report)>,
}

impl Reporter {
    /// Makes the reporter of one operation.
    pub fn new(operation: OperationId, channel: UnboundedSender<(OperationId, Report)>) -> Self {
        Self { operation, channel }
    }

    /// Makes a reporter whose reports nobody reads.
    pub fn silent() -> Self {
        let (channel, _) = tokio::sync::mpsc::unbounded_channel();
        Self::new(OperationId::from(""), channel)
    }

    /// Returns a reporter to the same reader, of another operation.
    pub fn of(&self, operation: OperationId) -> Self {
        Self { operation, channel: self.channel.clone() }
    }

    /// Sends a report; a loop that has ended no longer listens, which is no error.
    pub fn send(&self, report: Report) {
        let _ = self.channel.send((self.operation.clone(), report));
    }

    /// Says that from here on the call only waits for the platform.
    pub fn waiting(&self) {
        self.send(Report::Waiting);
    }

    /// Says what the call is doing now.
    pub fn phase(&self, phase: impl Into<String>) {
        self.send(Report::Phase(phase.into()));
    }
}

/// Why a platform refused or could not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    pub kind: ProviderErrorKind,
    /// Whether the call may have changed the platform.
    pub committed: Committed,
    /// Full sentences for the user: what happened, and what to do.
    pub message: String,
    pub retry_after: Option<Duration>,
}

/// The kinds of failure that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderErrorKind {
    NotFound,
    AlreadyExists,
    /// Credentials are missing or were refused.
    Denied,
    /// A machine is not the one that is known; nothing was sent to it.
    Untrusted,
    QuotaExceeded,
    NoCapacity,
    RateLimited,
    /// The platform does not accept the request as it is.
    Rejected,
    Unavailable,
}

/// Whether a failed call may have changed the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    No,
    /// An object exists, but is not as asked.
    Partially(RemoteId),
    /// Nobody knows; recovery looks the operation up.
    Unknown,
}

impl ProviderError {
    /// Makes an error of a call that changed nothing.
    pub fn new(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        Self { kind, committed: Committed::No, message: message.into(), retry_after: None }
    }

    /// Says what the call may have left behind.
    pub fn committed(self, committed: Committed) -> Self {
        Self { committed, ..self }
    }
}

impl ProviderErrorKind {
    /// Returns which exit code the failure has.
    pub fn failure(self) -> Failure {
        match self {
            Self::Denied => Failure::Credentials,
            Self::QuotaExceeded | Self::NoCapacity => Failure::NoCapacity,
            _ => Failure::Error,
        }
    }
}

/// Where a command's input comes from and its output goes.
pub enum ExecIo {
    /// This process's own standard streams.
    Inherit,
    /// No input; both outputs are collected, each line also sent on as it comes.
    Capture(Option<UnboundedSender<String>>),
    /// The bytes are its input; its outputs are collected.
    Feed(Vec<u8>),
    /// Both are streamed, whatever their size; only standard error is collected.
    Stream {
        input: Box<dyn tokio::io::AsyncRead + Send + Unpin>,
        output: Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    },
}

/// A sandbox to reach, and as whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub remote_id: RemoteId,
    /// What the state knows of it, such as its address and pinned host key, so that
    /// reaching it need not cost a call to the platform.
    pub attributes: Value,
    /// Commands run as root, to change the system; else as the sandbox's own user.
    /// A platform with only one user ignores it.
    pub as_root: bool,
}

impl Machine {
    /// Names a sandbox of which nothing but the id is known.
    pub fn of(remote_id: impl Into<RemoteId>) -> Self {
        Self { remote_id: remote_id.into(), attributes: Value::null(), as_root: false }
    }

    /// Returns the same machine, reached as root.
    pub fn as_root(&self) -> Self {
        Self { as_root: true, ..self.clone() }
    }
}

/// A command to run in a sandbox.
pub struct ExecRequest {
    pub machine: Machine,
    /// The command and its arguments; never empty.
    pub argv: Vec<String>,
    /// Added to the sandbox's own environment.
    pub env: BTreeMap<String, String>,
    /// The directory to start in; the home directory when absent.
    pub workdir: Option<String>,
    /// Ends the command; its exit code is then 124.
    pub timeout: Option<Duration>,
    pub io: ExecIo,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecOutcome {
    /// The command's own exit code; 128 + n when signal n ended it.
    pub code: i32,
    /// What it wrote, when captured.
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Asks for an interactive shell.
#[derive(Debug, Clone)]
pub struct ConsoleRequest {
    pub machine: Machine,
    /// The kind of this process's terminal, as in `TERM`.
    pub term: String,
}

/// Runs commands in a sandbox.
#[async_trait]
pub trait Exec: Send + Sync {
    /// Runs a command and waits for it. An error means that it could not be started.
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError>;

    /// Opens an interactive login shell on this process's terminal; returns its exit
    /// code. Where standard input is no terminal, the shell reads its commands from it.
    async fn console(&self, request: ConsoleRequest) -> Result<i32, ProviderError>;
}

/// Copies files into and out of a sandbox.
#[async_trait]
pub trait Files: Send + Sync {
    /// Copies a file or a directory from this machine to a path in the sandbox,
    /// with `cp -r`'s rules for a destination that is a directory.
    async fn upload(
        &self,
        machine: &Machine,
        from: &std::path::Path,
        to: &str,
    ) -> Result<(), ProviderError>;

    /// Copies a file or a directory out of the sandbox.
    async fn download(
        &self,
        machine: &Machine,
        from: &str,
        to: &std::path::Path,
    ) -> Result<(), ProviderError>;
}

/// Brings ports of a sandbox to this machine.
#[async_trait]
pub trait Ports: Send + Sync {
    /// Serves a listener: each connection to it becomes one to a port of the sandbox.
    /// What is wrong with a single connection is told by `problems`. Ends only with an error.
    async fn forward(
        &self,
        machine: &Machine,
        from: tokio::net::TcpListener,
        to: u16,
        problems: UnboundedSender<String>,
    ) -> Result<(), ProviderError>;
}

/// A saved disk.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SnapshotInfo {
    pub id: RemoteId,
    pub name: String,
    pub sandbox: RemoteId,
    pub created_at: Timestamp,
    pub bytes: u64,
}

/// Saves and restores a sandbox's disk.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Saves the sandbox's files under a name.
    async fn snapshot(&self, id: &RemoteId, name: &str) -> Result<SnapshotInfo, ProviderError>;

    /// Tells whether what was saved can be put back into the sandbox; else a new one can
    /// begin with it (`from`).
    fn restores(&self) -> bool {
        true
    }

    /// Puts a sandbox's files back to what was saved.
    async fn restore(&self, id: &RemoteId, snapshot: &str) -> Result<(), ProviderError>;

    /// Lists what is saved of a sandbox, oldest first.
    async fn snapshots(&self, id: &RemoteId) -> Result<Vec<SnapshotInfo>, ProviderError>;
}
