//! The few things that are written anew, not only moved: block labels get quotes,
//! `"${x}"` as a whole value becomes `x`, and types from before Terraform 0.12 get
//! their present form.
//!
//! Expects tokens of a valid file.

use super::token::{Kind, Token};

mod label;
mod value;

/// Rewrites the labels and values of all blocks.
pub(super) fn rewrite(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut rewriter =
        Rewriter { rest: &tokens, out: Vec::with_capacity(tokens.len()), blocks: Vec::new() };
    while !rewriter.rest.is_empty() {
        rewriter.step();
    }
    rewriter.out
}

struct Rewriter<'t, 'a> {
    rest: &'t [Token<'a>],
    out: Vec<Token<'a>>,
    /// Which of the blocks around here declare a variable.
    blocks: Vec<bool>,
}

impl<'a> Rewriter<'_, 'a> {
    /// Takes an attribute, the head of a block, or any single token between those.
    fn step(&mut self) {
        match self.rest[0].kind {
            Kind::Identifier if self.is_attribute() => self.attribute(),
            Kind::Identifier => self.block_head(),
            Kind::CloseBrace => {
                self.blocks.pop();
                self.copy(1);
            }
            _ => self.copy(1),
        }
    }

    fn copy(&mut self, count: usize) {
        let (taken, rest) = self.rest.split_at(count);
        self.out.extend_from_slice(taken);
        self.rest = rest;
    }

    fn is_attribute(&self) -> bool {
        let mut after = self.rest[1..].iter().filter(|token| token.kind != Kind::Comment);
        after.next().is_some_and(|next| next.kind == Kind::Equal)
    }

    fn attribute(&mut self) {
        let is_type = self.blocks == [true] && self.rest[0].text == "type";
        self.copy_through(Kind::Equal);
        self.copy(self.rest.iter().take_while(|token| token.kind == Kind::Comment).count());
        let (expression, rest) = self.rest.split_at(value::length(self.rest));
        self.out.extend(if is_type {
            value::present_type(expression)
        } else {
            value::unwrap(expression, rest.iter().find(|token| !token.is_block_comment()))
        });
        self.rest = rest;
    }

    fn copy_through(&mut self, kind: Kind) {
        let at = self.rest.iter().position(|token| token.kind == kind);
        self.copy(at.map_or(self.rest.len(), |at| at + 1));
    }

    fn block_head(&mut self) {
        self.blocks.push(self.rest[0].text == "variable");
        self.copy(1);
        let brace = self.rest.iter().position(|token| token.kind == Kind::OpenBrace);
        let (labels, rest) = self.rest.split_at(brace.unwrap_or(self.rest.len()));
        self.out.extend(labels.iter().flat_map(label::quote));
        self.rest = rest;
        self.copy(self.rest.len().min(1));
    }
}
