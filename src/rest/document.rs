//! JSON that clients send, and what is wrong with it: every fault at once.

use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::once::Keyed;
use crate::error::Kind;
use crate::http::{Fault, Problem, Strict};
use crate::model::{Money, exponent};

/// Largest document that is taken, in bytes.
const MOST: usize = 64 << 10;

/// The members of a document, to be taken one by one, and the faults found on the way.
#[derive(Debug, Default)]
pub(super) struct Document {
    members: Map<String, Value>,
    faults: Vec<Fault>,
    /// Where it stands in the whole, as a pointer.
    place: String,
    keyed: Keyed,
}

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let bytes = read(body).await?;
        let keyed = Keyed::of(&head, &bytes);
        // Where nothing is needed, nothing need be sent.
        if bytes.is_empty() && !head.headers.contains_key(header::CONTENT_TYPE) {
            return Ok(Self { keyed, ..Self::default() });
        }
        check_type(&head.headers)?;
        match serde_json::from_slice(&bytes) {
            Ok(Strict(Value::Object(members))) => Ok(Self { members, keyed, ..Self::default() }),
            Ok(_) => {
                Err(Problem::new(Kind::Invalid, "the body is JSON, but no object").with_code("invalid_json"))
            }
            Err(error) if error.is_data() => {
                Err(Problem::new(Kind::Invalid, format!("the body: {error}")).with_code("invalid_json"))
            }
            Err(error) => {
                let place = format!("the body is no JSON: line {}, column {}", error.line(), error.column());
                Err(Problem::new(Kind::Invalid, place).with_code("invalid_json"))
            }
        }
    }
}

impl Document {
    /// What the request says of being done once.
    pub(super) fn keyed(&self) -> Keyed {
        self.keyed.clone()
    }

    /// A text that must be there, of so many bytes at most.
    pub(super) fn text(&mut self, name: &'static str, longest: usize) -> String {
        let text = self.optional_text(name, longest);
        text.unwrap_or_else(|| self.required(name))
    }

    /// A text that may be there.
    pub(super) fn optional_text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.any_text(name)?;
        match text.len() {
            0 => self.fault(name, "empty", "cannot be empty"),
            length if length > longest => {
                self.fault(name, "too_long", &format!("has more than {longest} bytes"));
            }
            _ => return Some(text),
        }
        None
    }

    /// A text as a database can hold it.
    fn any_text(&mut self, name: &'static str) -> Option<String> {
        match self.members.remove(name)? {
            Value::String(text) if text.contains('\0') => {
                self.fault(name, "invalid", "cannot hold the character U+0000");
            }
            Value::String(text) => return Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, "wrong_type", "must be a text");
            }
        }
        None
    }

    /// A text that must be there, of so many characters at most, none of them a control character.
    pub(super) fn line(&mut self, name: &'static str, most: usize) -> String {
        self.optional_line(name, most).unwrap_or_else(|| self.required(name))
    }

    /// The same where it may be left out.
    pub(super) fn optional_line(&mut self, name: &'static str, most: usize) -> Option<String> {
        let text = self.optional_prose(name, most)?;
        if text.trim().is_empty() {
            self.fault(name, "empty", "cannot be empty");
        }
        if text.contains(char::is_control) {
            self.fault(name, "invalid", "cannot hold control characters, such as the end of a line");
        }
        Some(text)
    }

    /// A text that may be there, of so many characters at most.
    pub(super) fn optional_prose(&mut self, name: &'static str, most: usize) -> Option<String> {
        let text = self.any_text(name)?;
        if text.chars().count() > most {
            self.fault(name, "too_long", &format!("has more than {most} characters"));
            return None;
        }
        Some(text)
    }

    /// A whole number that may be there, within a range.
    pub(super) fn optional_integer(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.members.remove(name)?;
        let (least, most) = (range.start(), range.end());
        match value.as_i64() {
            Some(number) if range.contains(&number) => return Some(number),
            _ if value.is_i64() || value.is_u64() => {
                self.fault(name, "out_of_range", &format!("must be from {least} to {most}"));
            }
            _ => self.fault(name, "wrong_type", "must be a whole number"),
        }
        None
    }

    /// One of some words, which may be there, with what it means.
    pub(super) fn optional_word<T>(
        &mut self,
        name: &'static str,
        words: &[&str],
        meaning: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.members.remove(name)?;
        let found = value.as_str().and_then(meaning);
        if found.is_none() {
            let code = if value.is_string() { "unknown_word" } else { "wrong_type" };
            self.fault(name, code, &format!("must be one of {}", words.join(", ")));
        }
        found
    }

    /// An amount of money that must be there and is not negative: `{"amount": "12.30", "currency": "EUR"}`.
    pub(super) fn money(&mut self, name: &'static str) -> Option<Money> {
        let mut members = match self.members.remove(name) {
            Some(Value::Object(members)) => members,
            Some(_) => {
                self.fault(name, "wrong_type", r#"must be as {"amount": "12.30", "currency": "EUR"}"#);
                return None;
            }
            None => {
                self.fault(name, "required", "is needed");
                return None;
            }
        };
        let before = self.faults.len();
        let mut part = |part: &str| match members.remove(part) {
            Some(Value::String(text)) => Some(text),
            found => {
                let (code, message) = match found {
                    None => ("required", "is needed"),
                    Some(_) => ("wrong_type", "must be a text"),
                };
                self.fault(&format!("{name}/{part}"), code, message);
                None
            }
        };
        let (amount, currency) = (part("amount"), part("currency"));
        for member in members.keys() {
            self.fault(&format!("{name}/{}", escaped(member)), "unknown", "is not known here");
        }
        if currency.as_ref().is_some_and(|currency| exponent(currency).is_none()) {
            let message = "must be a currency by its three letters, as EUR";
            self.fault(&format!("{name}/currency"), "unknown_currency", message);
            return None;
        }
        match Money::parse(&amount?, &currency?) {
            Ok(money) if money.minor < 0 => {
                self.fault(&format!("{name}/amount"), "out_of_range", "must not be negative");
                None
            }
            Ok(money) => Some(money).filter(|_| self.faults.len() == before),
            Err(why) => {
                self.fault(&format!("{name}/amount"), "invalid", &why);
                None
            }
        }
    }

    /// A member that must be there, if it was read.
    pub(super) fn needed<T: Default>(&mut self, name: &'static str, read: Option<T>) -> T {
        read.unwrap_or_else(|| self.required(name))
    }

    /// Members that a client may send back as it got them, and that nobody sets.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        self.members.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Says that a member is needed, unless it was there and has a fault.
    fn required<T: Default>(&mut self, name: &str) -> T {
        let pointer = format!("{}/{name}", self.place);
        if !self.faults.iter().any(|fault| fault.pointer.as_ref() == Some(&pointer)) {
            self.fault(name, "required", "is needed");
        }
        T::default()
    }

    /// Yes or no; no where nothing is said.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.members.remove(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.fault(name, "wrong_type", "must be true or false");
                false
            }
        }
    }

    /// A list of texts that must be there, each of which means something, with their places.
    pub(super) fn texts<T: FromStr<Err = String>>(
        &mut self,
        name: &'static str,
        most: usize,
        longest: usize,
    ) -> Vec<(usize, T)> {
        let list = match self.members.remove(name) {
            Some(Value::Array(list)) if list.len() <= most => list,
            Some(Value::Array(_)) => {
                self.fault(name, "too_long", &format!("has more than {most} elements"));
                return Vec::new();
            }
            Some(_) => {
                self.fault(name, "wrong_type", "must be a list of texts");
                return Vec::new();
            }
            None => {
                self.fault(name, "required", "is needed");
                return Vec::new();
            }
        };
        let mut read = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let text = value.as_str().filter(|text| text.len() <= longest);
            match text.ok_or_else(|| "must be a short text".to_owned()).and_then(str::parse) {
                Ok(it) => read.push((index, it)),
                Err(why) => self.fault(&format!("{name}/{index}"), "invalid", &why),
            }
        }
        read
    }

    /// A text that may be there, of so many characters at most. To be null is not to be there.
    pub(super) fn nullable_prose(&mut self, name: &'static str, most: usize) -> Option<String> {
        if self.members.get(name).is_some_and(Value::is_null) {
            self.members.remove(name);
        }
        let text = self.optional_prose(name, most);
        if text.as_ref().is_some_and(String::is_empty) {
            self.fault(name, "empty", "cannot be empty; null says that there is none");
        }
        text
    }

    /// The id of a thing, which may be there.
    pub(super) fn optional_id(&mut self, name: &'static str) -> Option<Uuid> {
        let value = self.members.remove(name)?;
        let found = value.as_str().and_then(|text| text.parse().ok());
        if found.is_none() {
            let code = if value.is_string() { "invalid" } else { "wrong_type" };
            self.fault(name, code, "must be an id: a UUID");
        }
        found
    }

    /// A list of so many objects that must be there, each read as a document of its own.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        count: RangeInclusive<usize>,
        read: impl Fn(&mut Self) -> T,
    ) -> Vec<T> {
        let list = match self.members.remove(name) {
            Some(Value::Array(list)) if count.contains(&list.len()) => list,
            Some(Value::Array(_)) => {
                let message = format!("must have {} to {} elements", count.start(), count.end());
                self.fault(name, "out_of_range", &message);
                return Vec::new();
            }
            Some(_) => {
                self.fault(name, "wrong_type", "must be a list of objects");
                return Vec::new();
            }
            None => return self.required(name),
        };
        let mut all = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            let Value::Object(members) = value else {
                self.fault(&format!("{name}/{index}"), "wrong_type", "must be an object");
                continue;
            };
            let place = format!("{}/{name}/{index}", self.place);
            let mut one = Self { members, place, ..Self::default() };
            all.push(read(&mut one));
            one.refuse_the_rest();
            self.faults.append(&mut one.faults);
        }
        all
    }

    /// An object that may be there.
    pub(super) fn optional_object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        match self.members.remove(name)? {
            Value::Object(object) => Some(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.fault(name, "wrong_type", "must be an object");
                None
            }
        }
    }

    /// A moment that may be there (RFC 3339).
    pub(super) fn optional_moment(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        match self.members.remove(name)? {
            Value::Null => return None,
            Value::String(text) => match DateTime::parse_from_rfc3339(&text) {
                Ok(time) => return Some(time.to_utc()),
                Err(_) => self.fault(name, "invalid", "must be a time as 2030-01-31T12:00:00Z"),
            },
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, "wrong_type", "must be a time as 2030-01-31T12:00:00Z");
            }
        }
        None
    }

    /// Refuses the document if it has faults, members that nobody asked for among them.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.refuse_the_rest();
        if self.faults.is_empty() {
            return Ok(());
        }
        let problem = Problem::new(Kind::Invalid, "the document has faults: see `errors`");
        let problem = Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..problem };
        Err(problem.with_code("validation_failed").with_faults(self.faults))
    }

    /// Members that nobody asked for.
    fn refuse_the_rest(&mut self) {
        for name in std::mem::take(&mut self.members).keys() {
            self.fault(&escaped(name), "unknown", "is not known here");
        }
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Adds a fault that only who reads the document can see.
    pub(super) fn fault(&mut self, name: &str, code: &'static str, message: &str) {
        self.faults.push(Fault::at(format!("{}/{name}", self.place), code, message));
    }
}

/// A name as a part of a pointer (RFC 6901 section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    match to_bytes(body, MOST).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => {
            let first: Option<&dyn std::error::Error> = Some(&error);
            let mut causes = std::iter::successors(first, |cause| cause.source());
            let too_large = causes.any(|cause| cause.is::<http_body_util::LengthLimitError>());
            Err(match too_large {
                true => Problem::new(
                    Kind::TooLarge,
                    format!("the body is larger than the {MOST} bytes taken here"),
                ),
                false => Problem::new(Kind::Invalid, "the body broke off"),
            })
        }
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let is_encoded = headers.get_all(header::CONTENT_ENCODING).iter().any(|it| it != "identity");
    let said = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let detail = match said.eq_ignore_ascii_case("application/json") {
        true if is_encoded => "send a document as it is, without a `Content-Encoding`",
        true => return Ok(()),
        false => "send a document as `Content-Type: application/json`",
    };
    let problem = Problem::new(Kind::Invalid, detail);
    Err(Problem { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..problem }.with_code("unsupported_media_type"))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
