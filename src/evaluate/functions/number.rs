//! Arithmetic: `abs`, `ceil`, `floor`, `log`, `max`, `min`, `parseint`, `pow`, `signum`.

use num_bigint::BigInt;

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Number, Type, Value};

const NUM: Parameter = Parameter::new("num", Kind::Number);
const NUMBERS: Parameter = Parameter::new("numbers", Kind::Number).untyped();
const IS_NUMBER: Returns = Returns::Is(Kind::Number);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("abs", &[NUM.untyped()], IS_NUMBER, |call| {
        Ok(Value::Number(number(call, 0)?.absolute()))
    }),
    Function::new("ceil", &[NUM], IS_NUMBER, |call| Ok(Value::Number(number(call, 0)?.ceil()))),
    Function::new("floor", &[NUM], IS_NUMBER, |call| Ok(Value::Number(number(call, 0)?.floor()))),
    Function::new("log", &[NUM, Parameter::new("base", Kind::Number)], IS_NUMBER, |call| {
        float(number(call, 0)?.to_f64().ln() / number(call, 1)?.to_f64().ln())
    }),
    Function::new("max", &[], IS_NUMBER, |call| extreme(call, |a, b| a > b)).variadic(NUMBERS),
    Function::new("min", &[], IS_NUMBER, |call| extreme(call, |a, b| a < b)).variadic(NUMBERS),
    Function::new(
        "parseint",
        &[Parameter::new("number", Kind::Any), Parameter::new("base", Kind::Number)],
        Returns::From(parseint_type),
        parseint,
    ),
    Function::new("pow", &[NUM, Parameter::new("power", Kind::Number)], IS_NUMBER, |call| {
        float(number(call, 0)?.to_f64().powf(number(call, 1)?.to_f64()))
    }),
    Function::new("signum", &[NUM], IS_NUMBER, |call| Ok(Value::from(call.whole(0)?.signum()))),
];

fn number<'a>(call: &'a Call<'_>, at: usize) -> Result<&'a Number, Failure> {
    let number = call.arguments.get(at).and_then(Value::as_number);
    number.ok_or_else(|| Failure::argument(at, "a number is required"))
}

fn float(value: f64) -> Result<Value, Failure> {
    Number::from_f64(value).map(Value::Number).ok_or_else(|| "the result is not a number".into())
}

fn extreme(call: &Call<'_>, better: fn(&Number, &Number) -> bool) -> Result<Value, Failure> {
    let numbers = call.arguments.iter().filter_map(Value::as_number);
    let best = numbers.reduce(|best, each| if better(each, best) { each } else { best });
    best.cloned().map(Value::Number).ok_or_else(|| "at least one number is required".into())
}

fn parseint_type(arguments: &[Value]) -> Result<Type, Failure> {
    match arguments[0].type_of() {
        Type::String => Ok(Type::Number),
        other => {
            let name = other.friendly_name();
            Err(Failure::argument(0, format!("a string is required, not {name}")))
        }
    }
}

fn parseint(call: &Call<'_>) -> Result<Value, Failure> {
    let (text, base) = (call.text(0), call.whole(1)?);
    if !(2..=62).contains(&base) {
        return Err(Failure::argument(1, "the base must be from 2 to 62"));
    }
    match parse_in_base(text, base) {
        Some(whole) => Ok(Value::Number(Number::from_bigint(&whole))),
        None => Err(Failure::argument(0, format!("{text:?} is not a whole number in base {base}"))),
    }
}

/// Up to base 36 letters of either case are alike; above, upper case comes after lower.
fn parse_in_base(text: &str, base: i64) -> Option<BigInt> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    let mut result = BigInt::ZERO;
    for digit in digits.bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            b'A'..=b'Z' if base <= 36 => digit - b'A' + 10,
            b'A'..=b'Z' => digit - b'A' + 36,
            _ => return None,
        };
        if i64::from(value) >= base {
            return None;
        }
        result = result * base + value;
    }
    Some(if negative { -result } else { result })
}
