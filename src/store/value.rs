//! Values of lists as Postgres takes them. One of another kind than its column is a fault of ours.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::model::Value;

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if !fits(self, kind) {
            return Err(format!("a value of a list does not fit a column of type {kind}").into());
        }
        match self {
            Self::Time(time) => time.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Id(id) => id.to_sql(kind, out),
            Self::Flag(flag) => flag.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::TIMESTAMPTZ, Type::TEXT, Type::BPCHAR, Type::INT8, Type::UUID, Type::BOOL].contains(kind)
    }

    to_sql_checked!();
}

/// Whether a value may be compared with a column of this type.
pub(super) fn fits(value: &Value, kind: &Type) -> bool {
    match value {
        Value::Time(_) => *kind == Type::TIMESTAMPTZ,
        Value::Text(_) => [Type::TEXT, Type::BPCHAR].contains(kind),
        Value::Number(_) => *kind == Type::INT8,
        Value::Id(_) => *kind == Type::UUID,
        Value::Flag(_) => *kind == Type::BOOL,
    }
}

/// The type of a list of values.
pub(super) fn array_of(kind: &Type) -> Type {
    let arrays =
        [Type::TIMESTAMPTZ_ARRAY, Type::TEXT_ARRAY, Type::BPCHAR_ARRAY, Type::INT8_ARRAY, Type::UUID_ARRAY];
    let kinds = [Type::TIMESTAMPTZ, Type::TEXT, Type::BPCHAR, Type::INT8, Type::UUID];
    let found = kinds.into_iter().zip(arrays).find(|(element, _)| element == kind);
    found.map_or(Type::BOOL_ARRAY, |(_, array)| array)
}
