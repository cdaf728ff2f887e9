//! The rules for the name of a host, shared by what matches hosts and origins.

/// Checks a host name or literal IP address without a port and returns it in lower case.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if bracketed.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()) {
        return Ok(text.to_ascii_lowercase());
    }
    if text.contains(':') {
        return Err(format!("a host has no port and no scheme here; found {text:?}"));
    }
    if text.is_empty() || text.len() > 253 || !text.split('.').all(is_label) {
        return Err(format!("a host name has letters, digits and dashes between its dots; found {text:?}"));
    }
    Ok(text.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
