//! The `sandplan` block: settings, backend and limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bigdecimal::BigDecimal;

use super::body::{BlockBody, NestedBlock, at_most_once};
use super::expr::Expr;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange};
use crate::duration;
use crate::evaluate::{self, ConstantScope};
use crate::value::{Type, Value};

/// What the `sandplan` block says.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub project: Option<String>,
    pub default_provider: Option<String>,
    /// Where the state is, relative to the configuration's directory.
    pub state_path: Option<PathBuf>,
    pub limits: Limits,
    has_backend: bool,
    has_limits: bool,
}

/// Nothing outside these can be applied, whoever wrote the sandbox block.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub max_ttl: Option<Limit<Duration>>,
    pub max_sandboxes: Option<Limit<u64>>,
    pub max_hourly_cost: Option<Limit<Money>>,
    pub allowed_providers: Option<Limit<Vec<String>>>,
}

/// A limit with the place where it is set.
#[derive(Debug, Clone)]
pub struct Limit<T> {
    pub value: T,
    pub range: SourceRange,
}

/// An amount with its currency: `2.50 EUR`.
#[derive(Debug, Clone, PartialEq)]
pub struct Money {
    pub amount: BigDecimal,
    pub currency: Arc<str>,
}

impl Settings {
    /// Takes in a `sandplan` block.
    pub fn read(&mut self, block: &NestedBlock) -> Diagnostics {
        let mut problems = block.unlabelled();
        let body = &block.body;
        problems.extend(
            body.only(&["required_version", "project", "default_provider"], &["backend", "limits"]),
        );
        problems.extend(at_most_once(body.blocks.iter()));
        if let Some(requirement) = text(body, "required_version", &mut problems) {
            problems.extend(check_version(&requirement, body.expr("required_version")));
        }
        let project = text(body, "project", &mut problems);
        let default_provider = text(body, "default_provider", &mut problems);
        if let Some(name) = &project
            && !is_project_name(name)
        {
            problems.push(
                Diagnostic::error("invalid-project", "Invalid project name")
                    .detail("A project is a label on every remote object: 1 to 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit.")
                    .at(body.expr("project").map(Expr::range)),
            );
        }
        problems.extend(once(&mut self.project, project, body.expr("project")));
        let expr = body.expr("default_provider");
        problems.extend(once(&mut self.default_provider, default_provider, expr));
        for backend in body.blocks_of("backend") {
            problems.extend(self.has_backend.then(|| twice("`backend` block", &backend.header)));
            self.has_backend = true;
            problems.extend(self.read_backend(backend));
        }
        for limits in body.blocks_of("limits") {
            problems.extend(self.has_limits.then(|| twice("`limits` block", &limits.header)));
            self.has_limits = true;
            problems.extend(self.limits.read(limits));
        }
        problems
    }

    fn read_backend(&mut self, block: &NestedBlock) -> Diagnostics {
        let mut problems = block.body.only(&["path"], &[]);
        match block.label() {
            Ok(label) if &**label == "sqlite" => {}
            Ok(label) => problems.push(
                Diagnostic::error("unknown-backend", "Unsupported backend")
                    .detail(format!("The backend `{label}` does not exist; there is `sqlite`."))
                    .at(block.header.clone()),
            ),
            Err(problem) => problems.push(problem),
        }
        self.state_path = text(&block.body, "path", &mut problems).map(PathBuf::from);
        problems
    }
}

impl Limits {
    fn read(&mut self, block: &NestedBlock) -> Diagnostics {
        let body = &block.body;
        let mut problems = block.unlabelled();
        problems.extend(
            body.only(&["max_ttl", "max_sandboxes", "max_hourly_cost", "allowed_providers"], &[]),
        );
        let all = &mut problems;
        self.max_ttl = limit(body, "max_ttl", "a duration such as \"24h\"", all, |value| {
            duration::parse(value.as_str()?)
        });
        self.max_sandboxes = limit(body, "max_sandboxes", "a whole number", all, |value| {
            value.as_number()?.to_u64()
        });
        let money = "an amount and a currency such as \"2.50 EUR\"";
        self.max_hourly_cost =
            limit(body, "max_hourly_cost", money, all, |value| parse_money(value.as_str()?));
        let names = "a list of provider names";
        self.allowed_providers = limit(body, "allowed_providers", names, all, |value| {
            value.as_elements()?.iter().map(|v| v.as_str().map(str::to_owned)).collect()
        });
        problems
    }
}

/// Sets what several `sandplan` blocks may set only once.
fn once<T>(setting: &mut Option<T>, value: Option<T>, expr: Option<&Expr>) -> Option<Diagnostic> {
    let value = value?;
    let is_first = setting.is_none();
    *setting = Some(value);
    let range = expr.map(Expr::range)?;
    (!is_first).then(|| twice("setting", &range))
}

fn twice(what: &str, range: &SourceRange) -> Diagnostic {
    Diagnostic::error("duplicate-setting", "Duplicate setting")
        .detail(format!(
            "Another `sandplan` block of this directory has this {what} already. Keep one of the two."
        ))
        .at(range.clone())
}

fn limit<T>(
    body: &BlockBody,
    name: &str,
    expected: &str,
    problems: &mut Diagnostics,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Limit<T>> {
    let expr = body.expr(name)?;
    let value = problems.absorb(constant(expr))?;
    match read(&value) {
        Some(value) => Some(Limit { value, range: expr.range() }),
        None => {
            problems.push(
                Diagnostic::error("invalid-limit", "Invalid limit")
                    .detail(format!("`{name}` must be {expected}."))
                    .at(expr.range()),
            );
            None
        }
    }
}

/// Reads `2.50 EUR`.
pub fn parse_money(text: &str) -> Option<Money> {
    let (amount, currency) = text.trim().split_once(' ')?;
    let currency = currency.trim();
    let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
    let amount: BigDecimal = amount.parse().ok()?;
    let is_positive = amount >= 0;
    (is_currency && is_positive).then(|| Money { amount, currency: currency.into() })
}

fn text(body: &BlockBody, name: &str, problems: &mut Diagnostics) -> Option<String> {
    let expr = body.expr(name)?;
    let value = problems.absorb(constant(expr))?;
    match evaluate::convert(&value, &Type::String) {
        Ok(Value::String(text)) => Some(text.to_string()),
        _ => {
            problems.push(
                Diagnostic::error("wrong-type", "Unsuitable value type")
                    .detail(format!("`{name}` must be a string."))
                    .at(expr.range()),
            );
            None
        }
    }
}

/// Evaluates an expression that may refer to nothing.
pub fn constant(expr: &Expr) -> Result<Value, Diagnostics> {
    if let Some(reference) = expr.references().first() {
        return Err(Diagnostic::error("not-constant", "References are not allowed here")
            .detail(format!(
                "This is read before anything else, so it cannot refer to `{}`. Write the value itself.",
                reference.root
            ))
            .at(reference.range.clone())
            .into());
    }
    expr.evaluate(&ConstantScope)
}

/// Tells whether a text can be a label's value on every platform, as a project must be.
pub fn is_project_name(name: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (1..=63).contains(&name.len())
        && end(name.chars().next())
        && end(name.chars().last())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Derives a project name from a directory's.
pub fn project_of(directory: &Path) -> String {
    let name = directory.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(63)
        .collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "sandplan".to_owned() } else { name.to_owned() }
}

fn check_version(requirement: &str, expr: Option<&Expr>) -> Diagnostics {
    let range = expr.map(Expr::range);
    let version = env!("CARGO_PKG_VERSION");
    match satisfies(version, requirement) {
        Some(true) => Diagnostics::new(),
        Some(false) => Diagnostic::error("unsupported-version", "Unsupported sandplan version")
            .detail(format!(
                "This configuration requires sandplan {requirement}, and this is {version}."
            ))
            .at(range)
            .into(),
        None => Diagnostic::error("invalid-version", "Invalid version constraint")
            .detail(format!(
                "`{requirement}` is not a version constraint such as \">= 0.1, < 2.0\"."
            ))
            .at(range)
            .into(),
    }
}

/// Tells whether a version satisfies Terraform's constraint syntax (`>= 1.2, != 1.3.1`, `~> 1.2`).
fn satisfies(version: &str, requirement: &str) -> Option<bool> {
    let version = numbers(version)?;
    let mut all = true;
    for part in requirement.split(',') {
        let part = part.trim();
        let digits = part.find(|c: char| c.is_ascii_digit())?;
        let wanted = part[digits..].trim();
        let given = wanted.split('.').count();
        let wanted = numbers(wanted)?;
        all &= match part[..digits].trim() {
            "" | "=" => version == wanted,
            "!=" => version != wanted,
            ">" => version > wanted,
            ">=" => version >= wanted,
            "<" => version < wanted,
            "<=" => version <= wanted,
            "~>" => version >= wanted && version[..given.max(2) - 1] == wanted[..given.max(2) - 1],
            _ => return None,
        };
    }
    Some(all)
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = [0; 3];
    let mut words = version.split('.');
    for part in &mut parts {
        if let Some(word) = words.next() {
            *part = word.parse().ok()?;
        }
    }
    words.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_constraints_are_terraforms() {
        for (requirement, expected) in [
            (">= 0.1", Some(true)),
            (">= 0.1, < 0.2", Some(true)),
            ("~> 0.1", Some(true)),
            ("~> 0.1.2", Some(true)),
            ("~> 0.2", Some(false)),
            ("= 0.1.5", Some(true)),
            ("!= 0.1.5", Some(false)),
            ("abc", None),
            (">= 1.x", None),
        ] {
            assert_eq!(satisfies("0.1.5", requirement), expected, "{requirement}");
        }
    }

    #[test]
    fn money_names_its_currency() {
        assert!(parse_money("2.50 EUR").is_some());
        for wrong in ["2.50", "EUR", "-1 EUR", "2.5 euro", ""] {
            assert_eq!(parse_money(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_directory_name_becomes_a_project() {
        assert_eq!(project_of(Path::new("/x/my app")), "my-app");
        assert_eq!(project_of(Path::new("/")), "sandplan");
    }
}
