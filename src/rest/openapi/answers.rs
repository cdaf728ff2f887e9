//! What answers about resources carry beside their documents, worked out from what an operation takes, so that no handler
//! repeats it.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{OpenApi, RefOr, Required, Response};

use super::{operations, text};

/// Adds it to every operation that shows resources: those that take `fields`.
pub(super) fn add(document: &mut OpenApi) {
    for (_, operation) in operations(document) {
        let takes = |name: &str| super::takes(operation, name);
        let (is_shown, is_list, may_be_less) = (takes("fields"), takes("sort"), takes("prefer"));
        let is_read = is_shown && operation.request_body.is_none() && !takes("if-match");
        if is_read {
            operation.parameters.get_or_insert_default().push(if_none_match());
            let known = Response::new("The client has it already.");
            operation.responses.responses.insert("304".to_owned(), RefOr::T(known));
        }
        let responses = &mut operation.responses.responses;
        if may_be_less && responses.contains_key("200") {
            let less = Response::new("The same, where no document is wanted.");
            responses.insert("204".to_owned(), RefOr::T(less));
        }
        for (status, answer) in responses.iter_mut().filter(|_| is_shown) {
            let RefOr::T(answer) = answer else { continue };
            let headers = match status.as_str() {
                "200" if is_list => of_page(),
                "200" => vec![tag()],
                "201" => vec![tag(), ("Location", text("Its path."))],
                _ => continue,
            };
            answer.headers.extend(headers.into_iter().map(|(name, it)| (name.to_owned(), RefOr::T(it))));
        }
    }
}

fn if_none_match() -> RefOr<Parameter> {
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Only if it is not as the client has it already."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    RefOr::T(parameter.build())
}

fn tag() -> (&'static str, Header) {
    ("ETag", text("Its version, and what is shown of it."))
}

fn of_page() -> Vec<(&'static str, Header)> {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0));
    let count = HeaderBuilder::new().schema(Some(number)).description(Some("How many there are, at least."));
    vec![
        ("ETag", text("A digest of the page.")),
        ("Link", text("The first, next and previous page (RFC 8288).")),
        ("X-Total-Count", count.build()),
    ]
}
