//! XML as EC2 writes it: elements with children or a text, and lists of `item`.

use serde_json::{Map, Value};
use xmlparser::{ElementEnd, Token, Tokenizer};

/// An element; `text` and `attributes` stay escaped as they came.
#[derive(Debug, Clone, Default)]
pub struct Element {
    pub name: String,
    attributes: String,
    text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub fn with_text(name: &str, text: &str) -> Self {
        Self { text: escape(text), ..Self::new(name) }
    }

    /// Reads a document.
    pub fn parse(document: &str) -> Result<Self, String> {
        let mut open = vec![Self::default()];
        for token in Tokenizer::from(document) {
            take(&mut open, token.map_err(|error| error.to_string())?);
        }
        match open.pop().and_then(|mut all| all.children.pop()) {
            Some(root) if open.is_empty() => Ok(root),
            _ => Err("the document has no end".to_owned()),
        }
    }

    pub fn document(&self) -> String {
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) {
        to.extend(["<", &self.name, &self.attributes, ">", &self.text]);
        self.children.iter().for_each(|child| child.write(to));
        to.extend(["</", &self.name, ">"]);
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The child of a name, made when it is missing.
    pub fn child_mut(&mut self, name: &str) -> &mut Self {
        let at = self.children.iter().position(|child| child.name == name);
        let at = at.unwrap_or_else(|| {
            self.children.push(Self::new(name));
            self.children.len() - 1
        });
        &mut self.children[at]
    }

    /// The element at a path such as `instanceState/name`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text at a path; empty where there is nothing.
    pub fn text(&self, path: &str) -> String {
        self.at(path).map(|element| unescape(&element.text)).unwrap_or_default()
    }

    /// Sets the text at a path, whose elements are made when they are missing.
    pub fn set(&mut self, path: &str, text: &str) {
        let element = path.split('/').fold(self, |element, name| element.child_mut(name));
        element.text = escape(text);
    }

    pub fn remove(&mut self, name: &str) {
        self.children.retain(|child| child.name != name);
    }

    /// The entries of a list.
    pub fn items(&self, path: &str) -> impl Iterator<Item = &Self> {
        let children = self.at(path).map(|list| &list.children[..]).unwrap_or_default();
        children.iter().filter(|child| child.name == "item")
    }

    /// Looks at every element, the outer ones first.
    pub fn walk(&mut self, look: &mut impl FnMut(&mut Self)) {
        look(self);
        self.children.iter_mut().for_each(|child| child.walk(look));
    }

    /// As JSON: a list of items is an array, a text a string.
    pub fn json(&self) -> Value {
        if self.children.iter().any(|child| child.name == "item") {
            return self.children.iter().map(Self::json).collect();
        }
        if self.children.is_empty() {
            return Value::String(unescape(&self.text));
        }
        let fields = self.children.iter().map(|child| (child.name.clone(), child.json()));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

/// Adds a token to the innermost element that is open.
fn take(open: &mut Vec<Element>, token: Token<'_>) {
    match token {
        Token::ElementStart { local, .. } => open.push(Element::new(&local)),
        Token::Attribute { span, .. } => {
            let inner = innermost(open);
            inner.attributes.extend([" ", span.as_str()]);
        }
        Token::Text { text } => innermost(open).text.push_str(&text),
        Token::Cdata { text, .. } => innermost(open).text.push_str(&escape(&text)),
        Token::ElementEnd { end: ElementEnd::Close(..) | ElementEnd::Empty, .. } => close(open),
        _ => {}
    }
}

fn innermost(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the document itself is open")
}

fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let Some(mut done) = open.pop()
    {
        if !done.children.is_empty() {
            done.text.clear();
        }
        innermost(open).children.push(done);
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Replaces the five named entities and those by number.
fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or(("", part));
        plain.push_str(&entity(name));
        plain.push_str(rest);
    }
    plain
}

fn entity(name: &str) -> String {
    match name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        _ => by_number(name).map(String::from).unwrap_or_default(),
    }
}

fn by_number(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let number = match digits.strip_prefix('x') {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<?xml version=\"1.0\"?>\n<A xmlns=\"x\"><set>\n <item><id>i-1</id>\
        <state><name>a &amp; &#60;b&gt;</name></state></item><item><id>i-2</id></item></set>\
        <none/></A>";

    #[test]
    fn elements_are_read_changed_and_written() {
        let mut root = Element::parse(ANSWER).unwrap();
        let first = root.items("set").next().unwrap();
        assert_eq!((first.text("id"), first.text("state/name")), ("i-1".into(), "a & <b>".into()));
        root.walk(&mut |element| {
            if element.text("id") == "i-2" {
                element.set("state/name", "x < y");
            }
        });
        let again = Element::parse(&root.document()).unwrap();
        assert_eq!(again.items("set").nth(1).unwrap().text("state/name"), "x < y");
        assert!(root.document().contains("<A xmlns=\"x\">"));
    }

    #[test]
    fn lists_become_arrays() {
        let root = Element::parse(ANSWER).unwrap();
        assert_eq!(root.json()["set"][1]["id"], "i-2");
        assert_eq!(root.json()["none"], "");
        assert!(Element::parse("<A><b>").is_err());
    }
}
