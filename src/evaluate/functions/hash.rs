//! Hashes of texts and files, passwords, UUIDs, and RSA.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use super::encoding::decode_base64;
use super::filesystem::File;
use super::rsa::PrivateKey;
use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Number, Value};

const STR: Parameter = Parameter::new("str", Kind::String);
const PATH: Parameter = Parameter::new("path", Kind::String);
const IS_STRING: Returns = Returns::Is(Kind::String);

type Body = fn(&Call<'_>) -> Result<Value, Failure>;

const fn of_text(name: &'static str, body: Body) -> Function {
    Function::new(name, &[STR], IS_STRING, body)
}

const fn of_file(name: &'static str, body: Body) -> Function {
    Function::new(name, &[PATH], IS_STRING, body)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_text("base64sha256", |call| Ok(base64(&Sha256::digest(call.text(0))))),
    of_text("base64sha512", |call| Ok(base64(&Sha512::digest(call.text(0))))),
    of_text("bcrypt", bcrypt).variadic(Parameter::new("cost", Kind::Number)),
    of_file("filebase64sha256", |call| Ok(base64(&Sha256::digest(content(call)?)))),
    of_file("filebase64sha512", |call| Ok(base64(&Sha512::digest(content(call)?)))),
    of_file("filemd5", |call| Ok(hex(&Md5::digest(content(call)?)))),
    of_file("filesha1", |call| Ok(hex(&Sha1::digest(content(call)?)))),
    of_file("filesha256", |call| Ok(hex(&Sha256::digest(content(call)?)))),
    of_file("filesha512", |call| Ok(hex(&Sha512::digest(content(call)?)))),
    of_text("md5", |call| Ok(hex(&Md5::digest(call.text(0))))),
    Function::new(
        "rsadecrypt",
        &[Parameter::new("ciphertext", Kind::String), Parameter::new("privatekey", Kind::String)],
        IS_STRING,
        rsa_decrypt,
    ),
    of_text("sha1", |call| Ok(hex(&Sha1::digest(call.text(0))))),
    of_text("sha256", |call| Ok(hex(&Sha256::digest(call.text(0))))),
    of_text("sha512", |call| Ok(hex(&Sha512::digest(call.text(0))))),
    Function::new("uuid", &[], IS_STRING, |_| Ok(Value::from(Uuid::new_v4().to_string()))),
    Function::new(
        "uuidv5",
        &[Parameter::new("namespace", Kind::String), Parameter::new("name", Kind::String)],
        IS_STRING,
        uuid_v5,
    ),
];

fn content(call: &Call<'_>) -> Result<Vec<u8>, Failure> {
    File::of(call)?.bytes()
}

fn base64(digest: &[u8]) -> Value {
    Value::from(STANDARD.encode(digest))
}

fn hex(digest: &[u8]) -> Value {
    Value::from(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn bcrypt(call: &Call<'_>) -> Result<Value, Failure> {
    if call.arguments.len() > 2 {
        return Err("bcrypt takes one or two arguments".into());
    }
    let cost = match call.arguments.get(1) {
        Some(cost) => cost.as_number().and_then(Number::to_i64).ok_or(super::WHOLE_NUMBER)?,
        None => 10,
    };
    let failed = |why: &str| format!("error occurred generating password: {why}");
    // Terraform's library takes a cost below the least for its default.
    let cost = if cost < 4 { 10 } else { cost };
    let cost = u32::try_from(cost).ok().filter(|cost| *cost <= 31);
    let cost = cost.ok_or_else(|| failed("the cost is outside the allowed range (4,31)"))?;
    if call.text(0).len() > 72 {
        return Err(failed("password length exceeds 72 bytes").into());
    }
    let hash =
        bcrypt::hash_with_result(call.text(0), cost).map_err(|error| failed(&error.to_string()))?;
    Ok(Value::from(hash.format_for_version(bcrypt::Version::TwoA)))
}

fn rsa_decrypt(call: &Call<'_>) -> Result<Value, Failure> {
    let Ok(cipher) = decode_base64(call.text(0)) else {
        let message = "the ciphertext is not base64";
        return Err(Failure::argument(0, message));
    };
    let key = PrivateKey::from_pem(call.text(1))
        .map_err(|why| Failure::argument(1, format!("invalid private key: {why}")))?;
    let plain = key.decrypt(&cipher).ok_or("the key does not decrypt this ciphertext")?;
    match String::from_utf8(plain) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err("the decrypted text is not valid UTF-8".into()),
    }
}

fn uuid_v5(call: &Call<'_>) -> Result<Value, Failure> {
    let namespace = match call.text(0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other)
            .map_err(|error| format!("uuidv5() doesn't support namespace {other} ({error})"))?,
    };
    Ok(Value::from(Uuid::new_v5(&namespace, call.text(1).as_bytes()).to_string()))
}
