//! `sandplan port`.

use std::collections::BTreeMap;

use futures_util::future::select_all;
use tokio::net::TcpListener;

use crate::cli::Exit;
use crate::cli::args::Port;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::{Sandbox, SandboxPort, Target};

/// A port here that leads to one of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    label: Option<String>,
    here: u16,
    there: u16,
}

/// Forwards ports until Ctrl-C.
pub async fn run(context: &Context, args: &Port) -> Result<Exit, Diagnostics> {
    let (project, state) = context.load_state()?;
    let target = Target::find(&state, &args.name)?;
    let blocks = Sandbox::from_value(&target.object.attributes).ports;
    let ways = ways(&args.ports, &blocks, &args.name)?;
    let ports = project.ports(&target)?;
    let mut listeners = Vec::new();
    for way in &ways {
        let listener = TcpListener::bind(("127.0.0.1", way.here)).await;
        listeners.push(listener.map_err(|error| taken(way, &error))?);
    }
    context.terminal.out(&ways.iter().map(line).collect::<String>());
    let (sender, mut problems) = tokio::sync::mpsc::unbounded_channel();
    let serve = |(listener, way): (TcpListener, &Way)| {
        ports.forward(&target.machine, listener, way.there, sender.clone())
    };
    let mut serving = select_all(listeners.into_iter().zip(&ways).map(serve));
    let mut stop = crate::cli::signals::stop();
    loop {
        tokio::select! {
            (ended, ..) = &mut serving => {
                ended.map_err(|error| project.call_failed(&target, &error))?;
                return Ok(Exit::Done);
            }
            Some(problem) = problems.recv() => context.terminal.say(&format!("{problem}\n")),
            _ = stop.changed() => return Ok(Exit::Done),
        }
    }
}

fn line(way: &Way) -> String {
    let label = way.label.as_ref().map(|label| format!("{label}  ")).unwrap_or_default();
    format!("{label}127.0.0.1:{} -> {}\n", way.here, way.there)
}

fn ways(
    asked: &[String],
    blocks: &BTreeMap<String, SandboxPort>,
    name: &str,
) -> Result<Vec<Way>, Diagnostics> {
    let of_block = |(label, port): (&String, &SandboxPort)| Way {
        label: Some(label.clone()),
        here: port.host.unwrap_or(port.guest),
        there: port.guest,
    };
    let ways: Vec<Way> = match asked {
        [] => blocks.iter().map(of_block).collect(),
        asked => asked
            .iter()
            .map(|text| match blocks.get_key_value(text) {
                Some(block) => Ok(of_block(block)),
                None => numbers(text).ok_or_else(|| unknown(text, blocks)),
            })
            .collect::<Result<_, _>>()?,
    };
    match ways.is_empty() {
        true => Err(nothing(name).into()),
        false => Ok(ways),
    }
}

/// Reads `3000` or `8080:3000`, the port here first.
fn numbers(text: &str) -> Option<Way> {
    let (here, there) = text.split_once(':').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    Some(Way { label: None, here: port(here)?, there: port(there)? })
}

fn unknown(text: &str, blocks: &BTreeMap<String, SandboxPort>) -> Diagnostic {
    let labels: Vec<&str> = blocks.keys().map(String::as_str).collect();
    Diagnostic::error("usage", "Unknown port")
        .detail(format!(
            "`{text}` is neither a `port` block of the sandbox nor a number such as 3000 or \
             8080:3000."
        ))
        .hint(crate::diagnostic::did_you_mean(text, labels))
        .failure(Failure::Usage)
}

fn nothing(name: &str) -> Diagnostic {
    Diagnostic::error("usage", "No port to forward")
        .detail(format!(
            "The sandbox has no `port` blocks. Name a port: `sandplan port {name} 3000`."
        ))
        .failure(Failure::Usage)
}

fn taken(way: &Way, error: &std::io::Error) -> Diagnostic {
    let Way { here, there, .. } = way;
    let other = if *here == 8080 { 18080 } else { 8080 };
    Diagnostic::error("port-taken", "Port cannot be opened here").detail(format!(
        "127.0.0.1:{here}: {error}. Choose another one here: `sandplan port NAME {other}:{there}`."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(label: Option<&str>, here: u16, there: u16) -> Way {
        Way { label: label.map(str::to_owned), here, there }
    }

    #[test]
    fn ports_are_named_by_block_or_by_number() {
        let blocks = [("app".to_owned(), SandboxPort { guest: 3000, host: Some(8080) })].into();
        let ways = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|text| text.to_string()).collect();
            super::ways(&asked, &blocks, "a").map_err(|problems| problems.to_string())
        };
        assert_eq!(ways(&[]).unwrap(), [way(Some("app"), 8080, 3000)]);
        assert_eq!(ways(&["app", "5432"]).unwrap()[1], way(None, 5432, 5432));
        assert_eq!(ways(&["1:2"]).unwrap(), [way(None, 1, 2)]);
        for wrong in ["0", "65536", "x", "1:", "ap"] {
            assert!(ways(&[wrong]).unwrap_err().contains("neither"), "{wrong}");
        }
    }
}
