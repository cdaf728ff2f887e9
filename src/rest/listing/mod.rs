//! Lists over HTTP: the query of a request as a [`Listing`], and a page as its answer. What may be asked is what the
//! noun's fields allow; every fault is told at once.

mod condition;
mod cursor;
mod described;
mod page;
mod query;

use std::sync::Arc;

use self::condition::{Pending, Read};
use self::cursor::Binding;
pub(super) use self::described::{of_list, of_path, of_thing};
pub(super) use self::page::Paged;
use self::query::Parameter;
pub(super) use self::query::parameters;
use super::selection::{Members, Selection};
use crate::config;
use crate::error::Kind;
use crate::http::{Fault, Problem};
use crate::identity::Authenticator;
use crate::model::{Direction, Field, Listing, SortKey, Start, TenantId};

/// Most keys of `sort`, conditions, and characters of `q`.
const MOST_KEYS: usize = 3;
const MOST_CONDITIONS: usize = 16;
const LONGEST_WORDS: usize = 200;

/// What a list offers.
#[derive(Debug)]
pub(super) struct Offer<F: 'static> {
    /// What it is of; cursors are bound to it.
    pub(super) noun: &'static str,
    /// How it is sorted where nothing is said.
    pub(super) sort: (F, Direction),
    /// Whether it knows `q`.
    pub(super) is_searched: bool,
    /// What its documents have.
    pub(super) members: Members,
}

/// What a list is asked with, besides its query.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) tenant: TenantId,
    pub(super) settings: &'a config::Rest,
    pub(super) identity: &'a Arc<Authenticator>,
    pub(super) path: &'a str,
}

/// A page that is wanted, and how it is answered.
#[derive(Debug)]
pub(super) struct Wanted<F> {
    pub(super) listing: Listing<F>,
    pub(super) selection: Selection,
    binding: Binding,
    identity: Arc<Authenticator>,
    path: String,
    /// All parameters but those that say where a page begins.
    rest: Vec<Parameter>,
}

/// Reads the query of a list.
///
/// # Errors
/// All of its faults.
pub(super) fn read<F: Field>(
    query: &str,
    offer: &Offer<F>,
    around: &Around<'_>,
) -> Result<Wanted<F>, Problem> {
    let mut reading = Reading::new(offer, around.settings);
    let parameters = parameters(query, &mut reading.faults);
    for parameter in &parameters {
        reading.take(parameter);
    }
    reading.settle();
    let binding = Binding::of(around.tenant, offer.noun, &reading.listing);
    reading.begin(&binding, around.identity);
    if !reading.faults.is_empty() {
        return Err(refused(reading.faults));
    }
    let rest = parameters.into_iter().filter(|it| !["after", "before"].contains(&it.name.as_str()));
    Ok(Wanted {
        listing: reading.listing,
        selection: reading.selection,
        binding,
        identity: around.identity.clone(),
        path: around.path.to_owned(),
        rest: rest.collect(),
    })
}

/// The problem of a query with these faults.
pub(super) fn refused(faults: Vec<Fault>) -> Problem {
    let is_cursor = |fault: &Fault| fault.code == "invalid_cursor";
    let (code, detail) = match faults.iter().all(is_cursor) {
        true => ("invalid_cursor", "the cursor is none of this list: begin again without it"),
        false => ("invalid_parameter", "the query has faults: see `errors`"),
    };
    Problem::new(Kind::Invalid, detail).with_code(code).with_faults(faults)
}

/// A query that is being read.
struct Reading<'o, F: 'static> {
    offer: &'o Offer<F>,
    settings: &'o config::Rest,
    listing: Listing<F>,
    selection: Selection,
    pending: Vec<Pending<F>>,
    after: Option<String>,
    before: Option<String>,
    faults: Vec<Fault>,
}

impl<'o, F: Field> Reading<'o, F> {
    fn new(offer: &'o Offer<F>, settings: &'o config::Rest) -> Self {
        let (field, direction) = offer.sort;
        Self {
            offer,
            settings,
            listing: Listing::by(field, direction, settings.default_limit),
            selection: Selection::default(),
            pending: Vec::new(),
            after: None,
            before: None,
            faults: Vec::new(),
        }
    }

    fn take(&mut self, parameter: &Parameter) {
        let Parameter { name, value } = parameter;
        if self.selection.take((name, value), self.offer.members, &mut self.faults) {
            return;
        }
        match name.as_str() {
            // The caller acts there by now.
            "tenant_id" => {}
            "limit" => self.limit(value),
            "after" => self.after = Some(value.clone()),
            "before" => self.before = Some(value.clone()),
            "sort" => self.sort(value),
            "q" if self.offer.is_searched => self.words(value),
            _ => match condition::read(parameter, &self.known()) {
                Ok(Read::Condition(condition)) => self.listing.conditions.push(condition),
                Ok(Read::Pending(pending)) => self.pending.push(pending),
                Err(fault) => self.faults.push(fault),
            },
        }
    }

    fn known(&self) -> String {
        let mut known = vec!["limit", "after", "before", "sort", "fields"];
        known.extend(self.offer.is_searched.then_some("q"));
        known.extend((!self.offer.members.includes.is_empty()).then_some("include"));
        known.join(", ")
    }

    fn limit(&mut self, value: &str) {
        let most = self.settings.max_limit;
        match value.parse() {
            Ok(limit) if (1..=most).contains(&limit) => self.listing.limit = limit,
            _ => self.fault("limit", "invalid_value", &format!("must be from 1 to {most}")),
        }
    }

    fn sort(&mut self, value: &str) {
        let mut keys: Vec<SortKey<F>> = Vec::new();
        for word in value.split(',') {
            let (name, direction) = match word.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (word, Direction::Ascending),
            };
            let field = F::ALL.iter().find(|field| field.is_sortable() && field.name() == name);
            match field {
                Some(field) if keys.iter().any(|key| key.field == *field) => {
                    self.fault("sort", "repeated", &format!("names `{name}` twice"));
                }
                Some(field) => keys.push(SortKey { field: *field, direction }),
                None => {
                    let fields = F::ALL.iter().filter(|field| field.is_sortable()).map(|field| field.name());
                    let fields = fields.collect::<Vec<_>>().join(", ");
                    let message = format!("cannot be by `{}`; it may be by {fields}", short(name));
                    self.fault("sort", "unknown_field", &message);
                }
            }
        }
        if keys.len() > MOST_KEYS {
            self.fault("sort", "invalid_value", &format!("names more than {MOST_KEYS} fields"));
        }
        if !keys.is_empty() {
            self.listing.sort = keys;
        }
    }

    fn words(&mut self, value: &str) {
        let words = value.trim();
        match words.chars().count() {
            0 => self.fault("q", "invalid_value", "must hold a word"),
            length if length > LONGEST_WORDS => {
                self.fault("q", "invalid_value", &format!("has more than {LONGEST_WORDS} characters"));
            }
            _ => self.listing.words = Some(words.to_owned()),
        }
    }

    /// Conditions on amounts, now that those on currencies are known; all of them in one order, whatever theirs was.
    fn settle(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            match condition::settle(pending, &self.listing.conditions) {
                Ok(condition) => self.listing.conditions.push(condition),
                Err(fault) => self.faults.push(fault),
            }
        }
        if self.listing.conditions.len() > MOST_CONDITIONS {
            let problem =
                format!("has {} conditions; {MOST_CONDITIONS} at most", self.listing.conditions.len());
            self.faults.push(Fault::of("", "too_many", problem));
        }
        let place = |field: F| F::ALL.iter().position(|it| *it == field);
        self.listing.conditions.sort_by_key(|condition| (place(condition.field), condition.operator));
    }

    /// Where the page begins, now that the list is known that a cursor must be of.
    fn begin(&mut self, binding: &Binding, identity: &Authenticator) {
        let (name, text) = match (self.after.take(), self.before.take()) {
            (None, None) => return,
            (Some(_), Some(_)) => return self.fault("before", "exclusive", "cannot stand beside `after`"),
            (Some(text), None) => ("after", text),
            (None, Some(text)) => ("before", text),
        };
        // Another fault may be why it does not fit.
        if !self.faults.is_empty() {
            return;
        }
        match binding.read(&text, &self.listing.sort, identity) {
            Some(mark) if name == "after" => self.listing.start = Start::After(mark),
            Some(mark) => self.listing.start = Start::Before(mark),
            None => {
                let message = "is no cursor of this list with this order and these conditions";
                self.fault(name, "invalid_cursor", message);
            }
        }
    }

    fn fault(&mut self, name: &str, code: &'static str, message: &str) {
        self.faults.push(Fault::of(name, code, message));
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
