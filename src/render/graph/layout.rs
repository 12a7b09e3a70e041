//! Places nodes in layers, each right of all that it depends on.

/// Where each node stands: its layer, and its place in it.
pub(super) struct Layout {
    /// Nodes by layer, top to bottom.
    pub layers: Vec<Vec<usize>>,
}

/// How often the order in the layers is improved.
const ROUNDS: usize = 4;

impl Layout {
    /// Arranges nodes; an edge goes from what depends to what it depends on.
    pub fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let graph = Neighbours::new(nodes, edges);
        let depth = graph.depths();
        let mut layers = vec![Vec::new(); depth.iter().max().map_or(0, |deepest| deepest + 1)];
        for (node, depth) in depth.iter().enumerate() {
            layers[*depth].push(node);
        }
        let mut layout = Self { layers };
        for round in 0..ROUNDS {
            layout.improve(&graph, round % 2 == 0, nodes);
        }
        layout
    }

    /// Sorts each layer by the mean place of its neighbours, so that lines cross less.
    fn improve(&mut self, graph: &Neighbours, forward: bool, nodes: usize) {
        let mut place = vec![0.0; nodes];
        let order: Vec<usize> = match forward {
            true => (0..self.layers.len()).collect(),
            false => (0..self.layers.len()).rev().collect(),
        };
        for layer in order {
            let side = if forward { &graph.needs } else { &graph.needed_by };
            let mut ranked: Vec<_> = self.layers[layer]
                .iter()
                .enumerate()
                .map(|(at, node)| (mean(&side[*node], &place).unwrap_or(at as f64), *node))
                .collect();
            ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.layers[layer] = ranked.into_iter().map(|(_, node)| node).collect();
            for (at, node) in self.layers[layer].iter().enumerate() {
                place[*node] = at as f64;
            }
        }
    }
}

fn mean(nodes: &[usize], place: &[f64]) -> Option<f64> {
    let sum: f64 = nodes.iter().map(|node| place[*node]).sum();
    (!nodes.is_empty()).then(|| sum / nodes.len() as f64)
}

struct Neighbours {
    needs: Vec<Vec<usize>>,
    needed_by: Vec<Vec<usize>>,
}

impl Neighbours {
    fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let (mut needs, mut needed_by) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for (from, to) in edges {
            needs[*from].push(*to);
            needed_by[*to].push(*from);
        }
        Self { needs, needed_by }
    }

    /// Counts for each node the longest way down; nodes of a cycle stay where the
    /// rest of the graph left them.
    fn depths(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut depth = vec![0; open.len()];
        let mut ready: Vec<usize> = (0..open.len()).filter(|node| open[*node] == 0).collect();
        while let Some(node) = ready.pop() {
            for above in &self.needed_by[node] {
                depth[*above] = depth[*above].max(depth[node] + 1);
                open[*above] -= 1;
                if open[*above] == 0 {
                    ready.push(*above);
                }
            }
        }
        depth
    }
}
