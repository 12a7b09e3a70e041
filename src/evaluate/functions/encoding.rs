//! Base64, CSV, URLs and other encodings of texts.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Type, Value};

const STR: Parameter = Parameter::new("str", Kind::String);
const ENCODING: Parameter = Parameter::new("encoding", Kind::String);
const IS_STRING: Returns = Returns::Is(Kind::String);

/// What stands for itself in a query, besides letters and digits.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base64decode", &[STR.marked()], IS_STRING, base64_decode),
    Function::new("base64encode", &[STR], IS_STRING, |call| {
        Ok(Value::from(STANDARD.encode(call.text(0))))
    }),
    Function::new("base64gzip", &[STR], IS_STRING, base64_gzip),
    Function::new("csvdecode", &[STR], Returns::From(csv_type), csv_decode),
    Function::new(
        "textdecodebase64",
        &[Parameter::new("source", Kind::String), ENCODING],
        IS_STRING,
        text_decode,
    ),
    Function::new(
        "textencodebase64",
        &[Parameter::new("string", Kind::String), ENCODING],
        IS_STRING,
        text_encode,
    ),
    Function::new("urlencode", &[STR], IS_STRING, |call| {
        Ok(Value::from(utf8_percent_encode(call.text(0), QUERY).to_string().replace(' ', "+")))
    }),
];

/// Decodes base64 as Go does, which ignores line breaks.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text.replace(['\r', '\n'], ""))
}

fn base64_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let (value, marked) = call.arguments[0].unmark();
    let text = value.as_str().unwrap_or_default();
    let Ok(bytes) = decode_base64(text) else {
        let shown = if marked { "(sensitive value)".into() } else { format!("{text:?}") };
        return Err(format!("failed to decode base64 data {shown}").into());
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text).sensitive_if(marked)),
        Err(_) => Err("the bytes are no UTF-8 text; for another encoding there is \
                       `textdecodebase64`"
            .into()),
    }
}

/// Compresses as Go's writer does when flushed and closed.
fn base64_gzip(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.text(0).as_bytes();
    let failed = |error: std::io::Error| format!("cannot compress: {error}");
    let mut deflate =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(text).map_err(failed)?;
    deflate.flush().map_err(failed)?;
    let mut crc = flate2::Crc::new();
    crc.update(text);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    bytes.extend_from_slice(deflate.get_ref());
    bytes.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    bytes.extend_from_slice(&crc.sum().to_le_bytes());
    bytes.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn csv_reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes())
}

fn csv_problem(error: &csv::Error) -> String {
    match (error.kind(), error.position()) {
        (csv::ErrorKind::UnequalLengths { .. }, Some(at)) => {
            format!("CSV parse error on line {}: wrong number of fields", at.line())
        }
        _ => format!("CSV parse error: {error}"),
    }
}

fn csv_header(text: &str) -> Result<Vec<String>, String> {
    let header = csv_reader(text).headers().map_err(|error| csv_problem(&error))?.clone();
    if header.is_empty() {
        return Err("missing header line".into());
    }
    Ok(header.iter().map(str::to_owned).collect())
}

fn csv_type(arguments: &[Value]) -> Result<Type, Failure> {
    let Some(text) = arguments[0].as_str() else { return Ok(Type::Dynamic) };
    let header = csv_header(text)?;
    for (at, name) in header.iter().enumerate() {
        if header[..at].contains(name) {
            return Err(format!("duplicate column name {name:?}").into());
        }
    }
    Ok(Type::list(Type::object(header.into_iter().map(|name| (name, Type::String)))))
}

fn csv_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.text(0);
    let header = csv_header(text)?;
    let mut rows = Vec::new();
    for record in csv_reader(text).records() {
        let record = record.map_err(|error| csv_problem(&error))?;
        let fields = record.iter().map(Value::from);
        rows.push(Value::object(header.iter().map(String::as_str).zip(fields)));
    }
    Ok(Value::List(call.returns_element(), Arc::new(rows)))
}

/// An encoding of characters.
enum Charset {
    Ascii,
    Latin1,
    /// UTF-16 in the order of bytes that its mark says.
    Utf16,
    Utf16Le,
    Utf16Be,
    Other(&'static Encoding),
}

fn charset(name: &str) -> Result<Charset, Failure> {
    let wanted = name.to_ascii_uppercase();
    let found = match wanted.as_str() {
        "US-ASCII" | "ASCII" | "ANSI_X3.4-1968" | "ISO646-US" | "US" => Some(Charset::Ascii),
        "ISO-8859-1" | "ISO_8859-1" | "ISO_8859-1:1987" | "LATIN1" | "L1" | "IBM819" | "CP819" => {
            Some(Charset::Latin1)
        }
        "UTF-16" => Some(Charset::Utf16),
        "UTF-16LE" => Some(Charset::Utf16Le),
        "UTF-16BE" => Some(Charset::Utf16Be),
        "CP936" | "MS936" | "WINDOWS-936" => Some(Charset::Other(encoding_rs::GBK)),
        _ => Encoding::for_label_no_replacement(wanted.as_bytes()).map(Charset::Other),
    };
    found.ok_or_else(|| {
        let message = format!(
            "there is no encoding {name:?} here; IANA's names are known, such as UTF-8 or \
             ISO-8859-1"
        );
        Failure::argument(1, message)
    })
}

fn text_encode(call: &Call<'_>) -> Result<Value, Failure> {
    let (text, name) = (call.text(0), call.text(1));
    let bytes: Option<Vec<u8>> = match charset(name)? {
        Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
        Charset::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        Charset::Utf16 => Some(utf16(&format!("\u{feff}{text}"), u16::to_be_bytes)),
        Charset::Utf16Be => Some(utf16(text, u16::to_be_bytes)),
        Charset::Utf16Le => Some(utf16(text, u16::to_le_bytes)),
        Charset::Other(encoding) => {
            let (bytes, _, unmappable) = encoding.encode(text);
            (!unmappable).then(|| bytes.into_owned())
        }
    };
    match bytes {
        Some(bytes) => Ok(Value::from(STANDARD.encode(bytes))),
        None => Err(Failure::argument(0, format!("{name} lacks characters of this text"))),
    }
}

fn text_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let (source, name) = (call.text(0), call.text(1));
    let charset = charset(name)?;
    let bytes = decode_base64(source).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) => {
            Failure::argument(0, format!("what stands at offset {at} is not base64"))
        }
        other => Failure::argument(0, format!("invalid source string: {other}")),
    })?;
    let text = match charset {
        Charset::Ascii => bytes.is_ascii().then(|| bytes.iter().map(|b| char::from(*b)).collect()),
        Charset::Latin1 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
        Charset::Utf16 => match bytes.strip_prefix(&[0xff, 0xfe]) {
            Some(rest) => decode_utf16(rest, u16::from_le_bytes),
            None => {
                let rest = bytes.strip_prefix(&[0xfe, 0xff]).unwrap_or(&bytes);
                decode_utf16(rest, u16::from_be_bytes)
            }
        },
        Charset::Utf16Be => decode_utf16(&bytes, u16::from_be_bytes),
        Charset::Utf16Le => decode_utf16(&bytes, u16::from_le_bytes),
        Charset::Other(encoding) => {
            let (text, bad) = encoding.decode_without_bom_handling(&bytes);
            (!bad).then(|| text.into_owned())
        }
    };
    match text.filter(|text: &String| !text.contains('\u{fffd}')) {
        Some(text) => Ok(Value::from(text)),
        None => Err(Failure::argument(0, format!("the bytes are no text in {name}"))),
    }
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

fn decode_utf16(bytes: &[u8], order: fn([u8; 2]) -> u16) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    String::from_utf16(&units.collect::<Vec<u16>>()).ok()
}
