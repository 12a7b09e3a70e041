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

/// Reads and decodes a directory. The texts come back also when there are
/// problems, so that these can be drawn.
pub fn load(directory: &Path) -> (Sources, Result<Config, Diagnostics>) {
    let mut sources = Sources::default();
    let config = load_into(directory, &mut sources);
    (sources, config)
}

fn load_into(directory: &Path, sources: &mut Sources) -> Result<Config, Diagnostics> {
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
    let mut problems = Diagnostics::new();
    let mut config = Config { directory: directory.to_owned(), ..Config::default() };
    for file in files {
        let name = file.strip_prefix(directory).unwrap_or(&file).display().to_string();
        let shown = if directory == Path::new(".") || directory.as_os_str().is_empty() {
            name
        } else {
            directory.join(name).display().to_string()
        };
        if let Some(source) = problems.absorb(read(&file, shown)) {
            sources.add(source.clone());
            if let Some(body) = problems.absorb(parse_body(&source)) {
                problems.extend(config.add_file(&BlockBody::new(&body, &source)));
            }
        }
    }
    problems.into_result(config)
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
