//! `sandplan eval`: Terraform's `console`, one expression at a time.

use crate::cli::Exit;
use crate::cli::args::Eval;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::Strictness;
use crate::evaluate;
use crate::render;
use crate::value::Value;

/// Evaluates an expression, or each line of standard input.
pub fn run(context: &Context, args: Eval) -> Result<Exit, Diagnostics> {
    let expression = match args.expression.as_deref() {
        Some("-") | None => return lines(context, &args),
        Some(expression) => expression.to_owned(),
    };
    let value = value_of(context, &args, &expression);
    if !args.json {
        context.terminal.out(&format!("{}\n", render::value::hcl(&value?)));
        return Ok(Exit::Done);
    }
    let failed = value.is_err();
    context.terminal.out(&format!("{}\n", result_json(value, context)));
    context.told();
    Ok(if failed { Exit::Code(1) } else { Exit::Done })
}

fn lines(context: &Context, args: &Eval) -> Result<Exit, Diagnostics> {
    if args.expression.is_none() && context.terminal.stdin {
        return Err(Diagnostic::error("usage", "No expression")
            .detail("Give an expression: `sandplan eval '1 + 1'`, or `-` to read lines of standard input.")
            .failure(Failure::Usage)
            .into());
    }
    let unreadable = |error: std::io::Error| {
        Diagnostic::error("unreadable-file", "Cannot read standard input")
            .detail(format!("{error}."))
    };
    let input = context.terminal.read_input().map_err(unreadable)?;
    let mut failed = false;
    for line in input.lines().filter(|line| !line.trim().is_empty()) {
        let value = value_of(context, args, line);
        failed |= value.is_err();
        match (args.json, value) {
            (true, value) => context.terminal.out(&format!("{}\n", result_json(value, context))),
            (false, Ok(value)) => {
                context.terminal.out(&format!("{}\n", render::value::hcl(&value)))
            }
            (false, Err(problems)) => context.report(&problems),
        }
    }
    context.told();
    Ok(if failed { Exit::Code(1) } else { Exit::Done })
}

/// What `-json` prints: a typed value, or the problems.
fn result_json(value: Result<Value, Diagnostics>, context: &Context) -> serde_json::Value {
    match value {
        Ok(value) => evaluate::typed_json(&value),
        Err(problems) => {
            let sources = context.sources();
            let all = problems.iter().map(|p| render::json::diagnostic(p, &sources));
            serde_json::json!({ "diagnostics": all.collect::<Vec<_>>() })
        }
    }
}

/// Evaluates with the directory's variables and locals, where there is a
/// configuration and the expression refers to something.
fn value_of(context: &Context, args: &Eval, expression: &str) -> Result<Value, Diagnostics> {
    let source = crate::diagnostic::Source::new("<expression>", expression);
    context.only_source(source.clone());
    let expr = evaluate::parse_expression(&source)?;
    if evaluate::references(&expr, &source).is_empty() {
        return evaluate::evaluate(&expr, &source, &evaluate::ConstantScope);
    }
    if crate::config::load::files(context.directory())?.is_empty() {
        return evaluate::evaluate(&expr, &source, &evaluate::ConstantScope);
    }
    let project = context.load(&args.config, Strictness::Lenient)?;
    context.add_source(source.clone());
    project.evaluate(&expr, &source)
}
