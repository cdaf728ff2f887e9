//! A page as its answer: the envelope, `Link` (RFC 8288) and `X-Total-Count`.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use super::Wanted;
use crate::error::{Error, Result};
use crate::model::{Count, Field, Mark, Page, Start};
use crate::rest::representation::Representation;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
/// What is encoded in a query; the rest is unreserved (RFC 3986 section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A page of a list: `{"success": true, "data": […], "meta": {"page": …}}`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::rest) struct Paged<T> {
    /// Always true.
    success: bool,
    data: Vec<T>,
    meta: Meta,
}

/// What is known of a list besides its items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PagedMeta)]
struct Meta {
    page: Shape,
}

/// Where a page is in its list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CursorPage)]
struct Shape {
    /// Items of a page, at most.
    limit: u16,
    /// Whether there is a next page.
    has_more: bool,
    /// What `after` of the next page is.
    next: Option<String>,
    /// What `before` of the page before is.
    previous: Option<String>,
    /// How many items the list has.
    total: u64,
    /// Whether it has no more than `total`.
    total_is_exact: bool,
}

impl<F: Field> Wanted<F> {
    /// The answer with a page, each item as it is shown.
    ///
    /// # Errors
    /// It cannot be written: a fault of ours.
    pub(in crate::rest) fn page<S: Serialize>(
        self,
        page: &Page<F::Item>,
        count: Count,
        shown: impl Fn(&F::Item) -> S,
    ) -> Result<Representation> {
        let (next, previous) = self.neighbours(page)?;
        let links = self.links(next.as_deref(), previous.as_deref())?;
        let shape = Shape {
            limit: self.listing.limit,
            has_more: next.is_some(),
            next,
            previous,
            total: count.rows,
            total_is_exact: count.is_exact,
        };
        let meta = Meta { page: shape };
        let items = page.items.iter().map(shown);
        let mut representation = if self.selection.is_whole() {
            Representation::of(&Paged { success: true, data: items.collect(), meta })?
        } else {
            let data = items.map(|item| self.selection.of(item)).collect::<Result<Vec<_>>>()?;
            Representation::of(&Paged { success: true, data, meta })?
        };
        let headers = HeaderMap::from_iter([(header::LINK, links), (TOTAL, HeaderValue::from(count.rows))]);
        representation.headers.extend(headers);
        Ok(representation)
    }

    /// The cursors of the pages after and before this one. Towards where the walk came from there always is one, also
    /// where the page is empty: what it was to show may have gone meanwhile.
    fn neighbours(&self, page: &Page<F::Item>) -> Result<(Option<String>, Option<String>)> {
        let (first, last) = (page.items.first(), page.items.last());
        let mark = |item: Option<&F::Item>| item.map(|item| self.listing.mark(item));
        let (next, previous) = match &self.listing.start {
            Start::Beginning => (mark(last).filter(|_| page.has_more), None),
            Start::After(from) => {
                let previous = mark(first).unwrap_or_else(|| self.listing.right_after(from));
                (mark(last).filter(|_| page.has_more), Some(previous))
            }
            Start::Before(from) => {
                let next = mark(last).unwrap_or_else(|| self.listing.right_before(from));
                (Some(next), mark(first).filter(|_| page.has_more))
            }
        };
        let write =
            |mark: Option<Mark>| mark.map(|mark| self.binding.write(&mark, &self.identity)).transpose();
        Ok((write(next)?, write(previous)?))
    }

    fn links(&self, next: Option<&str>, previous: Option<&str>) -> Result<HeaderValue> {
        let mut text = String::new();
        let rows = [
            ("first", Some(None)),
            ("next", next.map(|cursor| Some(("after", cursor)))),
            ("prev", previous.map(|cursor| Some(("before", cursor)))),
        ];
        for (relation, place) in rows.into_iter().filter_map(|(relation, place)| Some((relation, place?))) {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = write!(text, "{comma}<{}>; rel=\"{relation}\"", self.target(place));
        }
        let value = HeaderValue::try_from(text);
        value.map_err(|error| Error::internal("write the links of a page").caused_by(error))
    }

    /// The same list from another place.
    fn target(&self, place: Option<(&str, &str)>) -> String {
        let mut text = self.path.clone();
        let others = self.rest.iter().map(|it| (it.name.as_str(), it.value.as_str()));
        for (index, (name, value)) in others.chain(place).enumerate() {
            let before = if index == 0 { '?' } else { '&' };
            let (name, value) = (utf8_percent_encode(name, ENCODED), utf8_percent_encode(value, ENCODED));
            let _ = write!(text, "{before}{name}={value}");
        }
        text
    }
}
