//! `field=value` and `field[operator]=value` as conditions, against what the noun's fields allow.

use chrono::DateTime;
use uuid::Uuid;

use super::query::Parameter;
use crate::http::Fault;
use crate::model::{Condition, Field, Money, Operator, Value, ValueKind, exponent};

/// Most values of `in`.
const MOST_VALUES: usize = 100;

/// A condition whose amounts wait for their currency.
#[derive(Debug)]
pub(super) struct Pending<F> {
    name: String,
    field: F,
    operator: Operator,
    values: Vec<String>,
}

/// What a parameter is.
pub(super) enum Read<F> {
    Condition(Condition<F>),
    Pending(Pending<F>),
}

/// Reads a parameter that no other rule knows.
///
/// # Errors
/// The fault, which says what is allowed.
pub(super) fn read<F: Field>(parameter: &Parameter, known: &str) -> Result<Read<F>, Fault> {
    let Parameter { name, value } = parameter;
    let (field, operator) = match name.split_once('[') {
        None => (name.as_str(), "eq"),
        Some((field, rest)) => {
            let unclosed = || Fault::of(name, "unknown_parameter", "must be written as `field[operator]`");
            (field, rest.strip_suffix(']').ok_or_else(unclosed)?)
        }
    };
    let field = field_of::<F>(field, name, known)?;
    let operator = operator_of(field, operator, name)?;
    let separated = if operator == Operator::In { value.split(',').collect() } else { vec![value.as_str()] };
    let values: Vec<String> = separated.into_iter().map(str::to_owned).collect();
    if values.len() > MOST_VALUES {
        let message = format!("names {} values; {MOST_VALUES} at most", values.len());
        return Err(Fault::of(name, "invalid_value", message));
    }
    let refused = |message| Fault::of(name, "invalid_value", message);
    match (operator, field.kind()) {
        (Operator::IsNull, _) => flag(value).map(|flag| of(field, operator, vec![flag])).map_err(refused),
        (_, ValueKind::Amount) => Ok(Read::Pending(Pending { name: name.clone(), field, operator, values })),
        (Operator::Prefix, _) => {
            value_of(field.kind(), value).map_err(refused)?;
            Ok(Read::Condition(Condition::prefix(field, value)))
        }
        (_, kind) => {
            let values = values.iter().map(|value| value_of(kind, value)).collect::<Result<_, _>>();
            values.map(|values| of(field, operator, values)).map_err(refused)
        }
    }
}

fn of<F>(field: F, operator: Operator, values: Vec<Value>) -> Read<F> {
    Read::Condition(Condition { field, operator, values })
}

/// The condition on amounts in the currency of another condition.
///
/// # Errors
/// There is no such condition, or an amount is none.
pub(super) fn settle<F: Field>(pending: Pending<F>, others: &[Condition<F>]) -> Result<Condition<F>, Fault> {
    let Pending { name, field, operator, values } = pending;
    let is_currency =
        |it: &&Condition<F>| it.field.kind() == ValueKind::Currency && it.operator == Operator::Eq;
    let currency = others.iter().find(is_currency).and_then(|it| it.values.first());
    let Some(Value::Text(currency)) = currency else {
        let message = "amounts are compared within a currency: say which, as by `currency=EUR`";
        return Err(Fault::of(name, "currency_needed", message));
    };
    let amount = |text: &String| Money::parse(text, currency).map(|money| Value::Number(money.minor));
    match values.iter().map(amount).collect::<Result<_, _>>() {
        Ok(values) => Ok(Condition { field, operator, values }),
        Err(message) => Err(Fault::of(name, "invalid_value", message)),
    }
}

fn field_of<F: Field>(field: &str, name: &str, known: &str) -> Result<F, Fault> {
    let found = F::ALL.iter().find(|it| it.name() == field && !it.operators().is_empty());
    found.copied().ok_or_else(|| {
        let fields = filterable::<F>();
        match name.contains('[') {
            true => Fault::of(name, "unknown_field", format!("there is no such field; there are {fields}")),
            false => {
                let message = format!("is not known here; there are {known}, and the fields {fields}");
                Fault::of(name, "unknown_parameter", message)
            }
        }
    })
}

fn filterable<F: Field>() -> String {
    let fields = F::ALL.iter().filter(|field| !field.operators().is_empty());
    fields.map(|field| field.name()).collect::<Vec<_>>().join(", ")
}

fn operator_of<F: Field>(field: F, word: &str, name: &str) -> Result<Operator, Fault> {
    let found = Operator::from_word(word).filter(|operator| field.operators().contains(operator));
    found.ok_or_else(|| {
        let allowed: Vec<_> = field.operators().iter().map(|operator| operator.as_str()).collect();
        let message = format!("`{}` is not compared so; it may be by {}", field.name(), allowed.join(", "));
        Fault::of(name, "unknown_operator", message)
    })
}

fn flag(text: &str) -> Result<Value, String> {
    match text {
        "true" => Ok(Value::Flag(true)),
        "false" => Ok(Value::Flag(false)),
        _ => Err("must be true or false".to_owned()),
    }
}

fn value_of(kind: ValueKind, text: &str) -> Result<Value, String> {
    match kind {
        ValueKind::Time => moment(text).ok_or_else(|| "must be a time as 2030-01-31T12:00:00Z".to_owned()),
        ValueKind::Text(longest) if text.chars().count() > longest => {
            Err(format!("has more than {longest} characters"))
        }
        ValueKind::Text(_) => Ok(Value::Text(text.to_owned())),
        ValueKind::Number | ValueKind::Amount => {
            text.parse().map(Value::Number).map_err(|_| "must be a whole number".to_owned())
        }
        ValueKind::Id => {
            let is_hyphenated = text.len() == 36;
            let id = text.parse::<Uuid>().ok().filter(|_| is_hyphenated);
            id.map(Value::Id).ok_or_else(|| "must be an id (UUID)".to_owned())
        }
        ValueKind::Word(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        ValueKind::Word(words) => Err(format!("must be one of {}", words.join(", "))),
        ValueKind::Currency if exponent(text).is_some() => Ok(Value::Text(text.to_owned())),
        ValueKind::Currency => Err("must be a currency by its three letters, as EUR".to_owned()),
    }
}

/// A time, also where the plus sign of its zone was sent bare and so reads as a space.
fn moment(text: &str) -> Option<Value> {
    let read = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let found = read(text).or_else(|| {
        let (before, zone) = text.rsplit_once(' ')?;
        read(&format!("{before}+{zone}"))
    });
    found.map(|time| Value::Time(time.to_utc()))
}
