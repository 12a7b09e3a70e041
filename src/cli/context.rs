//! What every command has: settings derived from the command line and the
//! environment, and the way to report problems.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::args::{Cli, ConfigArgs, GivenBy};
use super::terminal::Terminal;
use crate::config::inputs::{Given, Inputs};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, Sources};
use crate::duration;
use crate::engine::{Environment, Overrides, Project, Registry, Strictness};
use crate::event::EventStream;
use crate::object::State;
use crate::render;

/// How problems are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Voice {
    #[default]
    Text,
    /// One JSON object a line.
    JsonLines,
    /// The command has told them itself.
    Silent,
}

/// What every command has.
pub struct Context {
    pub terminal: Terminal,
    /// In which order values were given.
    order: Vec<GivenBy>,
    directory: PathBuf,
    registry: Registry,
    sources: RefCell<Sources>,
    voice: Cell<Voice>,
    /// A code of its own for sandplan's failures, as `exec` has it.
    own_code: Cell<Option<u8>>,
}

impl Context {
    /// Derives the settings.
    pub fn new(cli: &Cli, order: Vec<GivenBy>, registry: Registry) -> Self {
        Self {
            order,
            terminal: Terminal::of_this_process(cli.no_color),
            directory: cli.chdir.clone().unwrap_or_else(|| PathBuf::from(".")),
            registry,
            sources: RefCell::default(),
            voice: Cell::default(),
            own_code: Cell::default(),
        }
    }

    /// Tells problems as JSON lines from now on.
    pub fn speak_json(&self, json: bool) {
        if json {
            self.voice.set(Voice::JsonLines);
        }
    }

    /// Writes JSON lines from now on, the version first.
    pub fn begin_json_lines(&self, json: bool) {
        self.speak_json(json);
        if json {
            let version = env!("CARGO_PKG_VERSION");
            let line = render::json::version_line(Timestamp::now(), version);
            self.terminal.out(&format!("{line}\n"));
        }
    }

    /// Tells problems as text from now on, on standard error.
    pub fn speak_text(&self) {
        self.voice.set(Voice::Text);
    }

    /// Says that the command has told its problems itself.
    pub fn told(&self) {
        self.voice.set(Voice::Silent);
    }

    /// Sets the exit code of sandplan's own failures, as docker does for `exec`.
    pub fn fail_with(&self, code: u8) {
        self.own_code.set(Some(code));
    }

    /// Returns the exit code of a failure.
    pub fn failure_code(&self, problems: &Diagnostics) -> u8 {
        self.own_code.get().unwrap_or_else(|| super::code_of(problems))
    }

    /// Tells problems, in the command's voice.
    pub fn report(&self, problems: &Diagnostics) {
        if problems.is_empty() {
            return;
        }
        let sources = self.sources.borrow();
        match self.voice.get() {
            Voice::Silent => {}
            Voice::JsonLines => {
                let lines = problems
                    .iter()
                    .map(|problem| render::json::problem_line(problem, &sources, Timestamp::now()));
                self.terminal.out(&lines.map(|line| format!("{line}\n")).collect::<String>());
            }
            Voice::Text => {
                let width = self.terminal.width;
                let style = render::style::Style::new(self.terminal.color_errors);
                let text = render::diagnostic::draw(problems, &sources, style, width);
                self.terminal.say(&text);
            }
        }
    }

    /// Returns the texts that problems may point into.
    pub fn sources(&self) -> Sources {
        self.sources.borrow().clone()
    }

    /// Takes a text for problems to point into, in place of all others.
    pub fn only_source(&self, source: crate::diagnostic::Source) {
        *self.sources.borrow_mut() = Sources::default();
        self.add_source(source);
    }

    /// Remembers a text for problems to point into.
    pub fn add_source(&self, source: crate::diagnostic::Source) {
        self.sources.borrow_mut().add(source);
    }

    /// Returns the directory of the configuration.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Returns a path as typed, from the directory that `-chdir` names.
    pub fn path(&self, path: &std::path::Path) -> PathBuf {
        match self.directory.as_os_str() == "." {
            true => path.to_owned(),
            false => self.directory.join(path),
        }
    }

    /// Gathers what the engine takes from its surroundings.
    pub fn environment(&self, config: &ConfigArgs) -> Result<Environment, Diagnostics> {
        let terminal = self.terminal;
        Ok(Environment {
            directory: self.directory.clone(),
            data_home: data_home(),
            inputs: Inputs { environment: variables(), given: self.given(config)? },
            overrides: Overrides {
                default_provider: config.provider.clone(),
                region: config.region.clone(),
            },
            clock: Arc::new(Timestamp::now),
            variable: Arc::new(|name| std::env::var(name).ok()),
            notice: Arc::new(move |text| terminal.say(&format!("{text}\n"))),
            registry: self.registry.clone(),
        })
    }

    fn given(&self, config: &ConfigArgs) -> Result<Vec<Given>, Diagnostics> {
        let mut files = config.var_files.iter().map(|path| Ok(Given::File(self.path(path))));
        let mut variables = config.vars.iter().map(|text| match text.split_once('=') {
            Some((name, text)) => {
                Ok(Given::Variable { name: name.trim().to_owned(), text: text.to_owned() })
            }
            None => Err(Diagnostics::from(
                Diagnostic::error("usage", "Invalid -var option")
                    .detail(format!("`{text}` must be NAME=VALUE."))
                    .failure(Failure::Usage),
            )),
        });
        let next = |source: &GivenBy| match source {
            GivenBy::File => files.next(),
            GivenBy::Flag => variables.next(),
        };
        self.order.iter().filter_map(next).collect()
    }

    /// Loads the configuration and reports its warnings.
    pub fn load(
        &self,
        config: &ConfigArgs,
        strictness: Strictness,
    ) -> Result<Project, Diagnostics> {
        let (sources, loaded) = Project::load(&self.environment(config)?, strictness);
        *self.sources.borrow_mut() = sources;
        let (project, warnings) = loaded?;
        self.report(&warnings);
        Ok(project)
    }

    /// Loads what commands need that only work on what is alive, and the state.
    pub fn load_state(&self) -> Result<(Project, State), Diagnostics> {
        let provider = std::env::var("SANDPLAN_PROVIDER").ok().filter(|name| !name.is_empty());
        let config = ConfigArgs { provider, ..ConfigArgs::default() };
        let project = self.load(&config, Strictness::Optional)?;
        let state = project.read_state()?;
        Ok((project, state))
    }

    /// Makes an event stream without subscribers.
    pub fn events(&self) -> EventStream {
        EventStream::new(Timestamp::now)
    }

    /// Runs a command's future.
    pub fn block_on<T>(
        &self,
        future: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Result<T, Diagnostics> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        match runtime {
            Ok(runtime) => {
                let result = runtime.block_on(future);
                runtime.shutdown_background();
                result
            }
            Err(error) => Err(Diagnostic::error("runtime", "Cannot start")
                .detail(format!("The system refused what asynchronous calls need: {error}."))
                .into()),
        }
    }
}

/// Reads a duration given on the command line.
pub fn duration_of(text: &str, flag: &str) -> Result<std::time::Duration, Diagnostics> {
    duration::parse(text).ok_or_else(|| {
        Diagnostic::error("usage", format!("Invalid {flag} option"))
            .detail(format!("`{text}` is not a duration such as 30s, 5m or 1h30m."))
            .failure(Failure::Usage)
            .into()
    })
}

fn data_home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_DATA_HOME")
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| set("HOME").unwrap_or_else(|| PathBuf::from("/")).join(".local/share"));
    base.join("sandplan")
}

fn variables() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix("SANDPLAN_VAR_")?.to_owned();
            Some((name, value.to_str()?.to_owned()))
        })
        .collect()
}
