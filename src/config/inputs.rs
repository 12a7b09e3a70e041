//! Where variables get their values from: files, the command line, the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::body::BlockBody;
use super::load::{read, value_files};
use super::settings::constant;
use super::variable::Variable;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, SourceRange, Sources, did_you_mean};
use crate::evaluate::{self, ConstantScope, parse_body, parse_expression};
use crate::value::Value;

/// One way of giving values, in the order of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// `-var name=value`
    Variable { name: String, text: String },
    /// `-var-file=path`
    File(PathBuf),
}

/// The values that users give, before they are held against the declarations.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// From the environment: `SANDPLAN_VAR_name`, without the prefix.
    pub environment: BTreeMap<String, String>,
    /// From the command line, in order.
    pub given: Vec<Given>,
}

/// A value as given, with where it came from.
struct Candidate {
    value: Raw,
    origin: String,
    range: Option<SourceRange>,
}

enum Raw {
    /// A text from the command line or the environment.
    Text(String),
    Value(Value),
}

/// Gives every declared variable its value, by Terraform's precedence: the
/// environment, `sandboxes.hclvars`, `*.auto.hclvars` in name order, then the
/// command line in its order; the last one wins. `lenient` gives unknown values
/// to variables without one, as `validate` does.
pub fn assign(
    variables: &BTreeMap<Arc<str>, Variable>,
    inputs: &Inputs,
    directory: &Path,
    sources: &mut Sources,
    lenient: bool,
) -> Result<(BTreeMap<Arc<str>, Value>, Diagnostics), Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut candidates = BTreeMap::new();
    for (name, text) in &inputs.environment {
        let origin = format!("the environment variable SANDPLAN_VAR_{name}");
        let value = Raw::Text(text.clone());
        candidates.insert(name.clone(), Candidate { value, origin, range: None });
    }
    for path in value_files(directory) {
        problems.extend(add_file(&path, variables, &mut candidates, sources));
    }
    for given in &inputs.given {
        match given {
            Given::File(path) => {
                problems.extend(add_file(path, variables, &mut candidates, sources));
            }
            Given::Variable { name, text } if variables.contains_key(name.as_str()) => {
                let origin = format!("-var {name}=…");
                let value = Raw::Text(text.clone());
                candidates.insert(name.clone(), Candidate { value, origin, range: None });
            }
            Given::Variable { name, .. } => problems.push(
                Diagnostic::error("undeclared-variable", "Value for undeclared variable")
                    .detail(format!(
                        "A value for `{name}` was given on the command line, but no `variable` block declares it."
                    ))
                    .hint(did_you_mean(name, variables.keys().map(|n| &**n))),
            ),
        }
    }
    let mut values = BTreeMap::new();
    for (name, variable) in variables {
        let value = value_of(variable, candidates.remove(&**name), sources, lenient);
        if let Some(value) = problems.absorb(value) {
            let value = if variable.sensitive { value.sensitive() } else { value };
            values.insert(name.clone(), value);
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok((values, problems)) }
}

fn value_of(
    variable: &Variable,
    candidate: Option<Candidate>,
    sources: &mut Sources,
    lenient: bool,
) -> Result<Value, Diagnostics> {
    let Some(candidate) = candidate else {
        return match (&variable.default, lenient) {
            (Some(default), _) => Ok(default.clone()),
            (None, true) => Ok(Value::Unknown(variable.constraint.kind.clone())),
            (None, false) => Err(no_value(variable)),
        };
    };
    let value = match candidate.value {
        Raw::Value(value) => value,
        Raw::Text(text) if variable.is_text() => Value::from(text),
        Raw::Text(text) => {
            let source = Source::new(format!("<value for var.{}>", variable.name), text);
            if !variable.sensitive {
                sources.add(source.clone());
            }
            evaluate::evaluate(&parse_expression(&source)?, &source, &ConstantScope)?
        }
    };
    variable.accept(value).map_err(|error| {
        Diagnostic::error("invalid-variable", "Invalid value for input variable")
            .detail(format!(
                "The value for `{}` from {} is not suitable: {error}.",
                variable.name, candidate.origin
            ))
            .at(candidate.range.unwrap_or_else(|| variable.range.clone()))
            .into()
    })
}

fn no_value(variable: &Variable) -> Diagnostics {
    Diagnostic::error("no-value", "No value for required variable")
        .detail(format!(
            "The variable `{0}` has no default. Give it a value with `-var {0}=…`, in `sandboxes.hclvars`, or in the environment as SANDPLAN_VAR_{0}.",
            variable.name
        ))
        .at(variable.range.clone())
        .into()
}

fn add_file(
    path: &Path,
    variables: &BTreeMap<Arc<str>, Variable>,
    candidates: &mut BTreeMap<String, Candidate>,
    sources: &mut Sources,
) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let Some(source) = problems.absorb(read(path, path.display().to_string())) else {
        return problems;
    };
    sources.add(source.clone());
    let Some(body) = problems.absorb(parse_body(&source)) else { return problems };
    let body = BlockBody::new(&body, &source);
    problems.extend(body.blocks.iter().map(|block| {
        Diagnostic::error("unknown-block", "Unsupported block type")
            .detail(
                "A file of values holds only `name = value`; blocks belong into `sandboxes.hcl`.",
            )
            .at(block.header.clone())
    }));
    for argument in &body.arguments {
        if !variables.contains_key(&argument.name) {
            problems.push(
                Diagnostic::warning("undeclared-variable", "Value for undeclared variable")
                    .detail(format!("No `variable` block declares `{}`.", argument.name))
                    .at(argument.name_range.clone())
                    .hint(did_you_mean(&argument.name, variables.keys().map(|n| &**n))),
            );
            continue;
        }
        if let Some(value) = problems.absorb(constant(&argument.value)) {
            let origin = path.display().to_string();
            let range = Some(argument.value.range());
            let candidate = Candidate { value: Raw::Value(value), origin, range };
            candidates.insert(argument.name.to_string(), candidate);
        }
    }
    problems
}
