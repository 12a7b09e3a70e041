//! Files and paths. Relative paths are relative to the scope's directory.

use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Type, Value};

const PATH: Parameter = Parameter::new("path", Kind::String);
const IS_STRING: Returns = Returns::Is(Kind::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("abspath", &[PATH], IS_STRING, |call| {
        let path = call.scope.base_dir().join(call.text(0));
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        Ok(Value::from(clean(&path).to_string_lossy().into_owned()))
    }),
    Function::new("basename", &[PATH], IS_STRING, |call| Ok(Value::from(base_name(call.text(0))))),
    Function::new("dirname", &[PATH], IS_STRING, |call| Ok(Value::from(dir_name(call.text(0))))),
    Function::new("file", &[PATH.marked()], IS_STRING, |call| {
        let file = File::of(call)?;
        Ok(Value::from(file.text()?).sensitive_if(file.marked))
    }),
    Function::new("filebase64", &[PATH.marked()], IS_STRING, |call| {
        let file = File::of(call)?;
        Ok(Value::from(STANDARD.encode(file.bytes()?)).sensitive_if(file.marked))
    }),
    Function::new("fileexists", &[PATH.marked()], Returns::Is(Kind::Bool), |call| {
        let file = File::of(call)?;
        Ok(Value::Bool(file.exists()?).sensitive_if(file.marked))
    }),
    Function::new(
        "fileset",
        &[PATH, Parameter::new("pattern", Kind::String)],
        Returns::Is(Kind::Set(&Kind::String)),
        file_set,
    ),
    Function::new("pathexpand", &[PATH], IS_STRING, |call| Ok(Value::from(expand(call.text(0))?))),
];

/// A file that an argument names.
pub(super) struct File {
    path: PathBuf,
    /// The name as it may be shown.
    shown: String,
    pub(super) marked: bool,
}

impl File {
    /// Takes the first argument as a path.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Failure> {
        let (value, marked) = call.arguments[0].unmark();
        let name = value.as_str().unwrap_or_default();
        let path = call.scope.base_dir().join(expand(name)?);
        let shown = if marked { "(sensitive value)".into() } else { format!("{name:?}") };
        Ok(Self { path: clean(&path), shown, marked })
    }

    /// Reads the whole file.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        let failure = |why: String| Failure::argument(0, why);
        match std::fs::metadata(&self.path) {
            Ok(data) if data.is_file() => {}
            Ok(_) => return Err(failure(format!("{} is not a regular file", self.shown))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(failure(format!(
                    "no file exists at {}; functions read files before any resource is created, \
                     so what a resource writes has to be taken from its attributes",
                    self.shown
                )));
            }
            Err(error) => return Err(failure(format!("failed to open {}: {error}", self.shown))),
        }
        std::fs::read(&self.path)
            .map_err(|error| failure(format!("failed to read {}: {error}", self.shown)))
    }

    /// Reads the whole file as UTF-8.
    pub(super) fn text(&self) -> Result<String, Failure> {
        String::from_utf8(self.bytes()?).map_err(|_| {
            format!(
                "{} does not hold UTF-8 text; `filebase64` reads it as it is, and functions such \
                 as `filesha256` take its digest",
                self.shown
            )
            .into()
        })
    }

    fn exists(&self) -> Result<bool, Failure> {
        let shown = &self.shown;
        match std::fs::metadata(&self.path) {
            Ok(data) if data.is_file() => Ok(true),
            Ok(data) if data.is_dir() => {
                Err(Failure::argument(0, format!("{shown} is a directory, not a file")))
            }
            Ok(_) => Err(Failure::argument(0, format!("{shown} is not a regular file"))),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Ok(false),
                _ => Err(format!("failed to stat {shown}: {error}").into()),
            },
        }
    }
}

/// Replaces a leading `~` by the home directory.
fn expand(path: &str) -> Result<String, Failure> {
    let Some(rest) = path.strip_prefix('~') else { return Ok(path.to_owned()) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err("`~` stands for your own home directory only".into());
    }
    match std::env::var("HOME").ok().filter(|home| !home.is_empty()) {
        Some(home) => Ok(format!("{}{rest}", home.trim_end_matches('/'))),
        None => Err("the home directory is not known, as HOME is not set".into()),
    }
}

/// Removes `.`, and `..` with what stands before it, as Go's `filepath.Clean`.
fn clean(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match result.components().next_back() {
                Some(Component::Normal(_)) => {
                    result.pop();
                }
                Some(Component::RootDir) => {}
                _ => result.push(".."),
            },
            other => result.push(other),
        }
    }
    if result.as_os_str().is_empty() { PathBuf::from(".") } else { result }
}

fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

fn dir_name(path: &str) -> String {
    let directory = path.rfind('/').map_or("", |at| &path[..=at]);
    clean(Path::new(directory)).to_string_lossy().into_owned()
}

fn file_set(call: &Call<'_>) -> Result<Value, Failure> {
    let base = clean(&call.scope.base_dir().join(expand(call.text(0))?));
    let pattern = clean(&base.join(call.text(1)));
    let is_plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(MAGIC);
    let root: PathBuf = pattern.components().take_while(is_plain).collect();
    let matcher = globset::GlobBuilder::new(&pattern.to_string_lossy())
        .literal_separator(true)
        .backslash_escape(true)
        .empty_alternates(true)
        .build()
        .map_err(|error| format!("failed to glob pattern {:?}: {error}", call.text(1)))?
        .compile_matcher();
    let depth = pattern.components().count() - root.components().count();
    let is_deep =
        pattern.components().any(|part| part.as_os_str().to_string_lossy().contains("**"));
    let depth = if is_deep { usize::MAX } else { depth };
    let walk = walkdir::WalkDir::new(&root).max_depth(depth);
    let files = walk.into_iter().filter_map(Result::ok);
    let found =
        files.filter(|entry| matcher.is_match(clean(entry.path())) && entry.path().is_file());
    let names = found.map(|entry| Value::from(relative(&clean(entry.path()), &base)));
    Ok(Value::set(Type::String, names.collect::<Vec<_>>()))
}

const MAGIC: [char; 5] = ['*', '?', '[', '{', '\\'];

/// Writes a path relative to a directory, with slashes.
fn relative(path: &Path, to: &Path) -> String {
    let (from, target): (Vec<_>, Vec<_>) = (
        to.components().filter(|part| *part != Component::CurDir).collect(),
        path.components().filter(|part| *part != Component::CurDir).collect(),
    );
    let shared = from.iter().zip(&target).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| "..".to_owned());
    let down = target[shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}
