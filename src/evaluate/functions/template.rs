//! `templatefile` and `templatestring`.

use std::path::Path;

use super::filesystem::File;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::evaluate::expression::Evaluator;
use crate::evaluate::{Resolved, Scope, parse_template};
use crate::value::{Attributes, Type, Value, convert};

const VARS: Parameter = Parameter::new("vars", Kind::Any);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "templatefile",
        &[Parameter::new("path", Kind::String).marked(), VARS],
        Returns::Is(Kind::Any),
        |call| {
            let file = File::of(call)?;
            let name = call.arguments[0].as_str().unwrap_or_default();
            let name = if file.marked { "<template>" } else { name };
            let source = Source::new(name, file.text()?);
            Ok(render(call, &source)?.sensitive_if(file.marked))
        },
    ),
    Function::new(
        "templatestring",
        &[Parameter::new("template", Kind::String), VARS],
        Returns::Is(Kind::String),
        |call| {
            let source = Source::new("<templatestring argument>", call.text(0));
            let value = render(call, &source)?;
            convert(&value, &Type::String)
                .map_err(|error| format!("invalid template result: {}", error.message).into())
        },
    ),
];

/// The variables of a template; it sees nothing else.
struct Variables<'a> {
    variables: &'a Attributes,
    outer: &'a dyn Scope,
}

impl Scope for Variables<'_> {
    fn resolve(&self, root: &str, _next: Option<&str>) -> Result<Resolved, Diagnostics> {
        match self.variables.get(root) {
            Some(value) => Ok(Resolved::Root(value.clone())),
            None => Err(Diagnostic::error("unknown-variable", "Unknown variable")
                .detail(format!("the variables given to the template have no {root:?}"))
                .into()),
        }
    }

    fn base_dir(&self) -> &Path {
        self.outer.base_dir()
    }

    fn now(&self) -> jiff::Timestamp {
        self.outer.now()
    }
}

fn render(call: &Call<'_>, source: &Source) -> Result<Value, Failure> {
    if call.depth > 0 {
        return Err("a template cannot render another template: these functions do not nest".into());
    }
    let Some(variables) = call.arguments[1].as_attributes() else {
        return Err(Failure::argument(1, "the variables must be a map or an object"));
    };
    if let Some(name) = variables.keys().find(|name| !is_identifier(name)) {
        let message = format!(
            "a template cannot have a variable {name:?}: its name has to begin with a letter and \
             hold only letters, digits and underscores"
        );
        return Err(Failure::argument(1, message));
    }
    let template = parse_template(source).map_err(|problems| described(&problems))?;
    let scope = Variables { variables, outer: call.scope };
    let mut evaluator = Evaluator::new(source, &scope);
    evaluator.depth = call.depth + 1;
    let value = evaluator.bare_template(&template);
    evaluator.into_problems().into_result(value).map_err(|problems| described(&problems).into())
}

fn is_identifier(name: &str) -> bool {
    hcl::Identifier::new(name).is_ok_and(|_| !name.is_empty())
}

/// Writes the problems of a template in one line each, with where they are.
fn described(problems: &Diagnostics) -> String {
    let one = |problem: &Diagnostic| match &problem.range {
        Some(range) => format!("{range}: {}; {}", problem.summary, problem.detail),
        None => format!("{}; {}", problem.summary, problem.detail),
    };
    let lines: Vec<String> = problems.iter().map(one).collect();
    lines.join("\n").trim_end_matches('.').to_owned()
}
