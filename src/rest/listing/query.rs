//! The query of a URL as parameters: names and values as they read, in their order.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

use crate::http::Fault;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rest) struct Parameter {
    pub(in crate::rest) name: String,
    pub(in crate::rest) value: String,
}

/// The parameters of a query, each once; those that cannot be read or come again are faults.
pub(in crate::rest) fn parameters(query: &str, faults: &mut Vec<Fault>) -> Vec<Parameter> {
    let (mut found, mut names) = (Vec::new(), HashSet::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decoded(name), decoded(value)) {
            (Some(name), Some(_)) if names.contains(&name) => {
                faults.push(Fault::of(name, "repeated", "is given twice"));
            }
            (Some(name), Some(value)) => {
                names.insert(name.clone());
                found.push(Parameter { name, value });
            }
            (name, _) => {
                let message = "is no UTF-8, or holds the character U+0000";
                faults.push(Fault::of(name.unwrap_or_default(), "invalid_value", message));
            }
        }
    }
    found
}

/// As forms encode (a plus sign is a space); nothing that a database could not hold.
fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_and_what_cannot_be_is_a_fault() {
        let mut faults = Vec::new();
        let found = parameters("a=1&&price%5Bgte%5D=2+3&flag&n=%FF&m=%00&%61=2", &mut faults);
        let pairs: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("price[gte]", "2 3"), ("flag", "")]);
        let codes: Vec<_> = faults.iter().map(|it| it.code).collect();
        assert_eq!(codes, ["invalid_value", "invalid_value", "repeated"]);
    }
}
