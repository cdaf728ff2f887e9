//! What may be asked of a list, and of a thing, as the OpenAPI document says it: worked out from the same fields that
//! requests are held against.

use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

use super::Offer;
use crate::model::{Field, Operator, ValueKind};
use crate::rest::selection::Members;

/// The parameters of a list.
pub(in crate::rest) fn of_list<F: Field>(offer: &Offer<F>) -> Vec<Parameter> {
    let sortable: Vec<_> = F::ALL.iter().filter(|it| it.is_sortable()).map(|it| it.name()).collect();
    let key = format!("-?({})", sortable.join("|"));
    // How many at most, the configuration says.
    let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let sort = text().pattern(Some(format!("^{key}(,{key}){{0,2}}$"))).build();
    let mut all = vec![
        parameter("limit", "Items of a page.", limit.build()),
        parameter("after", "The `next` of the page before.", text().build()),
        parameter("before", "The `previous` of the page after.", text().build()),
        parameter("sort", "Up to three fields, each with a `-` before it for descending.", sort),
    ];
    if offer.is_searched {
        let words = text().min_length(Some(1)).max_length(Some(200)).build();
        all.push(parameter("q", "Words to be found.", words));
    }
    all.extend(of_thing(offer.members));
    for field in F::ALL {
        for operator in field.operators() {
            all.push(condition(*field, *operator));
        }
    }
    all
}

/// The parameters of one thing, or of a change of it.
pub(in crate::rest) fn of_thing(members: Members) -> Vec<Parameter> {
    let list = |names: &[&str]| {
        let name = format!("({})", names.join("|"));
        text().pattern(Some(format!("^{name}(,{name})*$"))).build()
    };
    let mut all = Vec::new();
    if !members.fields.is_empty() {
        all.push(parameter("fields", "Only these members, by commas.", list(members.fields)));
    }
    if !members.includes.is_empty() {
        all.push(parameter("include", "What is to come along, by commas.", list(members.includes)));
    }
    if members.of_tenant {
        all.push(parameter("tenant_id", "Another tenant, for those who may enter it.", uuid()));
    }
    all
}

/// The parameter of the path that names one thing.
pub(in crate::rest) fn of_path(name: &str) -> Parameter {
    let mut id = parameter("id", &format!("The id of the {name}."), uuid());
    (id.parameter_in, id.required) = (ParameterIn::Path, Required::True);
    id
}

fn condition<F: Field>(field: F, operator: Operator) -> Parameter {
    let name = if operator == Operator::Eq {
        field.name().to_owned()
    } else {
        format!("{}[{}]", field.name(), operator.as_str())
    };
    let about = match operator {
        Operator::Eq => "Is this.",
        Operator::Ne => "Is anything else.",
        Operator::Lt => "Is less.",
        Operator::Lte => "Is this at most.",
        Operator::Gt => "Is more.",
        Operator::Gte => "Is this at least.",
        Operator::In => "Is one of these, by commas.",
        Operator::Prefix => "Begins so.",
        Operator::IsNull => "Is not set, or is.",
    };
    let needs = if field.kind() == ValueKind::Amount { " Needs `currency` beside it." } else { "" };
    let schema = if operator == Operator::IsNull {
        ObjectBuilder::new().schema_type(Type::Boolean).build()
    } else if operator == Operator::In {
        listed(field.kind())
    } else {
        single(field.kind())
    };
    parameter(&name, &format!("{about}{needs}"), schema)
}

fn listed(kind: ValueKind) -> Object {
    let of = |one: String| text().pattern(Some(format!("^{one}(,{one}){{0,99}}$"))).build();
    match kind {
        ValueKind::Word(words) => of(format!("({})", words.join("|"))),
        ValueKind::Currency => of("[A-Z]{3}".to_owned()),
        ValueKind::Number => of("-?[0-9]{1,9}".to_owned()),
        ValueKind::Amount => of("[0-9]{1,9}".to_owned()),
        ValueKind::Id => of("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned()),
        ValueKind::Time | ValueKind::Text(_) => text().build(),
    }
}

fn single(kind: ValueKind) -> Object {
    let known = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
    match kind {
        ValueKind::Time => known(KnownFormat::DateTime).build(),
        ValueKind::Id => uuid(),
        ValueKind::Text(longest) => text().max_length(Some(longest)).build(),
        ValueKind::Number => {
            let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).build()
        }
        ValueKind::Word(words) => text().enum_values(Some(words.iter().copied())).build(),
        ValueKind::Amount => {
            text().pattern(Some("^[0-9]{1,15}([.][0-9]{1,4})?$")).examples(["12.30"]).build()
        }
        ValueKind::Currency => text().pattern(Some("^[A-Z]{3}$")).examples(["EUR"]).build(),
    }
}

fn uuid() -> Object {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn parameter(name: &str, about: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}
