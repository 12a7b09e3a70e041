//! YAML, as Terraform reads and writes it.

mod decode;
mod encode;

use super::{Function, Kind, Parameter, Returns};
use crate::value::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "yamldecode",
        &[Parameter::new("src", Kind::String)],
        Returns::From(|arguments| match arguments[0].as_str() {
            Some(text) => Ok(decode::decode(text)?.type_of()),
            None => Ok(Type::Dynamic),
        }),
        |call| Ok(decode::decode(call.text(0))?),
    ),
    Function::new(
        "yamlencode",
        &[Parameter::new("value", Kind::Any).null().unknown().untyped()],
        Returns::Is(Kind::String),
        |call| {
            let value = &call.arguments[0];
            Ok(match value.is_wholly_known() {
                true => Value::from(encode::encode(value)),
                false => Value::Unknown(Type::String),
            })
        },
    ),
];
