//! How a place in the tree is named: `upstreams.commerce.endpoints[1].address`.

/// The path of a key in a table.
pub(in crate::config) fn at_key(table: &str, key: &str) -> String {
    let mut path = String::with_capacity(table.len() + 1 + key.len());
    if !table.is_empty() {
        path.push_str(table);
        path.push('.');
    }
    match is_bare(key) {
        true => path.push_str(key),
        false => path.push_str(&quote_key(key)),
    }
    path
}

/// The path of an element of an array.
pub(in crate::config) fn at_index(array: &str, index: usize) -> String {
    format!("{array}[{index}]")
}

/// The path one level up; the root is its own parent's child no more.
pub(in crate::config) fn parent(path: &str) -> Option<&str> {
    let mut in_quotes = false;
    let mut border = None;
    for (at, c) in path.char_indices() {
        match c {
            '"' => in_quotes = !in_quotes,
            '.' | '[' if !in_quotes => border = Some(at),
            _ => {}
        }
    }
    match border {
        Some(at) => path.get(..at),
        None if path.is_empty() => None,
        None => Some(""),
    }
}

/// A key as TOML writes it: bare where it can be, else quoted.
pub(in crate::config) fn quote_key(key: &str) -> String {
    match is_bare(key) {
        true => key.to_owned(),
        false => {
            format!("\"{}\"", key.escape_default().to_string().replace("\\'", "'").replace("\\\"", "\\u{22}"))
        }
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_keys_and_elements() {
        assert_eq!(at_index(&at_key(&at_key("", "upstreams"), "a b"), 1), "upstreams.\"a b\"[1]");
    }

    #[test]
    fn parents_lead_to_the_root() {
        let ancestors = std::iter::successors(Some("routes.\"a.b\".path[0]"), |path| parent(path));
        assert_eq!(
            ancestors.collect::<Vec<_>>(),
            ["routes.\"a.b\".path[0]", "routes.\"a.b\".path", "routes.\"a.b\"", "routes", ""]
        );
    }
}
