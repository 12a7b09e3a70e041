//! What commands ask of living sandboxes and of the platforms, without the state's lock.

use std::collections::BTreeMap;
use std::path::Path;

use hcl::edit::expr::Expression;
use jiff::Timestamp;

use super::{Project, Session, Target};
use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, Source};
use crate::object::{Drift, Object, OperationId, Prior, ProviderRef, RemoteObject, SshAccess};
use crate::provider::{
    Account, DeleteRequest, Exec, Files, ListRequest, Ports, Provider, ProviderError, Reporter,
    Snapshots,
};
use crate::value::Value;

/// What `drift` found.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    pub drift: Vec<Drift>,
    /// What carries our labels and is in no state.
    pub orphans: Vec<(ProviderRef, RemoteObject)>,
    /// What is past its TTL.
    pub expired: Vec<Object>,
}

impl Findings {
    /// Tells whether all is as the state says.
    pub fn is_clean(&self) -> bool {
        self.drift.is_empty() && self.orphans.is_empty() && self.expired.is_empty()
    }
}

/// An object past its TTL, by its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Expired {
    pub provider: ProviderRef,
    pub kind: ResourceType,
    pub object: RemoteObject,
    pub expires_at: Timestamp,
}

impl Project {
    /// Returns the directory that relative paths start from, absolute.
    pub fn base_dir(&self) -> &Path {
        self.desired.base_dir()
    }

    /// Returns the label by which objects belong to this configuration.
    pub fn label(&self) -> &str {
        &self.desired.project
    }

    /// Lists the providers that the configuration uses.
    pub fn used_providers(&self) -> Vec<ProviderRef> {
        self.ask().into_iter().collect()
    }

    /// Returns the calls in flight that each provider's block allows.
    pub fn provider_parallel(&self) -> BTreeMap<ProviderRef, usize> {
        let evaluation = self.desired.evaluate(&|_, _| None);
        let blocks = self.desired.config.providers.iter();
        blocks
            .filter_map(|block| {
                let settings = evaluation.provider_settings(block).ok()?;
                let parallel = settings.get("parallel")?.as_number()?.to_u64()?;
                let name =
                    ProviderRef { platform: block.platform.clone(), alias: block.alias.clone() };
                Some((name, usize::try_from(parallel).ok()?.max(1)))
            })
            .collect()
    }

    /// Says whose account a provider uses.
    pub async fn whoami(&self, name: &ProviderRef) -> Result<Account, Diagnostics> {
        let Some(provider) = self.providers.get(name) else { return Err(lacking(name, "").into()) };
        provider.whoami().await.map_err(|error| unusable(name, &error).into())
    }

    /// Returns the ability to run commands where a sandbox is.
    pub fn exec(&self, target: &Target) -> Result<&dyn Exec, Diagnostics> {
        let provider = self.providers.get(&target.provider);
        provider
            .and_then(|p| p.exec())
            .ok_or_else(|| lacking(&target.provider, "run commands").into())
    }

    /// Returns the ability to copy files where a sandbox is.
    pub fn files(&self, target: &Target) -> Result<&dyn Files, Diagnostics> {
        let provider = self.providers.get(&target.provider);
        provider
            .and_then(|p| p.files())
            .ok_or_else(|| lacking(&target.provider, "copy files").into())
    }

    /// Returns the ability to bring ports here from where a sandbox is.
    pub fn ports(&self, target: &Target) -> Result<&dyn Ports, Diagnostics> {
        let provider = self.providers.get(&target.provider);
        provider
            .and_then(|p| p.ports())
            .ok_or_else(|| lacking(&target.provider, "forward ports").into())
    }

    /// Says how any SSH client reaches a sandbox.
    pub fn ssh(&self, target: &Target) -> Option<SshAccess> {
        self.providers.get(&target.provider)?.ssh(&target.machine)
    }

    /// Returns the ability to save disks where a sandbox is.
    pub fn snapshots(&self, target: &Target) -> Result<&dyn Snapshots, Diagnostics> {
        let provider = self.providers.get(&target.provider);
        provider
            .and_then(|p| p.snapshots())
            .ok_or_else(|| lacking(&target.provider, "save snapshots").into())
    }

    /// Puts a failed call into words.
    pub fn call_failed(&self, target: &Target, error: &ProviderError) -> Diagnostics {
        Diagnostic::error("call-failed", "The sandbox could not do it")
            .detail(error.message.clone())
            .address(&target.object.address)
            .failure(error.kind.failure())
            .into()
    }

    /// Evaluates an expression with the configuration's variables and locals.
    pub fn evaluate(&self, expr: &Expression, source: &Source) -> Result<Value, Diagnostics> {
        let schema_of = |provider: &ProviderRef, kind| self.providers.get(provider)?.schema(kind);
        let state = self.read_state()?;
        self.desired.evaluate_in(expr, source, (&schema_of, &state))
    }

    /// Sorts what refresh found into what a report tells.
    pub fn findings(&self, prior: &Prior) -> Findings {
        let now = self.now();
        let expired = prior.objects.iter().filter_map(|object| {
            let is_over = object.expires_at().is_some_and(|at| at <= now);
            (is_over && object.deposed.is_none()).then(|| object.clone())
        });
        Findings {
            drift: prior.drift.clone(),
            orphans: prior.orphans.clone(),
            expired: expired.collect(),
        }
    }

    /// Warns of objects that carry our labels and are in no state.
    pub fn orphan_warnings(&self, prior: &Prior) -> Diagnostics {
        let names: Vec<String> = prior
            .orphans
            .iter()
            .map(|(provider, object)| {
                let owner = object.ownership.as_ref().map(|owner| format!(" as {}", owner.address));
                format!("`{}` on {provider}{}", object.name, owner.unwrap_or_default())
            })
            .collect();
        let Some(list) = super::listed(&names) else { return Diagnostics::new() };
        Diagnostic::warning("orphan", "Objects without a row in the state")
            .detail(format!(
                "These carry this project's labels and are in no state: {list}. `sandplan state recover` takes them back into it; `sandplan expire -apply` destroys them when their TTL is over."
            ))
            .into()
    }

    /// Lists what is past its TTL by its labels: this project's, or every
    /// project's where there is no configuration. All platforms are asked at once;
    /// the problems say which ones could not be.
    pub async fn expired(&self) -> Result<(Vec<Expired>, Diagnostics), Diagnostics> {
        let files = crate::config::load::files(&self.desired.config.directory)?;
        let project = (!files.is_empty()).then(|| self.desired.project.clone());
        let mut names = self.ask();
        // The configuration may use another provider by now. It works without a state, too.
        let rows = self.read_state().map(|state| state.objects).unwrap_or_default();
        names.extend(rows.into_iter().map(|object| object.provider));
        let calls = names.iter().filter_map(|name| {
            Some(self.expired_of((name, self.providers.get(name)?.as_ref()), project.as_deref()))
        });
        let mut expired = Vec::new();
        let mut problems = Diagnostics::new();
        for found in futures_util::future::join_all(calls).await {
            expired.extend(problems.absorb(found).unwrap_or_default());
        }
        Ok((expired, problems))
    }

    async fn expired_of(
        &self,
        (name, provider): (&ProviderRef, &dyn Provider),
        project: Option<&str>,
    ) -> Result<Vec<Expired>, Diagnostics> {
        let now = self.now();
        let mut expired = Vec::new();
        for kind in ResourceType::ALL.into_iter().filter(|k| provider.schema(*k).is_some()) {
            let request = ListRequest { kind, project: project.map(str::to_owned) };
            let objects = provider.list(request).await.map_err(|error| unlisted(name, &error))?;
            expired.extend(objects.into_iter().filter_map(|object| {
                let expires_at = object.ownership.as_ref()?.expires_at?;
                let provider = name.clone();
                (expires_at <= now).then_some(Expired { provider, kind, object, expires_at })
            }));
        }
        Ok(expired)
    }

    /// Destroys one expired object, by its id.
    pub async fn destroy_expired(&self, expired: &Expired) -> Result<(), Diagnostics> {
        let Some(provider) = self.providers.get(&expired.provider) else { return Ok(()) };
        let request = DeleteRequest {
            operation: OperationId::from(uuid::Uuid::new_v4().simple().to_string()),
            kind: expired.kind,
            remote_id: expired.object.remote_id.clone(),
            reporter: Reporter::silent(),
        };
        provider.delete(request).await.map_err(|error| {
            Diagnostic::error("expire-failed", "Cannot destroy what has expired")
                .detail(format!("`{}`: {}", expired.object.name, error.message))
                .failure(error.kind.failure())
                .into()
        })
    }
}

impl Session<'_> {
    /// Drops the rows of objects that were destroyed outside of a plan.
    pub fn forget_destroyed(&mut self, destroyed: &[Expired]) -> Result<(), Diagnostics> {
        for object in self.state()?.objects {
            let is_gone = destroyed.iter().any(|d| {
                d.provider == object.provider
                    && d.kind == object.address.kind()
                    && d.object.remote_id == object.remote_id
            });
            if is_gone {
                self.remove(&object.key())?;
            }
        }
        Ok(())
    }
}

fn lacking(name: &ProviderRef, what: &str) -> Diagnostic {
    Diagnostic::error("unsupported-command", "The provider cannot do that").detail(format!(
        "The provider `{name}` cannot {what}, or this configuration does not configure it."
    ))
}

/// Says that nothing can be done with a provider.
pub(super) fn unusable(name: &ProviderRef, error: &ProviderError) -> Diagnostic {
    Diagnostic::error("provider-unusable", "Provider cannot be used")
        .detail(format!("`{name}`: {}", error.message))
        .failure(error.kind.failure())
}

fn unlisted(name: &ProviderRef, error: &ProviderError) -> Diagnostic {
    Diagnostic::error("refresh-failed", "Cannot list")
        .detail(format!("The provider `{name}` could not list its objects: {}", error.message))
        .failure(error.kind.failure())
}

/// What went wrong, when it only means that somebody else holds the lock.
pub fn is_locked(problems: &Diagnostics) -> bool {
    problems.iter().any(|problem| problem.failure == Failure::Locked)
}
