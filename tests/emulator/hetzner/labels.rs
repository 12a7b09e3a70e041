//! Labels: their rules, and the selectors that lists are filtered by.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::Refusal;

pub type Labels = BTreeMap<String, String>;

/// Reads a `labels` field, or says what is wrong with it.
pub fn read(value: &Value) -> Result<Labels, String> {
    let Value::Object(pairs) = value else {
        return Err("Not a valid object.".to_owned());
    };
    pairs.iter().map(|(key, value)| read_pair(key, value)).collect()
}

fn read_pair(key: &str, value: &Value) -> Result<(String, String), String> {
    let Value::String(value) = value else {
        return Err(format!("value of label '{key}' is not a string"));
    };
    if !is_key(key) {
        return Err(format!("label key '{key}' is not correctly formatted"));
    }
    if !value.is_empty() && !is_word(value) {
        return Err(format!("label value '{value}' is not correctly formatted"));
    }
    Ok((key.to_owned(), value.clone()))
}

/// `[prefix/]name`: the prefix a domain of at most 255, the name a word.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_domain(prefix) && !is_reserved(prefix) && is_word(name),
        None => is_word(key),
    }
}

fn is_reserved(prefix: &str) -> bool {
    prefix == "hetzner.cloud" || prefix.ends_with(".hetzner.cloud")
}

fn is_domain(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.split('.').all(is_word)
}

/// At most 63 letters, digits, `-`, `_` and `.`, alphanumeric at both ends.
fn is_word(text: &str) -> bool {
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends_well(text.chars().next())
        && ends_well(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// A parsed selector: every term has to hold.
#[derive(Debug)]
pub struct Selector(Vec<Term>);

#[derive(Debug)]
struct Term {
    key: String,
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    Present,
    Absent,
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
}

impl Selector {
    /// Parses `k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`
    /// and any of these joined by commas.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let terms = split_terms(text).into_iter().map(|term| parse_term(term.trim()));
        match terms.collect::<Option<Vec<Term>>>() {
            Some(terms) => Ok(Self(terms)),
            None => Err(Refusal::invalid("label_selector", "label selector is malformed")),
        }
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|term| term.matches(labels))
    }
}

impl Term {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.wanted {
            Wanted::Present => value.is_some(),
            Wanted::Absent => value.is_none(),
            Wanted::OneOf(values) => value.is_some_and(|v| values.contains(v)),
            Wanted::NoneOf(values) => value.is_none_or(|v| !values.contains(v)),
        }
    }
}

/// Splits at the commas outside parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn parse_term(term: &str) -> Option<Term> {
    if let Some(key) = term.strip_prefix('!') {
        return make_term(key, Wanted::Absent);
    }
    if let Some((key, value)) = term.split_once("!=") {
        return make_term(key, Wanted::NoneOf(vec![parse_value(value)?]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return make_term(key, Wanted::OneOf(vec![parse_value(value)?]));
    }
    match term.split_once(char::is_whitespace) {
        Some((key, rest)) => parse_set(key, rest.trim_start()),
        None => make_term(term, Wanted::Present),
    }
}

fn parse_set(key: &str, rest: &str) -> Option<Term> {
    let (operator, list) = rest.split_once('(')?;
    let values = list.trim_end().strip_suffix(')')?.split(',').map(parse_value);
    let values = values.collect::<Option<Vec<String>>>()?;
    match operator.trim() {
        "in" => make_term(key, Wanted::OneOf(values)),
        "notin" => make_term(key, Wanted::NoneOf(values)),
        _ => None,
    }
}

fn make_term(key: &str, wanted: Wanted) -> Option<Term> {
    let key = key.trim();
    is_key(key).then(|| Term { key: key.to_owned(), wanted })
}

fn parse_value(text: &str) -> Option<String> {
    let text = text.trim();
    (text.is_empty() || is_word(text)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(selector: &str) -> Vec<&'static str> {
        let all = [("a", "env=prod,tier=web"), ("b", "env=dev"), ("c", "tier=")];
        let selector = Selector::parse(selector).unwrap();
        let matching = all.into_iter().filter(|(_, pairs)| {
            let pairs = pairs.split(',').filter_map(|p| p.split_once('='));
            selector.matches(&pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
        });
        matching.map(|(name, _)| name).collect()
    }

    #[test]
    fn every_operator_selects_what_the_api_says() {
        assert_eq!(chosen("env"), ["a", "b"]);
        assert_eq!(chosen("!env"), ["c"]);
        assert_eq!(chosen("env=prod"), ["a"]);
        assert_eq!(chosen("env==prod"), ["a"]);
        assert_eq!(chosen("env!=prod"), ["b", "c"]);
        assert_eq!(chosen("env in (prod,dev)"), ["a", "b"]);
        assert_eq!(chosen("env notin (prod, test)"), ["b", "c"]);
        assert_eq!(chosen("env in (prod,dev),tier"), ["a"]);
        assert_eq!(chosen("tier="), ["c"]);
    }

    #[test]
    fn a_malformed_selector_is_invalid_input() {
        for text in ["=x", "env in prod", "a b", "env in (a", "", "-a"] {
            assert_eq!(Selector::parse(text).unwrap_err().code, "invalid_input", "{text}");
        }
    }

    #[test]
    fn labels_follow_the_rules() {
        let read = |k: &str, v: &str| read(&serde_json::json!({ k: v })).is_ok();
        assert!(read("example.com/name", "a_b.c-d") && read("k", ""));
        assert!(!read("-k", "v") && !read("k", "v-") && !read("k", &"x".repeat(64)));
        assert!(!read("a/b/c", "v") && !read("hetzner.cloud/k", "v") && !read("", "v"));
    }
}
