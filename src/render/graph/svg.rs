//! Draws the graph as a picture that needs nothing else.

use unicode_width::UnicodeWidthStr;

use crate::render::words::printable;

use super::layout::Layout;
use super::{GraphView, Node};

const MARGIN: usize = 16;
const HEIGHT: usize = 30;
const ROW: usize = HEIGHT + 14;
const GAP: usize = 70;
/// Of one column of text, in pixels.
const COLUMN: usize = 8;

struct Place {
    x: usize,
    y: usize,
    width: usize,
}

/// Draws the graph as SVG: dependencies on the left, what depends on them on the right.
pub fn svg(graph: &GraphView) -> String {
    let edges = graph.places();
    let layout = Layout::new(graph.nodes.len(), &edges);
    let (places, width, height) = arrange(graph, &layout);
    let mut text = head(width, height);
    for (from, to) in edges {
        text.push_str(&line(&places[from], &places[to]));
    }
    for (node, place) in graph.nodes.iter().zip(&places) {
        text.push_str(&rectangle(node, place));
    }
    text + "</svg>\n"
}

fn head(width: usize, height: usize) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"13\">\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#667\"/></marker></defs>\n\
         <path d=\"M0 0H{width}V{height}H0z\" fill=\"#fff\"/>\n"
    )
}

fn arrange(graph: &GraphView, layout: &Layout) -> (Vec<Place>, usize, usize) {
    let wide = |at: &usize| printable(&graph.nodes[*at].label).width() * COLUMN + 2 * MARGIN;
    let tallest = layout.layers.iter().map(Vec::len).max().unwrap_or_default();
    let mut places: Vec<_> = graph.nodes.iter().map(|_| Place { x: 0, y: 0, width: 0 }).collect();
    let mut x = MARGIN;
    for layer in &layout.layers {
        let width = layer.iter().map(wide).max().unwrap_or_default();
        let top = MARGIN + (tallest - layer.len()) * ROW / 2;
        for (at, node) in layer.iter().enumerate() {
            places[*node] = Place { x, y: top + at * ROW, width };
        }
        x += width + GAP;
    }
    let width = x.saturating_sub(GAP).max(MARGIN) + MARGIN;
    (places, width, 2 * MARGIN + (tallest * ROW).saturating_sub(ROW - HEIGHT))
}

/// Draws a line from what depends to what it depends on.
fn line(from: &Place, to: &Place) -> String {
    let (x1, y1) = (from.x, from.y + HEIGHT / 2);
    let (x2, y2) = (to.x + to.width, to.y + HEIGHT / 2);
    let bend = GAP / 2;
    format!(
        "<path d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#667\" \
         marker-end=\"url(#arrow)\"/>\n",
        x1.saturating_sub(bend),
        x2 + bend,
    )
}

fn rectangle(node: &Node, place: &Place) -> String {
    let Place { x, y, width } = place;
    let fill = match node.kind.as_str() {
        "sandbox" => "#d8ecff",
        "network" => "#dff5e1",
        "ssh_key" => "#fff3cf",
        "snapshot" => "#eee1fa",
        _ => "#eeeef2",
    };
    let label = escape(&printable(&node.label));
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"5\" fill=\"{fill}\" \
         stroke=\"#667\"/>\n<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
        x + width / 2,
        y + HEIGHT / 2 + 5,
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
