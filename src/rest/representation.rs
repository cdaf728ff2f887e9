//! What is sent of a thing: its document with a tag (`ETag`, RFC 9110 section 8.8.3), and what a request says of those
//! it has: `If-None-Match`, `If-Match` when it changes something, `Prefer` (RFC 7240).
//!
//! A tag is strong. That of a thing is `"v7-1f6c2a90b4d87e35"`: its version, and a digest of the document, which differs
//! with `fields` and `include`. That of a page is a digest alone. A layer that compresses the body makes other bytes of
//! it and must append how: `"v7-1f6c2a90b4d87e35-br"`. Here such tags are understood when they come back: a change is
//! held against the version alone, and a read against the tag without what was appended.

use std::hash::{DefaultHasher, Hasher};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::compression::is_compressed;
use super::envelope::Success;
use crate::domain::How;
use crate::error::{Error, Kind, Result};
use crate::http::Problem;
use crate::model::Expected;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// It may be kept, by the client alone, and is asked about each time.
const KEPT: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Whoever asks decides what is shown.
const BY_CALLER: HeaderValue = HeaderValue::from_static("Authorization, Cookie");

/// A document that can be sent.
#[derive(Debug)]
pub(super) struct Representation {
    /// Without quotes and without what a layer appends.
    tag: String,
    body: Vec<u8>,
    /// Besides those of every document.
    pub(super) headers: HeaderMap,
}

impl Representation {
    /// A document that has no version.
    ///
    /// # Errors
    /// It cannot be written: a fault of ours.
    pub(super) fn of(document: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(document);
        let body = body.map_err(|error| Error::internal("write a document").caused_by(error))?;
        Ok(Self { tag: digest_of(&body), body, headers: HeaderMap::new() })
    }

    /// The document of a thing, in the envelope.
    ///
    /// # Errors
    /// It cannot be written: a fault of ours.
    pub(super) fn of_version(version: i64, data: impl Serialize) -> Result<Self> {
        let mut representation = Self::of(&Success::new(data))?;
        representation.tag = format!("v{version}-{}", representation.tag);
        Ok(representation)
    }

    /// Where the thing is, for an answer that made it.
    #[must_use]
    pub(super) fn located(mut self, place: &str) -> Self {
        // A path of ours with an id has no letter that a header could not hold.
        self.headers.extend(HeaderValue::try_from(place).ok().map(|place| (header::LOCATION, place)));
        self
    }

    /// How what is shown was come by (`Cache-Status`, RFC 9211).
    #[must_use]
    pub(super) fn come_by(mut self, how: How) -> Self {
        let told = match how {
            How::Hit => "olympus; hit",
            How::Stored => "olympus; fwd=miss; stored",
            How::Missed => "olympus; fwd=miss",
            How::Bypassed => "olympus; fwd=bypass",
            How::Off => return self,
        };
        self.headers.insert(CACHE_STATUS, HeaderValue::from_static(told));
        self
    }

    /// The answer to a read: 304 where the client has it already.
    pub(super) fn read(self, asked: &HeaderMap) -> Response {
        let Some(tag) = known(asked, &self.tag) else { return self.whole(StatusCode::OK) };
        let mut answer = StatusCode::NOT_MODIFIED.into_response();
        answer.headers_mut().extend(self.headers);
        dress(answer.headers_mut(), &tag);
        // As of the whole (RFC 9110 section 15.4.5), of which the layer that compresses would say it.
        if is_compressed(self.body.len()) {
            answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        answer
    }

    /// The answer to a change: without the document where the client does not want it.
    pub(super) fn written(self, status: StatusCode, asked: &HeaderMap) -> Response {
        let preference = preference(asked);
        let mut answer = match preference {
            Some("return=minimal") => {
                // A change without a document has none of what follows a 200.
                let status = if status == StatusCode::OK { StatusCode::NO_CONTENT } else { status };
                let mut answer = status.into_response();
                answer.headers_mut().extend(self.headers);
                dress(answer.headers_mut(), &self.tag);
                answer
            }
            _ => self.whole(status),
        };
        if let Some(preference) = preference {
            answer.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(preference));
        }
        answer
    }

    fn whole(self, status: StatusCode) -> Response {
        let mut answer = (status, Body::from(self.body)).into_response();
        let json = HeaderValue::from_static("application/json");
        answer.headers_mut().insert(header::CONTENT_TYPE, json);
        answer.headers_mut().extend(self.headers);
        dress(answer.headers_mut(), &self.tag);
        answer
    }
}

/// The tag by which the client knows what has this one, if it has it: that of the same bytes, compressed as it got them.
/// By the weak comparison (RFC 9110 section 13.1.2), whatever was appended; both without quotes.
pub(super) fn known(asked: &HeaderMap, tag: &str) -> Option<String> {
    let is_known = |known: &Tag| {
        let rest = known.text.strip_prefix(tag);
        known.text == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let found = tags(asked, &header::IF_NONE_MATCH).into_iter().find(is_known)?;
    Some(if found.text == "*" { tag.to_owned() } else { found.text })
}

/// What a change expects, by `If-Match` and then by `If-None-Match` (RFC 9110 section 13.2.2).
///
/// # Errors
/// Nothing is said in `If-Match`, and something must be.
pub(super) fn expected(asked: &HeaderMap, is_required: bool) -> Result<Expected, Problem> {
    let matching = matching(asked, is_required)?;
    if !asked.contains_key(header::IF_NONE_MATCH) {
        return Ok(matching);
    }
    // By the weak comparison (section 13.1.2).
    let tags = tags(asked, &header::IF_NONE_MATCH);
    if tags.iter().any(|tag| tag.text == "*") {
        return Ok(Expected::Nothing);
    }
    let unwanted: Vec<_> = tags.iter().filter_map(|tag| version_of(&tag.text)).collect();
    Ok(match matching {
        Expected::Any => Expected::NoneOf(unwanted),
        Expected::OneOf(mut versions) => {
            versions.retain(|version| !unwanted.contains(version));
            Expected::OneOf(versions)
        }
        Expected::NoneOf(_) | Expected::Nothing => matching,
    })
}

/// What `If-Match` says alone (section 13.1.1); tags that are weak match nothing.
fn matching(asked: &HeaderMap, is_required: bool) -> Result<Expected, Problem> {
    if !asked.contains_key(header::IF_MATCH) {
        let detail = "say in `If-Match` which version is meant: see its `ETag`";
        let problem = Problem::new(Kind::Invalid, detail).with_code("precondition_required");
        let problem = Problem { status: StatusCode::PRECONDITION_REQUIRED, ..problem };
        return if is_required { Err(problem) } else { Ok(Expected::Any) };
    }
    let tags = tags(asked, &header::IF_MATCH);
    if tags.iter().any(|tag| tag.text == "*") {
        return Ok(Expected::Any);
    }
    let strong = tags.iter().filter(|tag| !tag.is_weak);
    Ok(Expected::OneOf(strong.filter_map(|tag| version_of(&tag.text)).collect()))
}

fn version_of(tag: &str) -> Option<i64> {
    tag.strip_prefix('v')?.split('-').next()?.parse().ok()
}

/// What makes a document one that may be kept.
fn dress(headers: &mut HeaderMap, tag: &str) {
    // A tag has letters, digits and hyphens only, or is one that came in a header.
    headers.extend(HeaderValue::try_from(format!("\"{tag}\"")).ok().map(|tag| (header::ETAG, tag)));
    headers.insert(header::CACHE_CONTROL, KEPT);
    headers.append(header::VARY, BY_CALLER);
}

/// It tells documents apart that differ by chance or by a change; nobody is kept from making two of one digest.
fn digest_of(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    format!("{:016x}", hasher.finish())
}

/// A tag of a request, without its quotes; `*` stands for all.
#[derive(Debug, PartialEq, Eq)]
struct Tag {
    text: String,
    is_weak: bool,
}

/// The tags of a header, on however many lines. What is no tag matches nothing.
fn tags(asked: &HeaderMap, name: &HeaderName) -> Vec<Tag> {
    const BETWEEN: [char; 3] = [',', ' ', '\t'];
    let lines = asked.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let mut found = Vec::new();
    for line in lines {
        // Elements that are empty do not count (RFC 9110 section 5.6.1.2).
        let mut rest = line.trim_start_matches(BETWEEN);
        if rest.trim_end() == "*" {
            found.push(Tag { text: "*".to_owned(), is_weak: false });
            continue;
        }
        loop {
            let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |rest| (true, rest));
            let Some((text, after)) = quoted.strip_prefix('"').and_then(|it| it.split_once('"')) else {
                break;
            };
            // A star in quotes is a tag like any other, and none of ours.
            if text != "*" {
                found.push(Tag { text: text.to_owned(), is_weak });
            }
            let Some(next) = after.trim_start().strip_prefix(',') else { break };
            rest = next.trim_start_matches(BETWEEN);
        }
    }
    found
}

/// Which answer to a change is preferred, if that is said.
fn preference(asked: &HeaderMap) -> Option<&'static str> {
    let lines = asked.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    let words = lines.flat_map(|line| line.split(',')).map(|word| word.split(';').next().unwrap_or_default());
    let is = |word: &str, name: &str| word.replace(['"', ' '], "").eq_ignore_ascii_case(name);
    let mut known = words.filter_map(|word| {
        ["return=minimal", "return=representation"].into_iter().find(|name| is(word, name))
    });
    // The first one counts (RFC 7240 section 2).
    known.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn thing() -> Representation {
        Representation::of_version(7, "it").unwrap()
    }

    #[test]
    fn a_change_is_held_against_versions_whatever_their_representation() {
        let is = |value| expected(&asked(&[(&header::IF_MATCH, value)]), true).unwrap();
        assert_eq!(is("*"), Expected::Any);
        assert_eq!(is("\"v7\""), Expected::OneOf(vec![7]));
        assert_eq!(is("\"v7-ab12cd\", \"v8-ab12cd-br\""), Expected::OneOf(vec![7, 8]));
        assert_eq!(is("W/\"v7-ab12cd\",\"v9\""), Expected::OneOf(vec![9]));
        for nothing in ["\"*\"", "v7", "\"7\"", "\"vx\"", "W/\"v7\"", "", "\"v7"] {
            assert_eq!(is(nothing), Expected::OneOf(Vec::new()), "{nothing}");
        }
        let lines = asked(&[(&header::IF_MATCH, "\"v1\""), (&header::IF_MATCH, "\"v2\"")]);
        assert_eq!(expected(&lines, true).unwrap(), Expected::OneOf(vec![1, 2]));
    }

    #[test]
    fn a_change_is_not_made_to_what_the_client_names_or_to_anything_that_is_there() {
        let (matched, unmatched) = (&header::IF_MATCH, &header::IF_NONE_MATCH);
        for (pairs, is) in [
            (vec![(unmatched, "*")], Expected::Nothing),
            (vec![(matched, ", ,\"v6\",, \"v7\",")], Expected::OneOf(vec![6, 7])),
            (vec![(unmatched, "\"v7-ab12cd\", W/\"v8-ab12cd-br\"")], Expected::NoneOf(vec![7, 8])),
            (vec![(unmatched, "\"other\"")], Expected::NoneOf(Vec::new())),
            (vec![(matched, "*"), (unmatched, "\"v7\"")], Expected::NoneOf(vec![7])),
            (vec![(matched, "\"v6\", \"v7\""), (unmatched, "\"v7\"")], Expected::OneOf(vec![6])),
            (vec![(matched, "\"v6\""), (unmatched, "*")], Expected::Nothing),
        ] {
            assert_eq!(expected(&asked(&pairs), false).unwrap(), is, "{pairs:?}");
        }
    }

    #[test]
    fn where_a_version_must_be_named_its_lack_is_told() {
        let refused = expected(&HeaderMap::new(), true).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.code), (428, "precondition_required"));
        assert_eq!(expected(&HeaderMap::new(), false).unwrap(), Expected::Any);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let tag = format!("\"{}\"", thing().tag);
        let weak = format!("W/{tag}");
        for (known, status) in [
            (tag.as_str(), 304),
            (weak.as_str(), 304),
            (&format!("\"other\", {tag}"), 304),
            (&format!("{}-br\"", tag.trim_end_matches('"')), 304),
            ("*", 304),
            ("\"v7\"", 200),
            ("\"v6-aaaaaaaaaaaa\"", 200),
        ] {
            let answer = thing().read(&asked(&[(&header::IF_NONE_MATCH, known)]));
            assert_eq!(answer.status(), status, "{known}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "private, no-cache");
            assert!(
                answer.headers().contains_key(header::ETAG) && answer.headers().contains_key(header::VARY)
            );
        }
    }

    #[test]
    fn a_preference_for_less_is_met_and_said() {
        let minimal = asked(&[(&PREFER, "respond-async, Return=\"minimal\"; x=1")]);
        let answer = thing().written(StatusCode::OK, &minimal);
        assert_eq!(
            (answer.status(), &answer.headers()[&PREFERENCE_APPLIED]),
            (StatusCode::NO_CONTENT, &HeaderValue::from_static("return=minimal"))
        );
        let made = thing().located("/it").written(StatusCode::CREATED, &minimal);
        assert_eq!(
            (made.status(), &made.headers()[header::LOCATION]),
            (StatusCode::CREATED, &HeaderValue::from_static("/it"))
        );
        assert!(!made.headers().contains_key(header::CONTENT_TYPE));
        let whole = thing().written(StatusCode::OK, &HeaderMap::new());
        assert_eq!(whole.status(), 200);
        assert!(!whole.headers().contains_key(&PREFERENCE_APPLIED));
    }
}
