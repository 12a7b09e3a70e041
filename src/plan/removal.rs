//! Which blocks' objects have to go before which: never in a circle.
//!
//! The rows say what an object was made after; that is what its platform knows.
//! The configuration adds what the rows do not know yet. Where the two contradict
//! each other the newer row wins, and rows win over the configuration.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::address::BlockAddress;
use crate::object::Object;

/// For each block, other blocks.
pub type Edges = BTreeMap<BlockAddress, BTreeSet<BlockAddress>>;

/// What has to be deleted before what, by block.
#[derive(Debug, Default)]
pub struct Removal {
    needs: Edges,
    dependents: Edges,
}

impl Removal {
    /// Joins what the rows remember and what the configuration says.
    pub fn of(rows: &[Object], configured: &Edges) -> Self {
        let mut removal = Self::default();
        let edges = edges(rows, configured);
        let component = components(&edges);
        let (circular, plain): (Vec<_>, Vec<_>) =
            edges.into_iter().partition(|(from, to)| component[from] == component[to]);
        for (from, to) in plain {
            removal.add(from, to);
        }
        for (from, to) in circular {
            if from != to && !reaches(&removal.needs, to, from) {
                removal.add(from, to);
            }
        }
        removal
    }

    fn add(&mut self, from: &BlockAddress, to: &BlockAddress) {
        self.needs.entry(from.clone()).or_default().insert(to.clone());
        self.dependents.entry(to.clone()).or_default().insert(from.clone());
    }

    /// Returns what each block's objects need for as long as they live.
    pub fn needs(&self) -> &Edges {
        &self.needs
    }

    /// Returns whose objects have to go before those of each block.
    pub fn dependents(&self) -> &Edges {
        &self.dependents
    }
}

type Edge<'a> = (&'a BlockAddress, &'a BlockAddress);

/// Lists all edges, the strongest first.
fn edges<'a>(rows: &'a [Object], configured: &'a Edges) -> Vec<Edge<'a>> {
    let mut rows: Vec<&Object> = rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.version));
    let remembered = rows.into_iter().flat_map(|row| {
        let block = &row.address.block;
        row.depends_on.iter().map(move |needed| (block, needed))
    });
    let configured =
        configured.iter().flat_map(|(block, needs)| needs.iter().map(move |n| (block, n)));
    let mut seen = BTreeSet::new();
    remembered.chain(configured).filter(|edge| seen.insert(*edge)).collect()
}

/// Numbers the blocks so that those of one circle have the same number.
fn components<'a>(edges: &[Edge<'a>]) -> BTreeMap<&'a BlockAddress, usize> {
    let graph: DiGraphMap<&BlockAddress, ()> = edges.iter().copied().collect();
    let components = tarjan_scc(&graph).into_iter().enumerate();
    components.flat_map(|(number, blocks)| blocks.into_iter().map(move |b| (b, number))).collect()
}

/// Tells whether edges lead from one block to another.
fn reaches(edges: &Edges, from: &BlockAddress, to: &BlockAddress) -> bool {
    from == to || reached(edges, [from]).contains(to)
}

/// Lists the blocks that edges lead to.
pub fn reached<'a>(
    edges: &'a Edges,
    from: impl IntoIterator<Item = &'a BlockAddress>,
) -> BTreeSet<&'a BlockAddress> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&BlockAddress> = from.into_iter().collect();
    while let Some(block) = open.pop() {
        open.extend(edges.get(block).into_iter().flatten().filter(|next| found.insert(*next)));
    }
    found
}

/// Turns edges around.
pub fn reversed(edges: &Edges) -> Edges {
    let mut reversed = Edges::new();
    for (from, targets) in edges {
        for to in targets {
            reversed.entry(to.clone()).or_default().insert(from.clone());
        }
    }
    reversed
}
