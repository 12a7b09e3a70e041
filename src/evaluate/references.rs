//! Which names an expression refers to, without evaluating it.

use hcl::edit::Span;
use hcl::edit::expr::{Expression, ForExpr, ObjectKey, Traversal, TraversalOperator};
use hcl::edit::template::{Directive, Element, Template};

use super::traversal::legacy_index;
use crate::diagnostic::{Source, SourceRange};
use crate::value::Value;

/// One free name of an expression, and the steps after it while they are literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub root: String,
    pub steps: Vec<RefStep>,
    pub range: SourceRange,
}

/// One literal step of a reference.
#[derive(Debug, Clone, PartialEq)]
pub enum RefStep {
    Attr(String),
    Index(Value),
}

/// Lists all references in the order in which they stand. Names that a `for`
/// binds are not among them.
pub fn references(expr: &Expression, source: &Source) -> Vec<Reference> {
    let mut finder = Finder { source, bound: Vec::new(), found: Vec::new() };
    finder.expression(expr);
    finder.found
}

struct Finder<'a> {
    source: &'a Source,
    bound: Vec<&'a str>,
    found: Vec<Reference>,
}

impl<'a> Finder<'a> {
    fn expression(&mut self, expr: &'a Expression) {
        match expr {
            Expression::Null(_)
            | Expression::Bool(_)
            | Expression::Number(_)
            | Expression::String(_) => {}
            Expression::Array(array) => array.iter().for_each(|element| self.expression(element)),
            Expression::Object(object) => {
                for (key, value) in object.iter() {
                    if let ObjectKey::Expression(key) = key {
                        self.expression(key);
                    }
                    self.expression(value.expr());
                }
            }
            Expression::StringTemplate(template) => self.template(template),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template),
            Expression::Parenthesis(inner) => self.expression(inner.inner()),
            Expression::Variable(name) => self.reference(name.as_str(), &[], name.span()),
            Expression::Conditional(conditional) => {
                self.expression(&conditional.cond_expr);
                self.expression(&conditional.true_expr);
                self.expression(&conditional.false_expr);
            }
            Expression::FuncCall(call) => call.args.iter().for_each(|arg| self.expression(arg)),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.expression(&operation.expr),
            Expression::BinaryOp(operation) => {
                self.expression(&operation.lhs_expr);
                self.expression(&operation.rhs_expr);
            }
            Expression::ForExpr(expr) => self.for_expr(expr),
        }
    }

    fn traversal(&mut self, traversal: &'a Traversal) {
        let operators: Vec<_> = traversal
            .operators
            .iter()
            .map(|operator| (operator.value(), operator.span()))
            .collect();
        match &traversal.expr {
            Expression::Variable(root) => self.reference(root.as_str(), &operators, root.span()),
            other => self.expression(other),
        }
        for (operator, _) in operators {
            if let TraversalOperator::Index(key) = operator {
                self.expression(key);
            }
        }
    }

    fn reference(
        &mut self,
        root: &str,
        operators: &[(&TraversalOperator, Option<std::ops::Range<usize>>)],
        span: Option<std::ops::Range<usize>>,
    ) {
        if self.bound.contains(&root) {
            return;
        }
        let mut span = span.unwrap_or(0..0);
        let mut steps = Vec::new();
        for (operator, at) in operators {
            let Some(step) = literal_step(operator, self.source) else { break };
            steps.push(step);
            span.end = at.as_ref().map_or(span.end, |at| at.end);
        }
        let range = self.source.range(span);
        self.found.push(Reference { root: root.to_owned(), steps, range });
    }

    fn for_expr(&mut self, expr: &'a ForExpr) {
        self.expression(&expr.intro.collection_expr);
        let key = expr.intro.key_var.as_ref().map(|name| name.as_str());
        self.bind(key, expr.intro.value_var.as_str(), |this| {
            if let Some(key) = &expr.key_expr {
                this.expression(key);
            }
            this.expression(&expr.value_expr);
            if let Some(test) = &expr.cond {
                this.expression(&test.expr);
            }
        });
    }

    fn bind(&mut self, key: Option<&'a str>, value: &'a str, run: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        self.bound.extend(key.into_iter().chain([value]));
        run(self);
        self.bound.truncate(before);
    }

    fn template(&mut self, template: &'a Template) {
        for element in template.iter() {
            match element {
                Element::Literal(_) => {}
                Element::Interpolation(part) => self.expression(&part.expr),
                Element::Directive(directive) => self.directive(directive),
            }
        }
    }

    fn directive(&mut self, directive: &'a Directive) {
        match directive {
            Directive::If(directive) => {
                self.expression(&directive.if_expr.cond_expr);
                self.template(&directive.if_expr.template);
                if let Some(otherwise) = &directive.else_expr {
                    self.template(&otherwise.template);
                }
            }
            Directive::For(directive) => {
                let intro = &directive.for_expr;
                self.expression(&intro.collection_expr);
                let key = intro.key_var.as_ref().map(|name| name.as_str());
                self.bind(key, intro.value_var.as_str(), |this| this.template(&intro.template));
            }
        }
    }
}

fn literal_step(operator: &TraversalOperator, source: &Source) -> Option<RefStep> {
    match operator {
        TraversalOperator::GetAttr(name) => Some(RefStep::Attr(name.as_str().to_owned())),
        TraversalOperator::LegacyIndex(at) => Some(RefStep::Index(legacy_index(at))),
        TraversalOperator::Index(key @ (Expression::String(_) | Expression::Number(_))) => {
            super::evaluate(key, source, &super::ConstantScope).ok().map(RefStep::Index)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::parse_expression;

    #[test]
    fn free_names_are_found_wherever_they_stand() {
        let source = Source::new(
            "<test>",
            "{ (a.k) = [for x in b[0].c : \"${x.y} ${d[\"e\"].f[x]} %{ if g }${h.0.i}%{ endif }\" if x], \
             j = max(k[*].l...) }",
        );
        let expr = parse_expression(&source).expect("an expression");
        let found: Vec<String> = references(&expr, &source)
            .iter()
            .map(|r| source.text()[r.range.start.byte..r.range.end.byte].to_owned())
            .collect();
        assert_eq!(found, ["a.k", "b[0].c", "d[\"e\"].f", "g", "h.0.i", "k"]);
    }
}
