//! `format` and `formatlist`: Go's verbs.

use unicode_segmentation::UnicodeSegmentation;

use super::json::encode;
use super::string::MAX_TEXT;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Number, Type, Value, convert};

const FORMAT: Parameter = Parameter::new("format", Kind::String);
const ARGS: Parameter = Parameter::new("args", Kind::Any).null().unknown().untyped();

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("format", &[FORMAT], Returns::Is(Kind::String), |call| {
        let arguments = &call.arguments[1..];
        if !arguments.iter().all(Value::is_wholly_known) {
            return Ok(Value::Unknown(Type::String));
        }
        Ok(Value::from(format(call.text(0), arguments)?))
    })
    .variadic(ARGS),
    Function::new("formatlist", &[FORMAT], Returns::Is(Kind::List(&Kind::String)), format_list)
        .variadic(ARGS),
];

fn is_sequence(value: &Value) -> bool {
    matches!(value.type_of(), Type::List(_) | Type::Set(_) | Type::Tuple(_)) && !value.is_null()
}

fn format_list(call: &Call<'_>) -> Result<Value, Failure> {
    let arguments = &call.arguments[1..];
    let unknown = || Ok(Value::Unknown(Type::list(Type::String)));
    let mut length: Option<(usize, usize)> = None;
    let mut is_unknown = false;
    for (at, argument) in arguments.iter().enumerate() {
        let elements = match argument {
            Value::Unknown(Type::Tuple(kinds)) => {
                is_unknown = true;
                kinds.len()
            }
            Value::Unknown(_) if is_sequence(argument) || argument.type_of() == Type::Dynamic => {
                is_unknown = true;
                continue;
            }
            _ if is_sequence(argument) => argument.as_elements().unwrap_or_default().len(),
            _ => continue,
        };
        match length {
            Some((first, wanted)) if wanted != elements => {
                let (this, first) = (at + 1, first + 1);
                let message = format!(
                    "the lists differ in length: argument {first} has {wanted}, argument {this} \
                     has {elements}"
                );
                return Err(Failure::argument(at + 1, message));
            }
            Some(_) => {}
            None => length = Some((at, elements)),
        }
    }
    if is_unknown {
        return unknown();
    }
    let count = length.map_or(1, |(_, elements)| elements);
    let texts: Result<Vec<Value>, Failure> =
        (0..count).map(|at| format_one(call.text(0), arguments, at)).collect();
    Ok(Value::List(Type::String, std::sync::Arc::new(texts?)))
}

fn format_one(text: &str, arguments: &[Value], at: usize) -> Result<Value, Failure> {
    let pick = |argument: &Value| match argument.as_elements().filter(|_| is_sequence(argument)) {
        Some(elements) => elements[at].clone(),
        None => argument.clone(),
    };
    let picked: Vec<Value> = arguments.iter().map(pick).collect();
    if !picked.iter().all(Value::is_wholly_known) {
        return Ok(Value::Unknown(Type::String));
    }
    match format(text, &picked) {
        Ok(text) => Ok(Value::from(text)),
        // Without arguments it is the same as `format`.
        Err(failure) if arguments.is_empty() => Err(failure),
        Err(failure) => Err(format!("error on format iteration {at}: {}", failure.message).into()),
    }
}

/// One `%…` sequence.
#[derive(Default)]
struct Verb<'f> {
    raw: &'f str,
    offset: usize,
    argument: usize,
    mode: char,
    zero: bool,
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn format(text: &str, arguments: &[Value]) -> Result<String, Failure> {
    let mut result = String::new();
    let (mut next, mut highest) = (1, 0);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c != '%' {
            result.push(c);
            at += c.len_utf8();
        } else if text[at..].starts_with("%%") {
            result.push('%');
            at += 2;
        } else {
            let verb = Verb::parse(text, at, next)?;
            highest = highest.max(verb.argument);
            next = verb.argument + 1;
            at += verb.raw.len();
            verb.write(arguments, &mut result)?;
        }
    }
    if highest < arguments.len() {
        let message = match highest {
            0 => "too many arguments; no verbs in format string".to_owned(),
            used => format!("too many arguments; only {used} used by format string"),
        };
        return Err(Failure::argument(highest + 1, message));
    }
    Ok(result)
}

impl<'f> Verb<'f> {
    fn parse(text: &'f str, offset: usize, argument: usize) -> Result<Self, Failure> {
        let mut verb = Self { offset, argument, ..Self::default() };
        let mut at = offset + 1;
        let next = |at: usize| text.as_bytes().get(at).copied();
        while let Some(flag @ (b'0' | b'#' | b'-' | b'+' | b' ')) = next(at) {
            match flag {
                b'0' => verb.zero = true,
                b'#' => verb.sharp = true,
                b'-' => verb.minus = true,
                b'+' => verb.plus = true,
                _ => verb.space = true,
            }
            at += 1;
        }
        if matches!(next(at), Some(b'1'..=b'9')) {
            verb.width = Some(digits(text, &mut at)?);
        }
        if next(at) == Some(b'.') {
            at += 1;
            verb.precision = Some(digits(text, &mut at)?);
        }
        if next(at) == Some(b'[') && matches!(next(at + 1), Some(b'1'..=b'9')) {
            at += 1;
            verb.argument = digits(text, &mut at)?;
            if next(at) != Some(b']') {
                return Err(unexpected(text, at));
            }
            at += 1;
        }
        match next(at) {
            Some(mode) if mode.is_ascii_alphabetic() => {
                verb.mode = char::from(mode);
                verb.raw = &text[offset..=at];
                Ok(verb)
            }
            _ => Err(unexpected(text, at)),
        }
    }

    fn write(&self, arguments: &[Value], result: &mut String) -> Result<(), Failure> {
        let Some(argument) = arguments.get(self.argument - 1) else {
            return Err(format!(
                "not enough arguments for {:?} at {}: need index {} but have {} total",
                self.raw,
                self.offset,
                self.argument,
                arguments.len()
            )
            .into());
        };
        if argument.is_null() && self.mode != 'v' {
            return Err(self.unsupported("null value cannot be formatted"));
        }
        result.push_str(&match self.mode {
            'v' => self.pad(&self.as_is(argument)),
            't' => self.converted(argument, &Type::Bool)?.as_bool().unwrap_or(false).to_string(),
            'b' | 'd' | 'o' | 'x' | 'X' => self.whole(argument)?,
            'e' | 'E' | 'f' | 'g' | 'G' => self.float(argument)?,
            's' | 'q' => self.string(argument)?,
            mode => {
                let (raw, offset) = (self.raw, self.offset);
                let message =
                    format!("unsupported format verb {mode:?} in {raw:?} at offset {offset}");
                return Err(message.into());
            }
        });
        Ok(())
    }

    fn unsupported(&self, why: &str) -> Failure {
        format!("unsupported value for {:?} at {}: {why}", self.raw, self.offset).into()
    }

    fn converted(&self, argument: &Value, kind: &Type) -> Result<Value, Failure> {
        convert(argument, kind).map_err(|error| self.unsupported(&error.message))
    }

    fn as_is(&self, argument: &Value) -> String {
        match argument {
            Value::String(text) if !self.sharp => text.to_string(),
            Value::Number(number) if !self.sharp => number.to_general(None),
            other => encode(other).unwrap_or_default(),
        }
    }

    fn string(&self, argument: &Value) -> Result<String, Failure> {
        let value = self.converted(argument, &Type::String)?;
        let text = value.as_str().unwrap_or_default();
        let cut: String = match self.precision {
            Some(length) if length > 0 => text.graphemes(true).take(length).collect(),
            _ => text.to_owned(),
        };
        Ok(self.pad(&match self.mode {
            'q' => encode(&Value::from(cut)).unwrap_or_default(),
            _ => cut,
        }))
    }

    fn pad(&self, text: &str) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.graphemes(true).count());
        let padding = if self.zero { "0" } else { " " }.repeat(missing);
        if self.minus { format!("{text}{padding}") } else { format!("{padding}{text}") }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn whole(&self, argument: &Value) -> Result<String, Failure> {
        let value = self.converted(argument, &Type::Number)?;
        let whole = value.as_number().and_then(Number::to_bigint);
        let whole = whole.ok_or_else(|| self.unsupported("an integer is required"))?;
        let (radix, prefix) = match self.mode {
            'b' => (2, "0b"),
            'o' => (8, "0"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            _ => (10, ""),
        };
        let mut digits = whole.magnitude().to_str_radix(radix);
        if self.mode == 'X' {
            digits.make_ascii_uppercase();
        }
        if let Some(precision) = self.precision {
            if digits == "0" && precision == 0 {
                return Ok(String::new());
            }
            digits.insert_str(0, &"0".repeat(precision.saturating_sub(digits.len())));
        }
        let prefix = if self.sharp { prefix } else { "" };
        let sign = self.sign(whole.sign() == num_bigint::Sign::Minus);
        let fill_zeros = self.zero && self.precision.is_none();
        Ok(self.justify(&format!("{sign}{prefix}"), &digits, fill_zeros))
    }

    fn float(&self, argument: &Value) -> Result<String, Failure> {
        let value = self.converted(argument, &Type::Number)?;
        let number = value.as_number().ok_or_else(|| self.unsupported("a number is required"))?;
        let sign = self.sign(number.is_negative());
        if number.is_infinite() {
            return Ok(self.justify(if sign.is_empty() { "+" } else { sign }, "Inf", false));
        }
        let size = number.absolute();
        let mut digits = match self.mode {
            'f' => size.to_fixed(self.precision.unwrap_or(6)),
            'e' | 'E' => size.to_exponential(self.precision.unwrap_or(6)),
            _ => size.to_general(self.precision),
        };
        if self.mode.is_ascii_uppercase() {
            digits.make_ascii_uppercase();
        }
        Ok(self.justify(sign, &digits, self.zero))
    }

    /// Fills up to the width: with zeros after the sign, or with spaces.
    fn justify(&self, sign: &str, digits: &str, fill_zeros: bool) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
        let (zeros, spaces) = ("0".repeat(missing), " ".repeat(missing));
        if self.minus {
            format!("{sign}{digits}{spaces}")
        } else if fill_zeros {
            format!("{sign}{zeros}{digits}")
        } else {
            format!("{spaces}{sign}{digits}")
        }
    }
}

fn digits(text: &str, at: &mut usize) -> Result<usize, Failure> {
    let length = text[*at..].bytes().take_while(u8::is_ascii_digit).count();
    let digits = &text[*at..*at + length];
    *at += length;
    if digits.is_empty() {
        return Ok(0);
    }
    let too_large = || Failure::from(format!("the number {digits} in the format is too large"));
    digits.parse().ok().filter(|number| *number <= MAX_TEXT / 64).ok_or_else(too_large)
}

fn unexpected(text: &str, at: usize) -> Failure {
    match text[at..].chars().next() {
        Some(c) => format!("unrecognized format character {c:?} at offset {at}").into(),
        None => format!("invalid format string starting at offset {at}").into(),
    }
}
