//! `sandplan fmt`.

use std::path::{Path, PathBuf};

use crate::cli::Exit;
use crate::cli::args::Fmt;
use crate::cli::context::Context;
use crate::config::format::{format, format_in_place};
use crate::config::load;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::render;

/// Formats files, or standard input.
pub fn run(context: &Context, args: &Fmt) -> Result<Exit, Diagnostics> {
    if args.paths.iter().any(|path| path == Path::new("-")) {
        return standard_input(context, args);
    }
    let mut problems = Diagnostics::new();
    let mut unformatted = false;
    for path in files(context, args)? {
        let changed = problems.absorb(one(context, args, &path));
        unformatted |= changed == Some(true);
    }
    problems.into_result(if args.check && unformatted { Exit::Unformatted } else { Exit::Done })
}

fn standard_input(context: &Context, args: &Fmt) -> Result<Exit, Diagnostics> {
    let unreadable = |error: std::io::Error| {
        Diagnostic::error("unreadable-file", "Cannot read standard input")
            .detail(format!("{error}."))
    };
    let text = context.terminal.read_input().map_err(unreadable)?;
    let source = Source::new("<stdin>", text);
    context.add_source(source.clone());
    let formatted = format(&source)?;
    let changed = formatted != source.text();
    if args.diff {
        context.terminal.out(&render::text_diff(source.text(), &formatted, "<stdin>"));
    } else if !args.check {
        context.terminal.out(&formatted);
    }
    Ok(if args.check && changed { Exit::Unformatted } else { Exit::Done })
}

/// Formats one file; true when it was not formatted.
fn one(context: &Context, args: &Fmt, path: &Path) -> Result<bool, Diagnostics> {
    let source = load::read(path, path.display().to_string())?;
    context.add_source(source.clone());
    let formatted = format_in_place(&source)?;
    if formatted == source.text() {
        return Ok(false);
    }
    if args.list {
        context.terminal.out(&format!("{}\n", path.display()));
    }
    if args.diff {
        let name = path.display().to_string();
        context.terminal.out(&render::text_diff(source.text(), &formatted, &name));
    }
    if args.write && !args.check {
        std::fs::write(path, formatted).map_err(|error| {
            Diagnostic::error("unwritable-file", "Cannot write the file")
                .detail(format!("{}: {error}.", path.display()))
        })?;
    }
    Ok(true)
}

fn files(context: &Context, args: &Fmt) -> Result<Vec<PathBuf>, Diagnostics> {
    let here = [PathBuf::new()];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths[..] };
    let mut found = Vec::new();
    for path in paths {
        let path = context.path(path);
        if path.as_os_str().is_empty() || path.is_dir() {
            found.extend(in_directory(&path, args.recursive)?);
        } else if path.is_file() {
            found.push(path);
        } else {
            return Err(Diagnostic::error("unreadable-file", "No such file or directory")
                .detail(format!("{} is neither a file nor a directory.", path.display()))
                .into());
        }
    }
    Ok(found)
}

fn in_directory(directory: &Path, recursive: bool) -> Result<Vec<PathBuf>, Diagnostics> {
    let mut found = load::files(directory)?;
    found.extend(load::value_files(directory));
    if recursive {
        let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let mut inner: Vec<PathBuf> = std::fs::read_dir(here)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .filter(|name| !name.to_string_lossy().starts_with('.'))
            .map(|name| directory.join(name))
            .filter(|path| path.is_dir() && !path.is_symlink())
            .collect();
        inner.sort();
        for directory in inner {
            found.extend(in_directory(&directory, true)?);
        }
    }
    Ok(found)
}
