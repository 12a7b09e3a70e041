//! Reads the files of a directory: `sandboxes.hcl` and every `*.sandboxes.hcl`.

use std::path::{Path, PathBuf};

use super::Config;
use super::body::BlockBody;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Sources};
use crate::evaluate::parse_body;

/// The name of the main file.
pub const MAIN_FILE: &str = "sandboxes.hcl";

/// Files longer than this are refused: no one reviews them.
const MAX_BYTES: u64 = 64 << 20;

/// What a directory's files say, as far as they can be read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The texts, for problems to point into.
    pub sources: Sources,
    pub config: Config,
    pub problems: Diagnostics,
    /// Every file could be parsed, so that what seems undeclared is.
    pub is_complete: bool,
}

/// Reads and decodes a directory, and goes on after problems.
pub fn load(directory: &Path) -> Loaded {
    let mut loaded = Loaded {
        config: Config { directory: directory.to_owned(), ..Config::default() },
        ..Loaded::default()
    };
    match configuration_files(directory) {
        Ok(files) => loaded.read_all(&files),
        Err(problems) => loaded.problems = problems,
    }
    loaded
}

impl Loaded {
    fn read_all(&mut self, files: &[PathBuf]) {
        self.is_complete = true;
        for file in files {
            match self.parse(file) {
                Ok(body) => self.problems.extend(self.config.add_file(&body)),
                Err(problems) => {
                    self.is_complete = false;
                    self.problems.extend(problems);
                }
            }
        }
    }

    fn parse(&mut self, file: &Path) -> Result<BlockBody, Diagnostics> {
        let shown = file.strip_prefix(".").unwrap_or(file).display().to_string();
        let source = read(file, shown)?;
        self.sources.add(source.clone());
        let body = parse_body(&source)?;
        Ok(BlockBody::new(&body, &source))
    }
}

fn configuration_files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostics> {
    let files = files(directory)?;
    if files.is_empty() {
        let place = match directory.as_os_str().is_empty() {
            true => "This directory".to_owned(),
            false => format!("The directory `{}`", directory.display()),
        };
        return Err(Diagnostic::error("no-configuration", "No configuration files")
            .detail(format!(
                "{place} holds neither `{MAIN_FILE}` nor any `*.sandboxes.hcl`. Run `sandplan init` to start one, or name another directory with `-chdir=DIR`."
            ))
            .into());
    }
    Ok(files)
}

/// Lists the configuration files of a directory in name order, `sandboxes.hcl` first.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostics> {
    let unreadable = |error: std::io::Error| {
        Diagnostic::error("unreadable-file", "Cannot read the directory")
            .detail(format!("{}: {error}.", directory.display()))
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(or_here(directory)).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if name == MAIN_FILE || (name.ends_with(".sandboxes.hcl") && !name.starts_with('.')) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| (name != MAIN_FILE, name.clone()));
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Lists the files of values of a directory: those that are read by themselves, weakest first.
pub fn value_files(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(or_here(directory))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name == "sandboxes.hclvars" || name.ends_with(".auto.hclvars"))
        .collect();
    names.sort_by_key(|name| (name != "sandboxes.hclvars", name.clone()));
    names.into_iter().map(|name| directory.join(name)).collect()
}

/// Reads one file as UTF-8, under the name that diagnostics show.
pub fn read(path: &Path, shown: String) -> Result<Source, Diagnostics> {
    let fail = |detail: String| {
        Diagnostics::from(
            Diagnostic::error("unreadable-file", "Cannot read the file").detail(detail),
        )
    };
    let length = std::fs::metadata(path).map(|m| m.len()).unwrap_or(0);
    if length > MAX_BYTES {
        return Err(fail(format!("{shown} is {length} bytes long; the limit is {MAX_BYTES}.")));
    }
    let bytes = std::fs::read(path).map_err(|error| fail(format!("{shown}: {error}.")))?;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
            Ok(Source::new(shown, text))
        }
        Err(error) => Err(fail(format!(
            "{shown} is not UTF-8: the byte at offset {} is not text.",
            error.utf8_error().valid_up_to()
        ))),
    }
}

fn or_here(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}
