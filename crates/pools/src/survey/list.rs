//! Paged lists that know what they were not allowed to see.

use std::fmt::Debug;

use api::pool::PoolKind;
use kube::{Api, Client, Resource, api::ListParams, core::DynamicResourceScope};
use runtime::{answer::describe, watch::Guarded};
use serde::de::DeserializeOwned;

use super::{Error, Progress, Reach};

/// Objects per page. Larger pages cost memory on both sides, smaller ones round trips.
const PAGE: u32 = 500;

/// How often a list that grew too old between two pages is begun again.
const RESTARTS: usize = 3;

/// What a list brought to light.
pub(super) enum Found<K> {
    /// Everything asked for.
    All(Vec<K>),
    /// Less than asked for; the text says what is missing and why.
    Some(Vec<K>, String),
    /// Nothing may be read, and it is dispensable; the text says so.
    Refused(String),
    /// The server knows no such kind.
    NotServed,
}

pub(super) struct Lister<'a> {
    pub(super) client: &'a Client,
    pub(super) reach: Reach<'a>,
    pub(super) progress: &'a dyn Progress,
}

impl Lister<'_> {
    /// Lists as far as reach and permissions go.
    pub(super) async fn list<K>(
        &self,
        kind: &'static str,
        dynamic: &K::DynamicType,
    ) -> Result<Found<K>, Error>
    where
        K: Resource<Scope = DynamicResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let is_global = kind.parse().is_ok_and(|kind: PoolKind| !kind.is_namespaced());
        let wide = match self.reach {
            Reach::Namespace(namespace) if !is_global => {
                let narrow = Api::namespaced_with(self.client.clone(), namespace, dynamic);
                return self.answer(kind, self.pages(kind, &narrow).await, true);
            }
            Reach::Namespace(_) | Reach::Everywhere { .. } => Api::all_with(self.client.clone(), dynamic),
        };
        let (result, or_in) = (self.pages(kind, &wide).await, self.or_in());
        match (result, or_in) {
            (Err(error), Some(namespace)) if is_forbidden(&error) && !is_global => {
                let narrow = Api::namespaced_with(self.client.clone(), namespace, dynamic);
                let gap = format!("{kind} outside namespace {namespace}: {}", describe(&error));
                Ok(match self.answer(kind, self.pages(kind, &narrow).await, true)? {
                    Found::All(objects) => Found::Some(objects, gap),
                    Found::Some(objects, more) => Found::Some(objects, format!("{gap}; {more}")),
                    other => other,
                })
            }
            (result, or_in) => self.answer(kind, result, is_global && or_in.is_some()),
        }
    }

    fn or_in(&self) -> Option<&str> {
        match self.reach {
            Reach::Everywhere { or_in } => or_in,
            Reach::Namespace(namespace) => Some(namespace),
        }
    }

    /// Clusters are always dispensable: without them claims rest, and say so.
    fn answer<K>(
        &self,
        kind: &'static str,
        result: Result<Pages<K>, kube::Error>,
        is_dispensable: bool,
    ) -> Result<Found<K>, Error> {
        match result {
            Ok(Pages { objects, unreadable }) if unreadable.is_empty() => Ok(Found::All(objects)),
            Ok(Pages { objects, unreadable }) => {
                let gap = format!("{kind} that cannot be read: {}", unreadable.join("; "));
                Ok(Found::Some(objects, gap))
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Found::NotServed),
            Err(error) if is_forbidden(&error) && (is_dispensable && is_pool(kind) || kind == "Cluster") => {
                Ok(Found::Refused(format!("{kind}: {}", describe(&error))))
            }
            Err(error) => Err(Error::List {
                kind,
                why: describe(&error),
            }),
        }
    }

    /// All pages of one list. A list whose continuation has expired is begun again: a mixture of two moments could
    /// show an address twice or not at all.
    async fn pages<K>(&self, kind: &str, api: &Api<Guarded<K>>) -> Result<Pages<K>, kube::Error>
    where
        K: Clone + Debug + DeserializeOwned,
    {
        let mut restarts = 0;
        let mut pages = Pages {
            objects: Vec::new(),
            unreadable: Vec::new(),
        };
        let mut token = None;
        loop {
            let mut params = ListParams::default().limit(PAGE);
            params.continue_token = token.take();
            let is_continued = params.continue_token.is_some();
            let page = match api.list(&params).await {
                Ok(page) => page,
                Err(kube::Error::Api(status))
                    if status.code == 410 && is_continued && restarts < RESTARTS =>
                {
                    restarts += 1;
                    pages.clear();
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.progress.read(kind, page.items.len());
            page.items.into_iter().for_each(|object| pages.add(object));
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(pages);
            }
        }
    }
}

/// One list, read to its end.
struct Pages<K> {
    objects: Vec<K>,
    /// Objects the server holds and we cannot decode, with the reason: one of them must not hide all others.
    unreadable: Vec<String>,
}

impl<K> Pages<K> {
    fn add(&mut self, object: Guarded<K>) {
        match object.into_result() {
            Ok(object) => self.objects.push(object),
            Err(unreadable) => self.unreadable.push(unreadable.to_string()),
        }
    }

    fn clear(&mut self) {
        self.objects.clear();
        self.unreadable.clear();
    }
}

fn is_pool(kind: &str) -> bool {
    kind.parse::<PoolKind>().is_ok()
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}
