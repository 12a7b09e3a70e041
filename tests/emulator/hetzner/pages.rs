//! Lists: filtered by name and label, sorted, and cut into pages.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::labels::{Labels, Selector};
use super::request::Request;

/// What lists need to know of an object.
pub trait Listed {
    fn id(&self) -> u64;
    fn name(&self) -> &str {
        ""
    }
    /// Milliseconds since 1970.
    fn created(&self) -> u64 {
        0
    }
    fn labels(&self) -> Option<&Labels> {
        None
    }
    /// Order by a field of its own, where `sort` allows more than the usual.
    fn compare(&self, other: &Self, field: &str) -> Ordering {
        match field {
            "name" => self.name().cmp(other.name()),
            "created" => self.created().cmp(&other.created()),
            _ => self.id().cmp(&other.id()),
        }
    }
}

/// A list of objects and what it may be sorted by.
pub struct Listing<'a, T> {
    pub key: &'static str,
    pub sortable: &'static [&'static str],
    pub objects: Vec<&'a T>,
}

impl<T: Listed> Listing<'_, T> {
    /// Answers the page that was asked for; only its objects are drawn.
    pub fn answer(
        mut self,
        request: &Request,
        draw: impl Fn(&T) -> Value,
    ) -> Result<Answer, Refusal> {
        self.filter(request)?;
        self.sort(request)?;
        let page = Page::read(request)?;
        let total = self.objects.len();
        let shown = self.objects.iter().skip((page.number - 1) * page.size).take(page.size);
        let shown: Vec<Value> = shown.map(|object| draw(object)).collect();
        Answer::ok(json!({ self.key: shown, "meta": {"pagination": page.meta(total)} }))
    }

    fn filter(&mut self, request: &Request) -> Result<(), Refusal> {
        if let Some(name) = request.first("name") {
            self.objects.retain(|object| object.name() == name);
        }
        if let Some(text) = request.first("label_selector") {
            let selector = Selector::parse(text)?;
            self.objects.retain(|o| o.labels().is_some_and(|labels| selector.matches(labels)));
        }
        Ok(())
    }

    /// Sorts by each `sort` parameter in turn, the first being the strongest.
    fn sort(&mut self, request: &Request) -> Result<(), Refusal> {
        let mut orders = Vec::new();
        for text in request.all("sort") {
            let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
            if !self.sortable.contains(&field) || !["asc", "desc"].contains(&direction) {
                return Err(Refusal::invalid("sort", format!("cannot sort by '{text}'")));
            }
            orders.push((field, direction == "desc"));
        }
        self.objects.sort_by(|a, b| {
            let order = orders.iter().map(|(field, descending)| {
                let order = a.compare(b, field);
                if *descending { order.reverse() } else { order }
            });
            order.fold(Ordering::Equal, Ordering::then).then(a.id().cmp(&b.id()))
        });
        Ok(())
    }
}

struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn read(request: &Request) -> Result<Self, Refusal> {
        let read = |key: &str, default: usize, most: usize| match request.first(key) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if (1..=most).contains(&number) => Ok(number),
                _ => Err(Refusal::invalid(key, format!("must be between 1 and {most}"))),
            },
        };
        Ok(Self { number: read("page", 1, 1_000_000)?, size: read("per_page", 25, 50)? })
    }

    fn meta(&self, total: usize) -> Value {
        let last = total.div_ceil(self.size).max(1);
        json!({
            "page": self.number,
            "per_page": self.size,
            "previous_page": (self.number > 1).then(|| self.number - 1),
            "next_page": (self.number < last).then_some(self.number + 1),
            "last_page": last,
            "total_entries": total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_list_say_what_comes_before_and_after() {
        let meta = Page { number: 2, size: 10 }.meta(25);
        assert_eq!(meta["previous_page"], 1);
        assert_eq!(meta["next_page"], 3);
        assert_eq!(meta["last_page"], 3);
        let only = Page { number: 1, size: 10 }.meta(0);
        assert_eq!((&only["next_page"], &only["last_page"]), (&Value::Null, &json!(1)));
    }
}
