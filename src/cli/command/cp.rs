//! `sandplan cp`.

use std::path::Path;

use crate::cli::Exit;
use crate::cli::args::Cp;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::Target;

/// One end of a copy.
enum Place<'a> {
    Here(&'a str),
    Sandbox { name: &'a str, path: &'a str },
}

/// Copies a file or a directory into or out of a sandbox.
pub async fn run(context: &Context, args: &Cp) -> Result<Exit, Diagnostics> {
    let (project, state) = context.load_state()?;
    match (place(&args.from), place(&args.to)) {
        (Place::Here(from), Place::Sandbox { name, path }) => {
            let target = Target::find(&state, name)?;
            let from = context.path(Path::new(from));
            let done = project.files(&target)?.upload(&target.machine, &from, path).await;
            done.map_err(|error| project.call_failed(&target, &error))?;
        }
        (Place::Sandbox { name, path }, Place::Here(to)) => {
            let target = Target::find(&state, name)?;
            let to = context.path(Path::new(to));
            let done = project.files(&target)?.download(&target.machine, path, &to).await;
            done.map_err(|error| project.call_failed(&target, &error))?;
        }
        _ => return Err(neither().into()),
    }
    Ok(Exit::Done)
}

fn neither() -> Diagnostic {
    Diagnostic::error("usage", "One end must be in a sandbox, and the other here")
        .detail("Write one of the two paths as NAME:PATH: `sandplan cp notes.txt review-ada:/workspace/`. A path here that holds a colon is written `./a:b`.")
        .failure(Failure::Usage)
}

/// Reads `NAME:PATH`, as scp does: a colon before any slash names a sandbox.
fn place(text: &str) -> Place<'_> {
    match text.split_once(':') {
        Some((name, path)) if !name.is_empty() && !name.contains('/') => {
            Place::Sandbox { name, path }
        }
        _ => Place::Here(text),
    }
}
