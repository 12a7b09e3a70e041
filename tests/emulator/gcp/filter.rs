//! `filter` expressions: comparisons of fields, joined by AND, OR, NOT and
//! parentheses; and the older form with `eq` and `ne`, whose values are
//! regular expressions that match the whole field.

use regex::Regex;
use serde_json::Value;

use super::refusal::Refusal;

#[derive(Debug)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Is { field: Vec<String>, operator: Operator, value: String },
}

#[derive(Debug)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Has,
    Matches(Regex),
    MatchesNot(Regex),
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::invalid("filter", text, "Invalid list filter expression.");
        let mut tokens = Tokens { rest: tokens(text).ok_or_else(wrong)?.into() };
        let filter = tokens.alternatives().ok_or_else(wrong)?;
        match tokens.rest.is_empty() {
            true => Ok(filter),
            false => Err(wrong()),
        }
    }

    pub fn matches(&self, object: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(object)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(object)),
            Self::Not(part) => !part.matches(object),
            Self::Is { field, operator, value } => {
                let found = fields(object, field);
                operator.holds(&found, value)
            }
        }
    }
}

impl Operator {
    fn holds(&self, found: &[&Value], value: &str) -> bool {
        match self {
            Self::NotEqual => !Self::Equal.holds(found, value),
            Self::MatchesNot(regex) => !found.iter().any(|f| regex.is_match(&text_of(f))),
            _ => found.iter().any(|found| self.holds_of(found, value)),
        }
    }

    fn holds_of(&self, found: &Value, value: &str) -> bool {
        let text = text_of(found);
        let order = match (text.parse::<f64>(), value.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.partial_cmp(&b),
            _ => Some(text.as_str().cmp(value)),
        };
        match self {
            Self::Equal => glob(value, &text) || order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterEqual => order.is_some_and(std::cmp::Ordering::is_ge),
            Self::Has => value == "*" || text.to_lowercase().contains(&value.to_lowercase()),
            Self::Matches(regex) => regex.is_match(&text),
            Self::NotEqual | Self::MatchesNot(_) => false,
        }
    }
}

/// Every value at a path of fields; lists stand for each of their members.
fn fields<'a>(object: &'a Value, path: &[String]) -> Vec<&'a Value> {
    if let Value::Array(members) = object {
        return members.iter().flat_map(|member| fields(member, path)).collect();
    }
    match path.split_first() {
        None => vec![object],
        Some((first, rest)) => {
            let below = object.get(first).filter(|value| !value.is_null());
            below.map(|value| fields(value, rest)).unwrap_or_default()
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Compares with a value in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => match text.strip_prefix(head) {
            None => false,
            Some(tail) => (0..=tail.len()).any(|at| tail.get(at..).is_some_and(|t| glob(rest, t))),
        },
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Operator(String),
    Word(String),
    Quoted(String),
}

struct Tokens {
    rest: std::collections::VecDeque<Token>,
}

impl Tokens {
    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = self.rest.front() == Some(&Token::Word(word.to_owned()));
        if is_next {
            self.rest.pop_front();
        }
        is_next
    }

    fn alternatives(&mut self) -> Option<Filter> {
        let mut parts = vec![self.conjunction()?];
        while self.takes_word("OR") {
            parts.push(self.conjunction()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
    }

    /// Terms joined by AND, or by nothing.
    fn conjunction(&mut self) -> Option<Filter> {
        let mut parts = vec![self.term()?];
        while self.takes_word("AND") || self.begins_term() {
            parts.push(self.term()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn begins_term(&self) -> bool {
        match self.rest.front() {
            Some(Token::Word(word)) => word != "OR",
            Some(Token::Open) => true,
            _ => false,
        }
    }

    fn term(&mut self) -> Option<Filter> {
        if self.takes_word("NOT") {
            return Some(Filter::Not(Box::new(self.term()?)));
        }
        match self.rest.pop_front()? {
            Token::Open => {
                let inner = self.alternatives()?;
                (self.rest.pop_front()? == Token::Close).then_some(inner)
            }
            Token::Word(word) => match word.strip_prefix('-') {
                Some(field) => Some(Filter::Not(Box::new(self.comparison(field)?))),
                None => self.comparison(&word),
            },
            _ => None,
        }
    }

    fn comparison(&mut self, field: &str) -> Option<Filter> {
        let operator = match self.rest.pop_front()? {
            Token::Operator(operator) | Token::Word(operator) => operator,
            _ => return None,
        };
        let value = match self.rest.pop_front()? {
            Token::Word(value) | Token::Quoted(value) => value,
            _ => return None,
        };
        let whole = || Regex::new(&format!("^(?:{value})$")).ok();
        let operator = match operator.as_str() {
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterEqual,
            ":" => Operator::Has,
            "eq" => Operator::Matches(whole()?),
            "ne" => Operator::MatchesNot(whole()?),
            _ => return None,
        };
        let field = field.split('.').map(str::to_owned).collect();
        Some(Filter::Is { field, operator, value })
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' | '\'' => quoted(rest, first)?,
            '=' | ':' | '<' | '>' | '!' => {
                let length = 1 + usize::from(first != ':' && rest[1..].starts_with('='));
                (Token::Operator(rest[..length].to_owned()), length)
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "()=:<>!\"".contains(c);
                // In a value after an operator, colons and the like are its own.
                let is_value = matches!(found.last(), Some(Token::Operator(_)));
                let ends_value = |c: char| c.is_whitespace() || c == '(' || c == ')';
                let length = match is_value {
                    true => rest.find(ends_value),
                    false => rest.find(ends),
                };
                let length = length.unwrap_or(rest.len());
                (Token::Word(rest[..length].to_owned()), length)
            }
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Some(found)
}

fn quoted(text: &str, mark: char) -> Option<(Token, usize)> {
    let end = text[1..].find(mark)? + 1;
    Some((Token::Quoted(text[1..end].to_owned()), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chosen(filter: &str) -> Vec<&'static str> {
        let all = [
            ("a", json!({"name": "a", "labels": {"env": "prod", "tier": "web"}, "size": "10"})),
            ("b", json!({"name": "b", "labels": {"env": "dev"}, "on": false, "size": 9})),
            (
                "c",
                json!({"name": "c", "tags": {"items": ["x", "y"]}, "time": "2026-01-02T03:04:05Z"}),
            ),
        ];
        let filter = Filter::parse(filter).unwrap();
        let matching = all.into_iter().filter(|(_, object)| filter.matches(object));
        matching.map(|(name, _)| name).collect()
    }

    #[test]
    fn every_operator_selects_what_the_reference_says() {
        assert_eq!(chosen("name = a"), ["a"]);
        assert_eq!(chosen("name=\"a\""), ["a"]);
        assert_eq!(chosen("name != a"), ["b", "c"]);
        assert_eq!(chosen("labels.env:*"), ["a", "b"]);
        assert_eq!(chosen("-labels.env:*"), ["c"]);
        assert_eq!(chosen("labels.env=prod"), ["a"]);
        assert_eq!(chosen("labels.env!=prod"), ["b", "c"]);
        assert_eq!(chosen("labels.env:pro"), ["a"]);
        assert_eq!(chosen("(labels.env=prod) AND (labels.tier=web)"), ["a"]);
        assert_eq!(chosen("(labels.env=prod) (labels.tier=web)"), ["a"]);
        assert_eq!(chosen("labels.env=prod OR name=c"), ["a", "c"]);
        assert_eq!(chosen("NOT (name=a OR name=b)"), ["c"]);
        assert_eq!(chosen("name eq \"[ab]\""), ["a", "b"]);
        assert_eq!(chosen("name ne 'a'"), ["b", "c"]);
        assert_eq!(chosen("on = false"), ["b"]);
        assert_eq!(chosen("size > 9"), ["a"]);
        assert_eq!(chosen("tags.items=y"), ["c"]);
        assert_eq!(chosen("time >= 2026-01-01T00:00:00Z"), ["c"]);
    }

    #[test]
    fn a_malformed_filter_is_invalid() {
        for text in ["name", "name =", "(name=a", "= a", "name eq \"(\"", "name=a)"] {
            assert_eq!(Filter::parse(text).unwrap_err().reason, "invalid", "{text}");
        }
    }
}
