//! What never changes and takes moto seconds: types of instances and where they
//! are offered. Asked once, kept for all proxies of the process, and answered in
//! pages as EC2 does.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use tokio::sync::Mutex;

use super::call::Call;
use super::form::Form;
use super::proxy::{Proxy, request_id};
use super::refusal::Refusal;
use super::upstream::Reply;
use super::xml::Element;

/// Actions, their lists, and how many items a page has at most.
const LISTS: [(&str, &str, usize); 2] = [
    ("DescribeInstanceTypes", "instanceTypeSet", 100),
    ("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet", 1000),
];

type Items = Arc<Vec<Element>>;

/// Lists by moto's address, region and question.
static KNOWN: LazyLock<Mutex<BTreeMap<String, Items>>> = LazyLock::new(Mutex::default);

impl Proxy {
    /// Answers a page of such a list; nothing for other actions.
    pub async fn list_catalogue(&self, call: &Call) -> Result<Option<Reply>, Refusal> {
        let Some((_, list, most)) = LISTS.iter().find(|(action, ..)| *action == call.action) else {
            return Ok(None);
        };
        let items = self.items_of(call, list).await?;
        Ok(Some(page(call, list, (&items, *most))))
    }

    async fn items_of(&self, call: &Call, list: &str) -> Result<Items, Refusal> {
        let question = call.form.without("MaxResults").without("NextToken");
        let name = format!("{} {} {}", self.settings.moto, call.region, question.encode());
        let mut known = KNOWN.lock().await;
        if let Some(items) = known.get(&name) {
            return Ok(Arc::clone(items));
        }
        let answer = self.upstream.ask(&call.region, &question).await?;
        let items: Items = Arc::new(answer.items(list).cloned().collect());
        known.insert(name, Arc::clone(&items));
        Ok(items)
    }
}

fn page(call: &Call, list: &str, (items, most): (&[Element], usize)) -> Reply {
    let number = |form: &Form, name: &str| form.get(name).and_then(|text| text.parse().ok());
    let from: usize = number(&call.form, "NextToken").unwrap_or(0).min(items.len());
    let wanted: usize = number(&call.form, "MaxResults").unwrap_or(most).min(most);
    let to = (from + wanted).min(items.len());
    let mut answer = Element::new(&format!("{}Response", call.action));
    answer.set("requestId", &request_id());
    answer.child_mut(list).children = items[from..to].to_vec();
    if to < items.len() {
        answer.set("nextToken", &to.to_string());
    }
    Reply::xml(&answer)
}
