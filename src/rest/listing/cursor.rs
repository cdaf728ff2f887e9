//! Cursors: a place in a list as clients hand it back. They are opaque, sealed with the gateway's keys, and bound to the
//! tenant, the list, its order, its conditions and its words: a cursor that was changed or is of another list is none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::identity::{Authenticator, SEAL};
use crate::model::{Direction, Field, Listing, Mark, SortKey, TenantId, Value, ValueKind};

/// Longest cursor that is looked at, in bytes: sort keys are texts of a few hundred characters at most.
const LONGEST: usize = 8 << 10;

/// What all cursors of a list have in common. It goes into each seal and is not sent.
#[derive(Debug)]
pub(super) struct Binding(Vec<u8>);

impl Binding {
    /// The binding of a noun's list in a tenant.
    pub(super) fn of<F: Field>(tenant: TenantId, noun: &str, listing: &Listing<F>) -> Self {
        let sort: Vec<_> = listing.sort.iter().map(|key| (key.field.name(), word(key.direction))).collect();
        let conditions = listing.conditions.iter().map(|it| {
            let values: Vec<_> = it.values.iter().map(json_of).collect();
            (it.field.name(), it.operator.as_str(), values)
        });
        let conditions: Vec<_> = conditions.collect();
        let all = json!([tenant, noun, sort, conditions, listing.words]).to_string();
        let length = u32::try_from(all.len()).unwrap_or(u32::MAX).to_be_bytes();
        Self([&length[..], all.as_bytes()].concat())
    }

    /// A place as text.
    ///
    /// # Errors
    /// There is no key to seal it with.
    pub(super) fn write(&self, mark: &Mark, identity: &Authenticator) -> Result<String> {
        let values: Vec<_> = mark.values.iter().map(json_of).collect();
        let place = serde_json::to_vec(&(values, mark.id));
        let place = place.map_err(|error| Error::internal("write a cursor").caused_by(error))?;
        let seal = identity.seal(&[&self.0[..], &place].concat())?;
        Ok(URL_SAFE_NO_PAD.encode([&seal[..], &place].concat()))
    }

    /// The place that a text stands for; `None` where it is no cursor of this list.
    pub(super) fn read<F: Field>(
        &self,
        text: &str,
        sort: &[SortKey<F>],
        identity: &Authenticator,
    ) -> Option<Mark> {
        let bytes = (text.len() <= LONGEST).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
        let (seal, place) = bytes.split_first_chunk::<SEAL>()?;
        if !identity.is_sealed(&[&self.0[..], place].concat(), seal) {
            return None;
        }
        let (values, id): (Vec<Json>, Uuid) = serde_json::from_slice(place).ok()?;
        let values = sort.iter().zip(&values).map(|(key, value)| value_of(key.field.kind(), value));
        Some(Mark { values: values.collect::<Option<_>>()?, id })
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "asc",
        Direction::Descending => "desc",
    }
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Time(time) => time.timestamp_micros().into(),
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => (*number).into(),
        Value::Id(id) => id.to_string().into(),
        Value::Flag(flag) => (*flag).into(),
    }
}

fn value_of(kind: ValueKind, value: &Json) -> Option<Value> {
    match kind {
        ValueKind::Time => DateTime::from_timestamp_micros(value.as_i64()?).map(Value::Time),
        ValueKind::Text(_) | ValueKind::Word(_) | ValueKind::Currency => {
            value.as_str().map(|text| Value::Text(text.to_owned()))
        }
        ValueKind::Number | ValueKind::Amount => value.as_i64().map(Value::Number),
        ValueKind::Id => value.as_str()?.parse().ok().map(Value::Id),
    }
}
