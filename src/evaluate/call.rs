//! Function calls: arguments, arity, conversion, and what nulls, unknowns and
//! marks among the arguments do to the result.

use hcl::edit::Span;
use hcl::edit::expr::{Expression, FuncCall};

use super::expression::Evaluator;
use super::functions::{self, Call, Failure, Function, Parameter};
use crate::diagnostic::{Diagnostic, SourceRange, did_you_mean};
use crate::value::{Type, Value, convert};

/// One argument: a value, and the expression that it came from.
struct Argument {
    value: Value,
    range: SourceRange,
}

impl Evaluator<'_> {
    pub(super) fn call(&mut self, call: &FuncCall) -> Value {
        let name = call.name.name.as_str();
        if call.name.is_namespaced() && !is_core(call) {
            return self.unknown_namespace(call);
        }
        match name {
            "try" => return self.try_call(call),
            "can" => return self.can_call(call),
            "templatestring" if !self.is_template_reference(call) => return Value::unknown(),
            _ => {}
        }
        let Some(function) = functions::find(name) else { return self.unknown_function(call) };
        let Some(arguments) = self.arguments(function, call) else { return Value::unknown() };
        match self.run(function, &arguments) {
            Ok(value) => value,
            Err(failure) => {
                let failure = without_secrets(failure, &arguments);
                self.call_failed(call, function, &arguments, failure)
            }
        }
    }

    fn unknown_namespace(&mut self, call: &FuncCall) -> Value {
        let names: Vec<&str> = call.name.namespace.iter().map(|name| name.as_str()).collect();
        let detail = format!("The namespace \"{}::\" has no functions.", names.join("::"));
        self.fail(unknown_call(detail).at(self.range(&call.name.name)))
    }

    fn unknown_function(&mut self, call: &FuncCall) -> Value {
        let name = call.name.name.as_str();
        let problem = unknown_call(format!("There is no function named {name:?}."))
            .at(self.range(&call.name.name))
            .hint(did_you_mean(name, functions::names()));
        self.fail(problem)
    }

    /// Evaluates and converts the arguments; nothing when there were problems
    /// or the result is unknown for a reason that the arguments give.
    fn arguments(&mut self, function: &Function, call: &FuncCall) -> Option<Vec<Argument>> {
        let mut arguments = Vec::new();
        let mut is_good = true;
        let last = call.args.len().saturating_sub(1);
        for (at, expr) in call.args.iter().enumerate() {
            if call.args.expand_final() && at == last {
                arguments.extend(self.expanded(expr)?);
                continue;
            }
            let (value, is_fine) = self.checked(expr);
            is_good &= is_fine;
            arguments.push(Argument { value, range: self.range(expr) });
        }
        if !self.arity(function, call, &arguments) {
            return None;
        }
        for (at, argument) in arguments.iter_mut().enumerate() {
            let Some(parameter) = function.parameter(at) else { break };
            match convert(&argument.value, &parameter.kind.to_type()) {
                Ok(value) => argument.value = value,
                Err(error) => {
                    is_good = false;
                    self.fail(invalid_argument(parameter, &error.message, &argument.range));
                }
            }
        }
        is_good.then_some(arguments)
    }

    fn expanded(&mut self, expr: &Expression) -> Option<Vec<Argument>> {
        let (value, is_good) = self.checked(expr);
        let range = self.range(expr);
        let (value, marked) = value.unmark();
        let is_sequence = matches!(
            value.type_of(),
            Type::List(_) | Type::Set(_) | Type::Tuple(_) | Type::Dynamic
        );
        let why = match value.as_elements() {
            Some(elements) => {
                let argument = |element: &Value| Argument {
                    value: element.clone().sensitive_if(marked),
                    range: range.clone(),
                };
                return Some(elements.iter().map(argument).collect());
            }
            None if !is_sequence => "must be a list, tuple or set",
            None if value.is_null() => "must not be null",
            None => return None,
        };
        if is_good {
            let problem =
                Diagnostic::error("invalid-expansion", "Invalid expanding argument value").detail(
                    format!("What stands before `...` becomes several arguments, so it {why}."),
                );
            self.fail(problem.at(range));
        }
        None
    }

    fn arity(&mut self, function: &Function, call: &FuncCall, arguments: &[Argument]) -> bool {
        let (name, wanted) = (function.name, function.parameters.len());
        if let Some(missing) = function.parameters.get(arguments.len()) {
            let least = if function.variadic.is_some() { " at least" } else { "" };
            let detail = format!(
                "Function {name:?} takes{least} {}; {:?} is missing.",
                number_of_arguments(wanted),
                missing.name
            );
            let problem =
                Diagnostic::error("not-enough-arguments", "Not enough function arguments");
            let end = call.span().map_or(0..0, |span| span.end.saturating_sub(1)..span.end);
            self.fail(problem.detail(detail).at(self.source.range(end)));
            return false;
        }
        match arguments.get(wanted) {
            Some(extra) if function.variadic.is_none() => {
                let detail = format!(
                    "Function {name:?} takes {}; this is one too many.",
                    number_of_arguments(wanted)
                );
                let problem =
                    Diagnostic::error("too-many-arguments", "Too many function arguments");
                self.fail(problem.detail(detail).at(extra.range.clone()));
                false
            }
            _ => true,
        }
    }

    /// Runs a function over checked arguments.
    fn run(&self, function: &Function, arguments: &[Argument]) -> Result<Value, Failure> {
        let mut values = Vec::with_capacity(arguments.len());
        let (mut marked, mut unknown, mut untyped) = (false, false, false);
        for (at, argument) in arguments.iter().enumerate() {
            let Some(parameter) = function.parameter(at) else { break };
            let mut value = argument.value.clone();
            if value.is_null() && !parameter.null {
                return Err(Failure::argument(at, "argument must not be null"));
            }
            if !parameter.marked && value.contains_sensitive() {
                marked = true;
                value = value.deep_revealed();
            }
            untyped |= value.type_of() == Type::Dynamic && !value.is_null() && !parameter.untyped;
            unknown |= value.is_unknown() && !parameter.unknown;
            values.push(value);
        }
        if untyped {
            return Ok(Value::unknown().sensitive_if(marked));
        }
        let returns = function.returns.of(&values)?;
        if unknown {
            return Ok(Value::Unknown(returns).sensitive_if(marked));
        }
        let call = Call { arguments: &values, returns, scope: self.scope, depth: self.depth };
        Ok((function.body)(&call)?.sensitive_if(marked))
    }

    fn call_failed(
        &mut self,
        call: &FuncCall,
        function: &Function,
        arguments: &[Argument],
        failure: Failure,
    ) -> Value {
        let parameter = failure.argument.and_then(|at| function.parameter(at));
        let argument = failure.argument.and_then(|at| arguments.get(at));
        let problem = match parameter {
            Some(parameter) => {
                let range = argument.map_or_else(|| self.range(call), |a| a.range.clone());
                invalid_argument(parameter, &failure.message, &range)
            }
            None => {
                let detail =
                    format!("Call to function {:?} failed: {}.", function.name, failure.message);
                Diagnostic::error("function-failed", "Error in function call")
                    .detail(detail)
                    .at(self.range(call))
            }
        };
        self.fail(problem)
    }

    /// `try`: the first expression without problems.
    fn try_call(&mut self, call: &FuncCall) -> Value {
        let mut failures = Vec::new();
        for expr in call.args.iter() {
            let (value, problems) = self.attempt(expr);
            if problems.is_empty() {
                return if value.is_wholly_known() { value } else { Value::unknown() };
            }
            failures.extend(problems);
        }
        let message = if failures.is_empty() {
            "at least one argument is required".to_owned()
        } else {
            nothing_succeeded(&failures)
        };
        let detail = format!("Call to function \"try\" failed: {message}.");
        let problem = Diagnostic::error("function-failed", "Error in function call");
        self.fail(problem.detail(detail).at(self.range(call)))
    }

    /// `can`: whether an expression is without problems.
    fn can_call(&mut self, call: &FuncCall) -> Value {
        let (Some(expr), 1) = (call.args.get(0), call.args.len()) else {
            let (code, summary, detail) = match call.args.len() {
                0 => (
                    "not-enough-arguments",
                    "Not enough function arguments",
                    "Function \"can\" takes 1 argument; \"expression\" is missing.",
                ),
                _ => (
                    "too-many-arguments",
                    "Too many function arguments",
                    "Function \"can\" takes 1 argument; this is one too many.",
                ),
            };
            let problem = Diagnostic::error(code, summary).detail(detail);
            return self.fail(problem.at(self.range(call)));
        };
        let (value, problems) = self.attempt(expr);
        match (problems.is_empty(), value.is_wholly_known()) {
            (false, _) => Value::Bool(false),
            (true, false) => Value::Unknown(Type::Bool),
            (true, true) => Value::Bool(true),
        }
    }

    /// The template of `templatestring` has to come from elsewhere, for one that
    /// stands there could be written as a template at once.
    fn is_template_reference(&mut self, call: &FuncCall) -> bool {
        match call.args.get(0) {
            None | Some(Expression::Variable(_) | Expression::Traversal(_)) => return true,
            Some(_) => {}
        }
        let detail = "Invalid value for \"template\" parameter: it has to refer to a text that \
                      stands elsewhere. A template that stands here needs no function: write it \
                      as a string.";
        let problem = Diagnostic::error("invalid-function-argument", "Invalid function argument");
        let range = call.args.get(0).map_or_else(|| self.range(call), |arg| self.range(arg));
        self.fail(problem.detail(detail).at(range));
        false
    }
}

/// Removes from a message what sensitive arguments may have put there: what is
/// in quotes, and their texts.
fn without_secrets(mut failure: Failure, arguments: &[Argument]) -> Failure {
    let secrets: Vec<&Value> =
        arguments.iter().map(|a| &a.value).filter(|value| value.contains_sensitive()).collect();
    if secrets.is_empty() {
        return failure;
    }
    const SHOWN: &str = "(sensitive value)";
    for text in secrets.iter().filter_map(|secret| secret.as_str()).filter(|text| text.len() > 2) {
        failure.message = failure.message.replace(text, SHOWN);
    }
    let parts: Vec<&str> = failure.message.split('"').collect();
    let public = parts.iter().enumerate().map(|(at, part)| if at % 2 == 0 { *part } else { SHOWN });
    failure.message = public.collect();
    failure
}

/// All functions are also in the namespace `core`.
fn is_core(call: &FuncCall) -> bool {
    matches!(call.name.namespace.as_slice(), [only] if only.as_str() == "core")
}

fn number_of_arguments(number: usize) -> String {
    match number {
        0 => "no arguments".into(),
        1 => "1 argument".into(),
        _ => format!("{number} arguments"),
    }
}

fn unknown_call(detail: String) -> Diagnostic {
    Diagnostic::error("unknown-function", "Call to unknown function").detail(detail)
}

fn invalid_argument(parameter: &Parameter, why: &str, range: &SourceRange) -> Diagnostic {
    Diagnostic::error("invalid-function-argument", "Invalid function argument")
        .detail(format!("Invalid value for {:?} parameter: {why}.", parameter.name))
        .at(range.clone())
}

fn nothing_succeeded(problems: &[Diagnostic]) -> String {
    let mut message = String::from("every expression failed:\n");
    for problem in problems {
        let place = problem.range.as_ref().map(|range| format!(" (at {range})"));
        message +=
            &format!("- {}{}\n  {}\n", problem.summary, place.unwrap_or_default(), problem.detail);
    }
    message + "\nA constant as the last argument always succeeds"
}
