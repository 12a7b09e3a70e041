//! Draws what depends on what: Graphviz, Mermaid, or a picture of its own.

mod layout;
mod svg;

use std::collections::HashMap;

use crate::render::value::quote;

pub use svg::svg;

/// What depends on what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphView {
    pub nodes: Vec<Node>,
    /// Pairs of ids: the first depends on the second. Unknown ids are left out.
    pub edges: Vec<(String, String)>,
}

/// One thing in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub id: String,
    pub label: String,
    /// Decides its looks: `sandbox`, `network`, …
    pub kind: String,
}

impl GraphView {
    /// Returns the edges as places in `nodes`.
    fn places(&self) -> Vec<(usize, usize)> {
        let place: HashMap<&str, usize> =
            self.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
        let edge = |(from, to): &(String, String)| {
            Some((*place.get(from.as_str())?, *place.get(to.as_str())?))
        };
        self.edges.iter().filter_map(edge).collect()
    }
}

/// Draws the graph in Graphviz's language, as `terraform graph` does.
pub fn dot(graph: &GraphView) -> String {
    let mut text =
        "digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n"
            .to_owned();
    for node in &graph.nodes {
        let (id, label) = (quote(&node.id), quote(&node.label));
        text.push_str(&format!("  {id} [label = {label}, class = {}];\n", quote(&node.kind)));
    }
    for (from, to) in graph.places() {
        let [from, to] = [from, to].map(|at| quote(&graph.nodes[at].id));
        text.push_str(&format!("  {from} -> {to};\n"));
    }
    text + "}\n"
}

/// Draws the graph in Mermaid's language, which GitHub shows in Markdown.
pub fn mermaid(graph: &GraphView) -> String {
    let mut text = "flowchart RL\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        text.push_str(&format!("  n{at}[\"{}\"]\n", mermaid_text(&node.label)));
    }
    for (from, to) in graph.places() {
        text.push_str(&format!("  n{from} --> n{to}\n"));
    }
    text
}

/// Writes what means something to Mermaid or HTML by its code.
fn mermaid_text(label: &str) -> String {
    let escape = |c: char| match c {
        '"' => "#quot;".to_owned(),
        '#' | '<' | '>' | '&' | '\n' | '`' => format!("#{};", c as u32),
        c => c.to_string(),
    };
    label.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> GraphView {
        let node = |id: &str| Node {
            id: id.to_owned(),
            label: id.to_owned(),
            kind: id.split('.').next().unwrap_or_default().to_owned(),
        };
        let edge = |(from, to): (&str, &str)| (from.to_owned(), to.to_owned());
        GraphView {
            nodes: ["network.a", "sandbox.b[\"x\"]", "snapshot.c", "ssh_key.<d>"].map(node).into(),
            edges: [
                ("sandbox.b[\"x\"]", "network.a"),
                ("sandbox.b[\"x\"]", "ssh_key.<d>"),
                ("snapshot.c", "sandbox.b[\"x\"]"),
                ("snapshot.c", "nothing"),
            ]
            .map(edge)
            .into(),
        }
    }

    #[test]
    fn a_graph_is_drawn_in_each_language() {
        insta::assert_snapshot!(dot(&graph()), @r#"
        digraph G {
          rankdir = "RL";
          node [shape = rect, fontname = "sans-serif"];
          "network.a" [label = "network.a", class = "network"];
          "sandbox.b[\"x\"]" [label = "sandbox.b[\"x\"]", class = "sandbox"];
          "snapshot.c" [label = "snapshot.c", class = "snapshot"];
          "ssh_key.<d>" [label = "ssh_key.<d>", class = "ssh_key"];
          "sandbox.b[\"x\"]" -> "network.a";
          "sandbox.b[\"x\"]" -> "ssh_key.<d>";
          "snapshot.c" -> "sandbox.b[\"x\"]";
        }
        "#);
        insta::assert_snapshot!(mermaid(&graph()), @r#"
        flowchart RL
          n0["network.a"]
          n1["sandbox.b[#quot;x#quot;]"]
          n2["snapshot.c"]
          n3["ssh_key.#60;d#62;"]
          n1 --> n0
          n1 --> n3
          n2 --> n1
        "#);
        insta::assert_snapshot!(svg(&graph()), @r##"
        <svg xmlns="http://www.w3.org/2000/svg" width="548" height="106" viewBox="0 0 548 106" font-family="monospace" font-size="13">
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>
        <path d="M0 0H548V106H0z" fill="#fff"/>
        <path d="M206 53C171 53 171 31 136 31" fill="none" stroke="#667" marker-end="url(#arrow)"/>
        <path d="M206 53C171 53 171 75 136 75" fill="none" stroke="#667" marker-end="url(#arrow)"/>
        <path d="M420 53C385 53 385 53 350 53" fill="none" stroke="#667" marker-end="url(#arrow)"/>
        <rect x="16" y="16" width="120" height="30" rx="5" fill="#dff5e1" stroke="#667"/>
        <text x="76" y="36" text-anchor="middle">network.a</text>
        <rect x="206" y="38" width="144" height="30" rx="5" fill="#d8ecff" stroke="#667"/>
        <text x="278" y="58" text-anchor="middle">sandbox.b[&quot;x&quot;]</text>
        <rect x="420" y="38" width="112" height="30" rx="5" fill="#eee1fa" stroke="#667"/>
        <text x="476" y="58" text-anchor="middle">snapshot.c</text>
        <rect x="16" y="60" width="120" height="30" rx="5" fill="#fff3cf" stroke="#667"/>
        <text x="76" y="80" text-anchor="middle">ssh_key.&lt;d&gt;</text>
        </svg>
        "##);
    }

    #[test]
    fn a_cycle_is_drawn_all_the_same() {
        let mut graph = graph();
        graph.edges.push(("network.a".to_owned(), "snapshot.c".to_owned()));
        assert_eq!(svg(&graph).matches("<rect").count(), 4);
        assert!(svg(&GraphView::default()).starts_with("<svg"));
    }

    #[test]
    fn a_chain_of_ten_thousand_is_drawn() {
        let id = |n: usize| format!("sandbox.a[{n}]");
        let node = |n| Node { id: id(n), label: id(n), kind: "sandbox".to_owned() };
        let graph = GraphView {
            nodes: (0..10_000).map(node).collect(),
            edges: (1..10_000).map(|n| (id(n), id(n - 1))).collect(),
        };
        assert!(svg(&graph).ends_with("</svg>\n"));
    }
}
