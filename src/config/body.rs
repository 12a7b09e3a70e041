//! The content of a block in a neutral form: arguments and nested blocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::structure::{Block, Body, Structure};

use super::expr::Expr;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, SourceRange, did_you_mean};

/// `name = value` inside a block.
#[derive(Debug, Clone)]
pub struct Argument {
    pub name: Arc<str>,
    pub name_range: SourceRange,
    pub value: Expr,
}

/// A block inside a file or a block.
#[derive(Debug, Clone)]
pub struct NestedBlock {
    pub kind: Arc<str>,
    pub labels: Vec<Arc<str>>,
    pub body: BlockBody,
    /// From the block's type to its last label.
    pub header: SourceRange,
}

/// What stands between a block's braces.
#[derive(Debug, Clone)]
pub struct BlockBody {
    pub arguments: Vec<Argument>,
    pub blocks: Vec<NestedBlock>,
}

impl BlockBody {
    /// Reads a parsed body; `source` is the text that it was parsed from.
    pub fn new(body: &Body, source: &Source) -> Self {
        let mut arguments = Vec::new();
        let mut blocks = Vec::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => arguments.push(Argument {
                    name: attribute.key.as_str().into(),
                    name_range: source
                        .range(attribute.key.span().or(attribute.value.span()).unwrap_or_default()),
                    value: Expr::new(attribute.value.clone(), source.clone()),
                }),
                Structure::Block(block) => blocks.push(NestedBlock::new(block, source)),
            }
        }
        Self { arguments, blocks }
    }

    /// Finds an argument.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|argument| &*argument.name == name)
    }

    /// Finds an argument's expression.
    pub fn expr(&self, name: &str) -> Option<&Expr> {
        self.argument(name).map(|argument| &argument.value)
    }

    /// Lists the nested blocks of a type.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a NestedBlock> {
        self.blocks.iter().filter(move |block| &*block.kind == kind)
    }

    /// Lists every expression inside, nested blocks included.
    pub fn expressions(&self) -> Vec<&Expr> {
        let own = self.arguments.iter().map(|argument| &argument.value);
        own.chain(self.blocks.iter().flat_map(|block| block.body.expressions())).collect()
    }

    /// Complains of arguments and blocks that are not among these.
    pub fn only(&self, arguments: &[&str], blocks: &[&str]) -> Diagnostics {
        let known = || arguments.iter().chain(blocks).copied();
        let unknown_arguments = self
            .arguments
            .iter()
            .filter(|argument| !arguments.contains(&&*argument.name))
            .map(|argument| unsupported_argument(argument, known()));
        let unknown_blocks = self
            .blocks
            .iter()
            .filter(|block| !blocks.contains(&&*block.kind))
            .map(|block| unsupported_block(block, known()));
        unknown_arguments.chain(unknown_blocks).collect()
    }
}

impl NestedBlock {
    fn new(block: &Block, source: &Source) -> Self {
        let start = block.span().map_or(0, |span| span.start);
        let header_end = block
            .labels
            .last()
            .and_then(Span::span)
            .or(block.ident.span())
            .map_or(start + block.ident.len(), |span| span.end);
        Self {
            kind: block.ident.as_str().into(),
            labels: block.labels.iter().map(|label| label.as_str().into()).collect(),
            body: BlockBody::new(&block.body, source),
            header: source.range(start..header_end),
        }
    }

    /// Returns the one label that the block must have.
    pub fn label(&self) -> Result<&Arc<str>, Diagnostic> {
        match self.labels.as_slice() {
            [label] => Ok(label),
            labels => Err(Diagnostic::error("block-labels", "Wrong number of block labels")
                .detail(format!(
                    "A `{}` block takes one label, its name; this one has {}.",
                    self.kind,
                    labels.len()
                ))
                .at(self.header.clone())),
        }
    }

    /// Complains of labels on a block that takes none.
    pub fn unlabelled(&self) -> Diagnostics {
        if self.labels.is_empty() {
            return Diagnostics::new();
        }
        Diagnostic::error("block-labels", "Wrong number of block labels")
            .detail(format!("A `{}` block takes no label.", self.kind))
            .at(self.header.clone())
            .into()
    }
}

/// Says that an argument is not expected here.
pub fn unsupported_argument<'a>(
    argument: &Argument,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::error("unknown-argument", "Unsupported argument")
        .detail(format!("There is no argument `{}` here.", argument.name))
        .at(argument.name_range.clone())
        .hint(did_you_mean(&argument.name, known))
}

/// Says that a block is not expected here.
pub fn unsupported_block<'a>(
    block: &NestedBlock,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::error("unknown-block", "Unsupported block type")
        .detail(format!("There is no block `{}` here.", block.kind))
        .at(block.header.clone())
        .hint(did_you_mean(&block.kind, known))
}

/// Complains of blocks of a type that may stand only once.
pub fn at_most_once<'a>(blocks: impl Iterator<Item = &'a NestedBlock>) -> Diagnostics {
    let mut seen = BTreeSet::new();
    blocks
        .filter(|block| !seen.insert((block.kind.clone(), block.labels.clone())))
        .map(|block| {
            Diagnostic::error("duplicate-block", "Duplicate block")
                .detail(format!("Only one `{}` block is allowed here.", block.kind))
                .at(block.header.clone())
        })
        .collect()
}
