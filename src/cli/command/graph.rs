//! `sandplan graph`.

use crate::cli::Exit;
use crate::cli::args::{Graph, GraphFormat};
use crate::cli::context::Context;
use crate::diagnostic::Diagnostics;
use crate::engine::Node;
use crate::engine::Strictness;
use crate::render::graph::{self, GraphView};

/// Draws what refers to what.
pub fn run(context: &Context, args: &Graph) -> Result<Exit, Diagnostics> {
    let project = context.load(&args.config, Strictness::Lenient)?;
    let edges = project.desired.edges()?;
    let view = view(&edges);
    context.terminal.out(&match args.format {
        GraphFormat::Dot => graph::dot(&view),
        GraphFormat::Mermaid => graph::mermaid(&view),
        GraphFormat::Svg => graph::svg(&view),
    });
    Ok(Exit::Done)
}

fn view(edges: &[(Node, Vec<Node>)]) -> GraphView {
    let kind = |node: &Node| match node {
        Node::Local(_) => "local",
        Node::Profile(_) => "profile",
        Node::Resource(_) => "resource",
        Node::Output(_) => "output",
    };
    let node = |node: &Node| graph::Node {
        id: node.to_string(),
        label: node.to_string(),
        kind: kind(node).to_owned(),
    };
    GraphView {
        nodes: edges.iter().map(|(from, _)| node(from)).collect(),
        edges: edges
            .iter()
            .flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)))
            .map(|(from, to)| (from.to_string(), to.to_string()))
            .collect(),
    }
}
