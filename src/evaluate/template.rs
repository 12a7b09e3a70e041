//! Templates: interpolation and directives.

use hcl::edit::Span;
use hcl::edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, IfDirective, StringTemplate, Template,
};

use super::conditional::{Branch, Condition};
use super::expression::Evaluator;
use super::iteration::{Collection, Names};
use super::literal::{Literals, Style, literals};
use crate::diagnostic::{Diagnostic, SourceRange};
use crate::value::{Type, Value, convert};

/// Templates do not write more bytes than this.
const MAX_TEXT: usize = 64 << 20;

/// What has been written of a template.
#[derive(Default)]
struct Written {
    text: String,
    unknown: bool,
    marked: bool,
}

impl Written {
    fn into_value(self) -> Value {
        let value =
            if self.unknown { Value::Unknown(Type::String) } else { Value::from(self.text) };
        value.sensitive_if(self.marked)
    }
}

impl Evaluator<'_> {
    pub(super) fn quoted_template(&mut self, template: &StringTemplate) -> Value {
        self.template(template, Style::Quoted)
    }

    pub(super) fn heredoc(&mut self, heredoc: &HeredocTemplate) -> Value {
        let start = heredoc.span().map_or("", |span| &self.source.text()[span]);
        let style = if start.starts_with("<<-") { Style::Flush } else { Style::Plain };
        self.template(&heredoc.template, style)
    }

    pub(super) fn bare_template(&mut self, template: &Template) -> Value {
        self.template(template, Style::Plain)
    }

    /// A template that is one interpolation only has that value, of whatever type.
    fn template(&mut self, template: &Template, style: Style) -> Value {
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            return self.value(&only.expr);
        }
        let literals = literals(template, self.source, style);
        self.parts(template, &literals)
    }

    fn parts(&mut self, template: &Template, literals: &Literals) -> Value {
        let mut written = Written::default();
        for element in template.iter() {
            let (value, range) = match element {
                Element::Literal(text) => {
                    let text = text.span().and_then(|span| literals.get(&span.start));
                    written.text.push_str(text.map_or("", |text| text));
                    continue;
                }
                Element::Interpolation(part) => (self.value(&part.expr), self.range(&part.expr)),
                Element::Directive(directive) => {
                    let range = self.range(element);
                    (self.directive(directive, literals, &range), range)
                }
            };
            self.write(&value, range, &mut written);
        }
        written.into_value()
    }

    fn write(&mut self, value: &Value, range: SourceRange, written: &mut Written) {
        let (value, marked) = value.unmark();
        written.marked |= marked;
        let why = match value {
            Value::Null(_) => "This value is null, which cannot become part of a text.".to_owned(),
            Value::Unknown(_) => {
                written.unknown = true;
                return;
            }
            value => match convert(value, &Type::String) {
                Ok(text) => {
                    let text = text.as_str().unwrap_or_default();
                    if written.text.len() + text.len() <= MAX_TEXT {
                        written.text.push_str(text);
                        return;
                    }
                    "The text would be too long.".to_owned()
                }
                Err(error) => {
                    format!("This value cannot become part of a text: {error}.")
                }
            },
        };
        self.fail(invalid_part(why, range));
    }

    fn directive(&mut self, directive: &Directive, texts: &Literals, at: &SourceRange) -> Value {
        match directive {
            Directive::If(directive) => self.if_directive(directive, texts, at),
            Directive::For(directive) => self.for_directive(directive, texts, at),
        }
    }

    fn if_directive(
        &mut self,
        directive: &IfDirective,
        texts: &Literals,
        at: &SourceRange,
    ) -> Value {
        let mut branch = |template: &Template| {
            let (value, problems) = self.apart(|this| this.parts(template, texts));
            Branch { value, problems, range: at.clone() }
        };
        let yes = branch(&directive.if_expr.template);
        let no = match &directive.else_expr {
            Some(otherwise) => branch(&otherwise.template),
            None => branch(&Template::new()),
        };
        let expr = &directive.if_expr.cond_expr;
        let condition = Condition { value: self.value(expr), range: self.range(expr) };
        self.choose(condition, yes, no)
    }

    fn for_directive(
        &mut self,
        directive: &ForDirective,
        texts: &Literals,
        at: &SourceRange,
    ) -> Value {
        let intro = &directive.for_expr;
        let names = Names {
            key: intro.key_var.as_ref().map(|name| name.as_str()),
            value: intro.value_var.as_str(),
        };
        let (elements, marked) = match self.collection(&intro.collection_expr) {
            Collection::Elements { elements, marked } => (elements, marked),
            Collection::Unknown { marked } => {
                return Value::Unknown(Type::String).sensitive_if(marked);
            }
            Collection::Failed => return Value::Unknown(Type::String),
        };
        let mut written = Written { marked, ..Written::default() };
        for (key, value) in elements {
            let part =
                self.with_bound(names.bind(key, value), |this| this.parts(&intro.template, texts));
            self.write(&part, at.clone(), &mut written);
        }
        written.into_value()
    }
}

fn invalid_part(why: String, range: SourceRange) -> Diagnostic {
    Diagnostic::error("invalid-interpolation", "Invalid template interpolation value")
        .detail(why)
        .at(range)
}
