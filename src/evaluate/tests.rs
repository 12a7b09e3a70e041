//! Runs the cases of `tests/language` and, where there is one, of the corpus.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::{
    Resolved, Scope, evaluate_partly, evaluate_template, parse_expression, parse_template,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::value::{Type, Value};

/// Variables given by a case, and files from a directory.
struct Case {
    variables: Vec<(String, Value)>,
    directory: PathBuf,
}

impl Scope for Case {
    fn resolve(&self, root: &str, _next: Option<&str>) -> Result<Resolved, Diagnostics> {
        match self.variables.iter().find(|(name, _)| name == root) {
            Some((_, value)) => Ok(Resolved::Root(value.clone())),
            None => Err(Diagnostic::error("unknown-variable", "Unknown variable").into()),
        }
    }

    fn base_dir(&self) -> &Path {
        &self.directory
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// Reads a value as the corpus writes it.
fn typed(json: &Json) -> Value {
    let kind = Type::from_json(&json["type"]).expect("a type");
    let value =
        if json["unknown"] == true { Value::Unknown(kind) } else { shaped(&json["value"], &kind) };
    value.sensitive_if(json["marks"].is_array() || json["sensitive"] == true)
}

fn shaped(json: &Json, kind: &Type) -> Value {
    if let Some(marked) = json.get("__marked__") {
        return shaped(marked, kind).sensitive();
    }
    if let Some(unknown) = json.get("__unknown__") {
        return Value::Unknown(Type::from_json(unknown).expect("a type"));
    }
    if json.is_null() {
        return Value::Null(kind.clone());
    }
    let elements = |of: &dyn Fn(usize) -> Type| -> Vec<Value> {
        let elements = json.as_array().expect("an array").iter().enumerate();
        elements.map(|(at, element)| shaped(element, &of(at))).collect()
    };
    let named = |of: &dyn Fn(&str) -> Type| -> Vec<(String, Value)> {
        let members = json.as_object().expect("an object").iter();
        members.map(|(name, value)| (name.clone(), shaped(value, &of(name)))).collect()
    };
    match kind {
        Type::List(of) => Value::List((**of).clone(), elements(&|_| (**of).clone()).into()),
        Type::Set(of) => Value::set((**of).clone(), elements(&|_| (**of).clone())),
        Type::Tuple(kinds) => Value::tuple(elements(&|at| kinds[at].clone())),
        Type::Map(of) => {
            let named = named(&|_| (**of).clone()).into_iter().map(|(n, v)| (n.into(), v));
            Value::Map((**of).clone(), std::sync::Arc::new(named.collect()))
        }
        Type::Object(_) => {
            Value::object(named(&|name| kind.attribute(name).expect("an attribute").clone()))
        }
        _ => Value::from_json(json),
    }
}

fn evaluate_case(text: &str, is_template: bool, case: &Case) -> (Value, Diagnostics) {
    let source = Source::new("<case>", text);
    let nothing = |problems| (Value::unknown(), problems);
    if is_template {
        match parse_template(&source).and_then(|t| evaluate_template(&t, &source, case)) {
            Ok(value) => (value, Diagnostics::new()),
            Err(problems) => nothing(problems),
        }
    } else {
        match parse_expression(&source) {
            Ok(expr) => evaluate_partly(&expr, &source, case),
            Err(problems) => nothing(problems),
        }
    }
}

/// Says what is wrong with the outcome of a case, if anything.
fn complaint(case: &Json, value: &Value, problems: &Diagnostics) -> Option<String> {
    if let Some(error) = case.get("error") {
        let told = problems.to_string();
        let fits = match error.as_str() {
            Some(part) => told.contains(part),
            None => problems.has_errors(),
        };
        return (!fits).then(|| format!("wanted the error {error}, got {value:?} {told}"));
    }
    if case["diag_count"].as_u64().unwrap_or(0) > 0 {
        return (!problems.has_errors()).then(|| format!("wanted an error, got {value:?}"));
    }
    if problems.has_errors() {
        return Some(problems.to_string());
    }
    let wanted = typed(&case["expected"]);
    (*value != wanted).then(|| format!("wanted {wanted:?}\n          got {value:?}"))
}

fn run(cases: &Json, directory: &Path) -> (usize, Vec<String>) {
    let cases = cases.as_array().expect("a list of cases");
    let mut complaints = Vec::new();
    for case in cases {
        let text = case.get("expr").or(case.get("input")).and_then(Json::as_str).expect("a text");
        let variables = case["variables"].as_object().cloned().unwrap_or_default();
        let variables =
            variables.iter().map(|(name, value)| (name.clone(), typed(value))).collect();
        let scope = Case { variables, directory: directory.to_owned() };
        let (value, problems) = evaluate_case(text, case["kind"] == "template", &scope);
        if let Some(complaint) = complaint(case, &value, &problems) {
            complaints.push(format!("{text}\n   {complaint}"));
        }
    }
    (cases.len() - complaints.len(), complaints)
}

fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("SANDPLAN_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    given.or(Some(beside)).filter(|directory| directory.exists())
}

fn read(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language/files")
}

fn corpus_passes(file: &str, floor: usize) {
    let Some(corpus) = corpus() else { return };
    let cases = read(&corpus.join(file));
    let (passed, complaints) = run(&cases, &fixtures());
    println!("{file}: {passed} of {}", passed + complaints.len());
    println!("{}", complaints.join("\n"));
    assert!(passed >= floor, "{file}: {passed} passed, {floor} did before");
}

#[test]
fn functions_of_the_corpus_have_their_results() {
    corpus_passes("functions.json", 160);
}

#[test]
fn expressions_of_the_corpus_have_their_results() {
    corpus_passes("expressions.json", 69);
}

#[test]
fn the_specification_suite_evaluates() {
    let Some(corpus) = corpus() else { return };
    let cases = read(&corpus.join("hcl_specsuite.json"));
    let cases = cases.as_array().expect("a list of cases");
    let wrong: Vec<String> = cases.iter().filter_map(specification_complaint).collect();
    println!("hcl_specsuite.json: {} of {}", cases.len() - wrong.len(), cases.len());
    assert_eq!(wrong, Vec::<String>::new());
}

/// Evaluates a file without a schema: attributes by name, blocks by type and labels.
fn specification_complaint(case: &Json) -> Option<String> {
    let name = case["name"].as_str().expect("a name");
    let source = Source::new("<input>", case["input"].as_str().expect("an input"));
    let body = match super::parse_body(&source) {
        Ok(body) => body,
        Err(_) if case.get("diagnostics").is_some() => return None,
        Err(problems) => return Some(format!("{name}: {problems}")),
    };
    if case.get("diagnostics").is_some() {
        // Only a schema says that an attribute is not expected.
        return (name != "structure/attributes/unexpected").then(|| format!("{name}: no problem"));
    }
    let scope = Case { variables: specification_variables(case), directory: fixtures() };
    let value = match body_value(&body, &source, &scope) {
        Ok(value) => value,
        Err(problems) => return Some(format!("{name}: {problems}")),
    };
    let wanted = case.get("result").filter(|result| result.is_object())?;
    let given = value.to_json();
    let fits = alike(&given, wanted) || given.get("a").is_some_and(|inner| alike(inner, wanted));
    (!fits).then(|| format!("{name}: wanted {wanted}, got {given}"))
}

fn specification_variables(case: &Json) -> Vec<(String, Value)> {
    let spec = Source::new("<spec>", case["hcldec_spec"].as_str().expect("a spec"));
    let body = super::parse_body(&spec).expect("a spec that parses");
    let none = Case { variables: Vec::new(), directory: fixtures() };
    let variables = body.iter().filter_map(|structure| structure.as_block());
    let variables = variables.filter(|block| block.ident.as_str() == "variables");
    let value = |attribute: &hcl::edit::structure::Attribute| {
        let value = super::evaluate(&attribute.value, &spec, &none).expect("a constant");
        (attribute.key.to_string(), value)
    };
    variables
        .flat_map(|block| block.body.iter().filter_map(|s| s.as_attribute()).map(value))
        .collect()
}

fn body_value(
    body: &hcl::edit::structure::Body,
    source: &Source,
    scope: &Case,
) -> Result<Value, Diagnostics> {
    let mut value = Value::object::<&str>([]);
    for structure in body.iter() {
        if let Some(attribute) = structure.as_attribute() {
            let given = super::evaluate(&attribute.value, source, scope)?;
            value = value.with(attribute.key.as_str(), given);
        } else if let Some(block) = structure.as_block() {
            let inner = body_value(&block.body, source, scope)?;
            let kind = block.ident.as_str();
            let whole = match block.labels.first() {
                Some(label) => {
                    let labelled = value.get(kind).cloned().unwrap_or(Value::object::<&str>([]));
                    labelled.with(label.as_str(), inner)
                }
                None => inner,
            };
            value = value.with(kind, whole);
        }
    }
    Ok(value)
}

/// Compares JSON with numbers as close as floating point has them.
fn alike(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(k, v)| b.get(k).is_some_and(|other| alike(v, other)))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        _ => a == b,
    }
}

#[test]
fn deep_and_long_expressions_do_not_overflow_the_stack() {
    for text in [
        vec!["1"; 10_000].join("+"),
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1{}", "[".repeat(60), "]".repeat(60)),
        format!("{}1{}", "[for x in [1] : ".repeat(30), "]".repeat(30)),
        format!("{}1{}", "\"${".repeat(30), "}\"".repeat(30)),
        format!("{}1{}", "abs(".repeat(60), ")".repeat(60)),
        format!("{}1{}", "try(".repeat(60), ")".repeat(60)),
        format!("{}true", "!".repeat(10_000)),
        format!("{}2", "true ? 1 : ".repeat(60)),
        vec!["1"; 128].join("+"),
        format!("[1]{}", "[0]".repeat(10_000)),
        format!("[1]{}", "[*]".repeat(10_000)),
        format!("[1]{}", "[*]".repeat(32)),
        format!("{{}}{}", ".a".repeat(10_000)),
    ] {
        let _ = super::evaluate_text(&text);
    }
}

#[test]
fn our_own_cases_have_their_results() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            all.extend(run(&read(&path), &fixtures()).1);
        }
    }
    assert_eq!(json!(all), json!([]));
}

fn own_texts() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let cases = read(&directory.join("expressions.json"));
    let text = |case: &Json| case["expr"].as_str().expect("a text").to_owned();
    cases.as_array().expect("a list of cases").iter().map(text).collect()
}

proptest::proptest! {
    #[test]
    fn a_broken_text_is_a_problem_and_no_panic(
        text in proptest::sample::select(own_texts()),
        at in proptest::prelude::any::<proptest::sample::Index>(),
        put in "[ \"'$%{}~*.:?é0-9(\\[\\])!=-]{0,3}",
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        characters.splice(at..=at, put.chars());
        let _ = super::evaluate_text(&String::from_iter(characters));
    }
}
