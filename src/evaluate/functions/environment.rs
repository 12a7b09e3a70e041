//! `env`: a variable of the environment.

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[Function::new(
    "env",
    &[Parameter::new("name", Kind::String)],
    Returns::Is(Kind::String),
    env,
)
.variadic(Parameter::new("default", Kind::String))];

fn env(call: &Call<'_>) -> Result<Value, Failure> {
    if call.arguments.len() > 2 {
        return Err("env() takes one or two arguments".into());
    }
    let name = call.text(0);
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Failure::argument(0, "not the name of an environment variable"));
    }
    match (std::env::var(name), call.arguments.get(1)) {
        (Ok(text), _) => Ok(Value::from(text)),
        (Err(std::env::VarError::NotPresent), Some(default)) => Ok(default.clone()),
        (Err(std::env::VarError::NotPresent), None) => Err(Failure::argument(
            0,
            format!(
                "the environment variable {name:?} is not set; set it, or give a default as the \
                 second argument"
            ),
        )),
        (Err(std::env::VarError::NotUnicode(_)), _) => Err(Failure::argument(
            0,
            format!("the environment variable {name:?} is not valid UTF-8"),
        )),
    }
}
