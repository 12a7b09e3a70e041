//! Whole listings out of pages: 50 objects a request, all pages after the first
//! at once.
//!
//! An object that disappears while pages are read moves the others, and one of
//! them could be missed between two pages. So when pages disagree on the total,
//! or it is not what came, the listing is read again; in the end, what any
//! reading saw is in.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use super::call::Call;
use super::client::Client;
use super::error::{CallError, Failure};
use super::selector::Selector;
use super::wire::{Page, Resource};
use crate::provider::ProviderError;

/// The most that the API gives a page.
const PER_PAGE: u64 = 50;

/// How often a listing is read that changes under our eyes.
const MOST_READINGS: usize = 3;

/// Which objects of a type are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter(Vec<(&'static str, String)>);

impl Filter {
    /// Wants all.
    pub fn all() -> Self {
        Self::default()
    }

    /// Wants those with certain labels.
    pub fn labelled(selector: &Selector) -> Self {
        Self::all().with("label_selector", selector.as_str())
    }

    /// Wants the one of this name.
    pub fn named(name: &str) -> Self {
        Self::all().with("name", name)
    }

    /// Adds a parameter of the endpoint.
    pub fn with(mut self, parameter: &'static str, value: &str) -> Self {
        self.0.push((parameter, value.to_owned()));
        self
    }
}

/// One reading of all pages.
struct Reading<T> {
    objects: BTreeMap<u64, T>,
    is_whole: bool,
}

impl Client {
    /// Lists all objects of a type that a filter wants, by id.
    pub async fn list<T: Resource>(&self, filter: &Filter) -> Result<Vec<T>, ProviderError> {
        let mut seen = BTreeMap::new();
        for _ in 0..MOST_READINGS {
            let reading = self.read_pages::<T>(filter).await?;
            if reading.is_whole {
                return Ok(reading.objects.into_values().collect());
            }
            seen.extend(reading.objects);
        }
        Ok(seen.into_values().collect())
    }

    /// Counts the objects of a type that a filter wants, with one request.
    pub async fn count<T: Resource>(&self, filter: &Filter) -> Result<u64, ProviderError> {
        let page = self.page::<T>(filter, 1).await?;
        Ok(page.total().unwrap_or(page.objects.len() as u64))
    }

    async fn read_pages<T: Resource>(&self, filter: &Filter) -> Result<Reading<T>, CallError> {
        let first = self.page::<T>(filter, 1).await?;
        let last = first.last(PER_PAGE);
        let next = first.next().filter(|_| last.is_none());
        let mut pages = vec![first];
        match last {
            Some(last) => pages.extend(self.pages_until(filter, last).await?),
            None => pages.extend(self.pages_from(filter, next).await?),
        }
        Ok(Reading::of(pages))
    }

    async fn pages_until<T: Resource>(
        &self,
        filter: &Filter,
        last: u64,
    ) -> Result<Vec<Page<T>>, CallError> {
        let mut tasks = JoinSet::new();
        for number in 2..=last {
            let (client, filter) = (self.clone(), filter.clone());
            tasks.spawn(async move { client.page::<T>(&filter, number).await });
        }
        let mut pages = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let ended = |error: tokio::task::JoinError| {
                CallError::of(&call::<T>(), Failure::NotSent(error.to_string()))
            };
            pages.push(done.map_err(ended)??);
        }
        Ok(pages)
    }

    /// Follows `next_page`, where nobody says how many pages there are.
    async fn pages_from<T: Resource>(
        &self,
        filter: &Filter,
        mut next: Option<u64>,
    ) -> Result<Vec<Page<T>>, CallError> {
        let mut pages = Vec::new();
        while let Some(number) = next {
            let page = self.page::<T>(filter, number).await?;
            next = page.next().filter(|next| *next > number);
            pages.push(page);
        }
        Ok(pages)
    }

    async fn page<T: Resource>(&self, filter: &Filter, page: u64) -> Result<Page<T>, CallError> {
        let paging = [("page", page.to_string()), ("per_page", PER_PAGE.to_string())];
        let sort = T::SORT.map(|sort| ("sort", sort.to_owned()));
        self.fetch(&call::<T>().query(filter.0.clone()).query(sort).query(paging)).await
    }
}

fn call<T: Resource>() -> Call {
    Call::get(T::PATH, format!("list {}s", T::WORD))
}

impl<T: Resource> Reading<T> {
    fn of(pages: Vec<Page<T>>) -> Self {
        let total = pages.first().and_then(Page::total);
        let agree = pages.iter().all(|page| page.total() == total);
        let objects: BTreeMap<u64, T> =
            pages.into_iter().flat_map(|page| page.objects).map(|o| (o.id(), o)).collect();
        let count = objects.len() as u64;
        Self { is_whole: agree && total.is_none_or(|total| total == count), objects }
    }
}
