//! The façade that the command line calls: a directory's configuration, its
//! providers and its state, and what can be done with them.
//!
//! The engine prints nothing and asks nothing; it returns values and emits
//! events. It knows the environment only through [`Environment`].

mod operate;
mod outages;
mod providers;
mod reach;
pub mod saved;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::config::check::check_all;
use crate::config::inputs::{self, Inputs};
use crate::config::{Config, load};
use crate::diagnostic::{Diagnostic, Diagnostics, Sources};
use crate::event::EventStream;
use crate::graph::{Context, Desired, DigestOf, Stays};
use crate::object::{Prior, ProviderRef, State};
use crate::plan::{self, Plan, PlanInputs, PlanOptions, ProviderSet};
use crate::provider::portable;
use crate::provision::Manifest;
use crate::refresh::{RefreshInputs, refresh};
use crate::schema;
use crate::state::Store;

pub use crate::apply::{OnFailure, Stop};
pub use crate::graph::{Node, Overrides};
pub use crate::provider::sandbox::{Port as SandboxPort, Sandbox};
pub use crate::provider::{ConsoleRequest, ExecIo, ExecRequest, Machine, SnapshotInfo};
pub use operate::{ApplyOptions, Session};
pub use reach::{Expired, Findings, is_locked};
pub use target::Target;

/// The time, as the engine is told it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub use crate::provider::registry::Registry;
pub use crate::provider::settings::Variable;

/// Says something to the user at once.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// What the engine takes from its surroundings.
#[derive(Clone)]
pub struct Environment {
    /// The directory of the configuration; all relative paths start there.
    pub directory: PathBuf,
    /// Where `local` keeps its sandboxes: `$XDG_DATA_HOME/sandplan`.
    pub data_home: PathBuf,
    pub inputs: Inputs,
    pub overrides: Overrides,
    pub clock: Clock,
    /// Reads a variable of the process's environment, such as a provider's token.
    pub variable: Variable,
    /// Says what a provider waits for while it is asked what there is.
    pub notice: Notice,
    /// The platforms that there are.
    pub registry: Registry,
}

/// Where the state is when the configuration does not say.
const STATE_PATH: &str = ".sandplan/state.db";

/// A directory's configuration with its providers and its state.
pub struct Project {
    pub desired: Desired,
    pub providers: ProviderSet,
    environment: Environment,
    state_path: PathBuf,
}

/// How completely a configuration has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Every variable has a value.
    Complete,
    /// Variables may be without value, as `validate` reads it.
    Lenient,
    /// There may be no configuration at all, and a broken one counts as none:
    /// for commands that only need the state.
    Optional,
}

/// A loaded project with the warnings that loading gave.
pub type Loaded = Result<(Project, Diagnostics), Diagnostics>;

impl Project {
    /// Reads the configuration and makes its providers. The texts come back also
    /// when there are problems, so that these can be drawn.
    pub fn load(environment: &Environment, strictness: Strictness) -> (Sources, Loaded) {
        let load::Loaded { mut sources, config, mut problems, is_complete } =
            load::load(&environment.directory);
        if is_complete {
            problems.extend(check_all(
                &config,
                portable::schema,
                &own_blocks(&environment.registry),
            ));
            problems.extend(Desired::check(&config));
        }
        let settings = config.settings.clone();
        let lenient = strictness == Strictness::Lenient;
        let loaded = problems
            .into_result(config)
            .and_then(|config| Self::with(config, environment, lenient, &mut sources));
        match (loaded, strictness) {
            (Err(_), Strictness::Optional) => {
                let directory = environment.directory.clone();
                let config = Config { directory, settings, ..Config::default() };
                let loaded = Self::with(config, environment, true, &mut sources);
                (sources, loaded)
            }
            (loaded, _) => (sources, loaded),
        }
    }

    fn with(
        config: Config,
        environment: &Environment,
        lenient: bool,
        sources: &mut Sources,
    ) -> Loaded {
        let directory = &environment.directory;
        let (variables, warnings) =
            inputs::assign(&config.variables, &environment.inputs, directory, sources, lenient)?;
        let base_dir = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        let digest_dir = base_dir.clone();
        let context = Context {
            base_dir,
            now: (environment.clock)(),
            digest: remembered(move |from, exclude| digest(&digest_dir, from, exclude)),
            lenient,
        };
        let state_path =
            directory.join(config.settings.state_path.as_deref().unwrap_or(Path::new(STATE_PATH)));
        let desired = Desired::build(config, variables, &environment.overrides, context)?;
        let providers = providers::build(&desired, environment)?;
        let environment = environment.clone();
        Ok((Self { desired, providers, environment, state_path }, warnings))
    }

    /// Returns where the state's database is.
    pub fn state_path(&self) -> &Path {
        &self.state_path
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        (self.environment.clock)()
    }

    /// Reads the state; an empty one where there is none yet. Writes nothing.
    pub fn read_state(&self) -> Result<State, Diagnostics> {
        Store::read_at(&self.state_path).map_err(|error| error.diagnostic().into())
    }

    /// Says which operations an earlier run left open, for commands that only read.
    pub fn open_operations(&self) -> Result<Diagnostics, Diagnostics> {
        let fail = |error: crate::state::StateError| Diagnostics::from(error.diagnostic());
        let Some(store) = Store::open_existing_read_only(&self.state_path).map_err(fail)? else {
            return Ok(Diagnostics::new());
        };
        let is_running = store.is_locked();
        let open = store.open_operations().map_err(fail)?;
        let names: Vec<String> = open
            .iter()
            .map(|operation| format!("{} of {}", operation.kind.as_str(), operation.key.address))
            .collect();
        Ok(open_warning(&names, is_running).into_iter().collect())
    }

    /// Asks the platforms what is alive; those that cannot be asked are in the prior.
    /// `everywhere` asks also those of which the state has nothing.
    pub async fn refresh(
        &self,
        state: State,
        everywhere: bool,
        events: &mut EventStream,
    ) -> Result<Prior, Diagnostics> {
        let ask = if everywhere { self.ask() } else { BTreeSet::new() };
        let inputs = RefreshInputs {
            state,
            project: &self.desired.project,
            providers: &self.providers,
            ask: &ask,
        };
        refresh(inputs, events).await
    }

    /// Lists the providers that this configuration uses or configures, as far as that can
    /// be told without a state.
    fn ask(&self) -> BTreeSet<ProviderRef> {
        let schema_of = |provider: &ProviderRef, kind| self.providers.get(provider)?.schema(kind);
        let used = self.desired.providers_used(&schema_of, &Stays::new());
        let configured = self.desired.config.providers.iter().map(|block| ProviderRef {
            platform: block.platform.clone(),
            alias: block.alias.clone(),
        });
        let default = std::iter::once(self.desired.default_provider.clone());
        let all = configured.chain(default).chain(used);
        all.filter(|name| self.providers.contains_key(name)).collect()
    }

    fn plan_offline(&self, prior: &Prior, options: &PlanOptions) -> Result<Plan, Diagnostics> {
        plan::plan(&PlanInputs {
            desired: &self.desired,
            prior,
            providers: &self.providers,
            options,
            now: self.now(),
        })
    }

    /// Checks the whole configuration, as far as that goes without any platform:
    /// it plans against an empty state.
    pub fn validate(&self) -> Result<Diagnostics, Diagnostics> {
        let prior = Prior::unrefreshed(State::empty("validate".into()));
        let options = PlanOptions { has_prices: false, ..PlanOptions::default() };
        self.plan_offline(&prior, &options).map(|plan| plan.warnings)
    }
}

/// Lists the platforms whose own blocks a sandbox may hold: those of this build, and
/// those of other builds that a portable file serves as well.
fn own_blocks(registry: &Registry) -> Vec<&'static str> {
    let others = schema::PLATFORMS.into_iter().filter(|name| !registry.knows(name));
    registry.names().chain(others).collect()
}

/// Asks for each digest only once: a thousand sandboxes may share a directory, and
/// all are to be planned with the same content.
fn remembered(
    digest: impl Fn(&str, &[String]) -> Result<String, String> + Send + Sync + 'static,
) -> Arc<DigestOf> {
    type Known = BTreeMap<(String, Vec<String>), Result<String, String>>;
    let known = Mutex::new(Known::new());
    Arc::new(move |from: &str, exclude: &[String]| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (from.to_owned(), exclude.to_vec());
        known.entry(key).or_insert_with(|| digest(from, exclude)).clone()
    })
}

fn digest(base_dir: &Path, from: &str, exclude: &[String]) -> Result<String, String> {
    let path = base_dir.join(from);
    let manifest = Manifest::of(&path, exclude).map_err(|error| error.to_string())?;
    Ok(manifest.digest())
}

fn open_warning(names: &[String], is_running: bool) -> Option<Diagnostic> {
    let list = listed(names)?;
    let detail = match is_running {
        true => format!(
            "Another sandplan is working on this state: {list}. What is shown may be about to change."
        ),
        false => format!(
            "An earlier run ended before it knew the end of: {list}. The next apply finds out by itself."
        ),
    };
    Some(Diagnostic::warning("open-operation", "Operations without an end").detail(detail))
}

/// Lists names, and counts those beyond the fifth; nothing for none.
fn listed(names: &[String]) -> Option<String> {
    const SHOWN: usize = 5;
    let shown = names.get(..names.len().min(SHOWN)).filter(|shown| !shown.is_empty())?.join(", ");
    Some(match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    })
}
