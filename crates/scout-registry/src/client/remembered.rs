//! Pages of listings that a server can confirm (RFC 9110, 13): they are asked for on the
//! condition that they have changed, and a 304 is the page that came before.
//!
//! Docker's own registry tells no validator for lists; servers and proxies that do save the
//! sending. What a server confirms wrongly (gitlab-org/gitlab issue 371991) is read anew after a
//! while all the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use scout_http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use url::Url;

use crate::client::{Call, Client};
use crate::error::Result;

/// Most bytes remembered for one integration: pages with half a million tags. The oldest give way.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How often a page is confirmed before it is read anew: a server that confirms what has changed
/// hides it for an hour, at a sweep a minute.
const MAX_CONFIRMED: u32 = 60;
/// How old a time of change must be to tell the page from a later one, in seconds: a page may
/// change twice in a second, and clocks behind one address differ (RFC 9110, 8.8.2.2).
const LEAST_AGE: i64 = 60;

/// A page that was asked for.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and the large one is the usual one"
)]
pub(crate) enum Page {
    /// It came, or a status that the call accepts.
    Sent(Response),
    /// It is the one that came before.
    Unchanged(Arc<Remembered>),
}

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Remembered {
    condition: (HeaderName, HeaderValue),
    /// The headers that lead on.
    pub(crate) links: HeaderMap,
    pub(crate) body: Bytes,
}

/// The pages that one integration remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pages: HashMap<String, Entry>,
    /// Addresses, the one read longest ago first.
    order: VecDeque<String>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    page: Arc<Remembered>,
    confirmed: u32,
}

impl State {
    fn forget(&mut self, url: &str) {
        if let Some(entry) = self.pages.remove(url) {
            self.bytes -= size(url, &entry.page);
            self.order.retain(|other| other != url);
        }
    }
}

fn size(url: &str, page: &Remembered) -> usize {
    url.len() + page.body.len()
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, url: &Url) -> Option<Arc<Remembered>> {
        let state = self.state();
        let entry = state.pages.get(url.as_str())?;
        (entry.confirmed < MAX_CONFIRMED).then(|| Arc::clone(&entry.page))
    }

    fn confirm(&self, url: &Url) {
        if let Some(entry) = self.state().pages.get_mut(url.as_str()) {
            entry.confirmed += 1;
        }
    }

    /// Remembers a page in place of what was known of the address, if the server can confirm it.
    pub(crate) fn keep(&self, url: &Url, headers: &HeaderMap, body: &Bytes) {
        let mut state = self.state();
        state.forget(url.as_str());
        let Some(condition) = condition(headers) else {
            return;
        };
        let mut links = HeaderMap::new();
        for link in headers.get_all(header::LINK) {
            links.append(header::LINK, link.clone());
        }
        let page = Arc::new(Remembered {
            condition,
            links,
            body: body.clone(),
        });
        let size = size(url.as_str(), &page);
        if size > MAX_BYTES {
            return;
        }
        while state.bytes + size > MAX_BYTES {
            let Some(oldest) = state.order.front().cloned() else {
                break;
            };
            state.forget(&oldest);
        }
        state.bytes += size;
        state.order.push_back(url.as_str().to_owned());
        let entry = Entry { page, confirmed: 0 };
        state.pages.insert(url.as_str().to_owned(), entry);
    }
}

/// Returns the condition under which a page is to be sent again.
fn condition(headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::CACHE_CONTROL).is_some_and(|value| value.contains("no-store")) {
        return None;
    }
    if let Some(tag) = headers.get(header::ETAG) {
        return Some((header::IF_NONE_MATCH, tag.clone()));
    }
    let changed = scout_http::date(headers, header::LAST_MODIFIED)?;
    let age = scout_http::server_time(headers)?.as_second() - changed.as_second();
    let value = headers.get(header::LAST_MODIFIED)?.clone();
    (age >= LEAST_AGE).then_some((header::IF_MODIFIED_SINCE, value))
}

impl Client {
    /// Asks for a page of a listing, which need not be sent if it is the one that came before.
    pub(crate) async fn page(&self, call: &Call) -> Result<Page> {
        let Some(known) = self.memory.get(&call.url) else {
            return self.send(call).await.map(Page::Sent);
        };
        let call = Call {
            condition: Some(known.condition.clone()),
            ..call.clone()
        };
        let response = self.send(&call).await?;
        if response.status() != StatusCode::NOT_MODIFIED {
            return Ok(Page::Sent(response));
        }
        self.memory.confirm(&call.url);
        self.counters().count_unchanged_page();
        Ok(Page::Unchanged(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_condition_is_made_of_what_tells_one_page_from_every_other() {
        let date = "Sat, 21 Nov 2026 15:00:00 GMT";
        for (pairs, expected) in [
            (&[("etag", "\"a\"")][..], Some(("if-none-match", "\"a\""))),
            (&[("etag", "W/\"a\"")], Some(("if-none-match", "W/\"a\""))),
            (
                &[("etag", "\"a\""), ("cache-control", "private, no-store")],
                None,
            ),
            (
                &[
                    ("last-modified", "Sat, 21 Nov 2026 14:59:00 GMT"),
                    ("date", date),
                ],
                Some(("if-modified-since", "Sat, 21 Nov 2026 14:59:00 GMT")),
            ),
            (
                &[
                    ("last-modified", "Sat, 21 Nov 2026 14:59:01 GMT"),
                    ("date", date),
                ],
                None,
            ),
            (&[("last-modified", "Sat, 21 Nov 2026 14:59:00 GMT")], None),
            (&[("last-modified", "lately"), ("date", date)], None),
            (&[], None),
        ] {
            let found = condition(&headers(pairs));
            let found = found
                .as_ref()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
            assert_eq!(found, expected, "{pairs:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_page_gives_way() {
        let memory = Memory::default();
        let url = |number: usize| Url::parse(&format!("https://h/{number}")).unwrap();
        let tagged = headers(&[("etag", "\"a\""), ("link", "<?b>; rel=\"next\"")]);
        let body = Bytes::from(vec![b' '; MAX_BYTES / 4]);
        for number in 0..10 {
            memory.keep(&url(number), &tagged, &body);
        }
        let known: Vec<_> = (0..10)
            .filter(|number| memory.get(&url(*number)).is_some())
            .collect();
        assert_eq!(known, [7, 8, 9]);
        assert!(memory.state().bytes <= MAX_BYTES);
        let page = memory.get(&url(9)).unwrap();
        assert_eq!((page.links.len(), page.body.len()), (1, body.len()));
        memory.keep(&url(1), &tagged, &Bytes::from(vec![b' '; MAX_BYTES + 1]));
        assert!(memory.get(&url(1)).is_none() && memory.get(&url(9)).is_some());
        memory.keep(&url(9), &HeaderMap::new(), &body);
        assert!(memory.get(&url(9)).is_none(), "it cannot be confirmed now");
    }

    #[test]
    fn what_was_confirmed_often_is_read_anew() {
        let memory = Memory::default();
        let url = Url::parse("https://h/").unwrap();
        let tagged = headers(&[("etag", "\"a\"")]);
        memory.keep(&url, &tagged, &Bytes::new());
        for _ in 0..MAX_CONFIRMED {
            assert!(memory.get(&url).is_some());
            memory.confirm(&url);
        }
        assert!(memory.get(&url).is_none());
        memory.keep(&url, &tagged, &Bytes::new());
        assert!(memory.get(&url).is_some());
    }
}
