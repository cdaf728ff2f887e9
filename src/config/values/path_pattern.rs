//! Which paths a route serves.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A path whose segments are literal, stand for one segment (`{name}`) or for the rest (`{*name}`).
///
/// A trailing slash counts: `/a/` ends in an empty literal segment and is another path than `/a`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "path-pattern", "pattern" = "^/", "examples" = ["/", "/livez", "/users/{id}", "/api/shop/{*rest}"]))]
pub struct PathPattern {
    text: Arc<str>,
    segments: Arc<[Segment]>,
}

/// What stands between two slashes of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This very text; empty at the end of a pattern with a trailing slash.
    Literal(String),
    /// Any one segment, under this name.
    Param(String),
    /// The rest of the path, under this name. Always last.
    Rest(String),
}

impl PathPattern {
    /// The segments in order; `/` has one, which is empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether a normalised path fits.
    pub fn fits(&self, path: &str) -> bool {
        let mut rest = path.strip_prefix('/');
        for pattern in self.segments.iter() {
            let Some(left) = rest else { return false };
            let (segment, after) = left.split_once('/').map_or((left, None), |(one, more)| (one, Some(more)));
            match pattern {
                Segment::Literal(text) if text == segment => rest = after,
                Segment::Param(_) if !segment.is_empty() => rest = after,
                Segment::Literal(_) | Segment::Param(_) => return false,
                Segment::Rest(_) => return true,
            }
        }
        rest.is_none()
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or_else(|| format!("a path starts with `/`; found {text:?}"))?;
        if path.starts_with('/') || path.contains("//") {
            return Err(format!("`//` never matches, because paths are normalised first; found {text:?}"));
        }
        let segments = path.split('/').map(parse_segment).collect::<Result<Vec<_>, _>>()?;
        check_names(&segments)?;
        Ok(Self { text: text.into(), segments: segments.into() })
    }
}

fn parse_segment(text: &str) -> Result<Segment, String> {
    let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return check_literal(text).map(|()| Segment::Literal(text.to_owned()));
    };
    let (name, is_rest) = inner.strip_prefix('*').map_or((inner, false), |name| (name, true));
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = name.starts_with(is_start) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (is_name, is_rest) {
        (false, _) => Err(format!(
            "the name of a parameter has letters, digits and underscores, as in `{{id}}`; found `{text}`"
        )),
        (true, false) => Ok(Segment::Param(name.to_owned())),
        (true, true) => Ok(Segment::Rest(name.to_owned())),
    }
}

fn check_literal(text: &str) -> Result<(), String> {
    if text.contains(['{', '}']) {
        return Err(format!(
            "a parameter takes a whole segment, as in `/users/{{id}}`; found segment `{text}`"
        ));
    }
    if text == "." || text == ".." {
        return Err(format!("segment `{text}` never matches, because paths are normalised first"));
    }
    if text.contains(['?', '#']) {
        return Err(format!("a path pattern has no query and no fragment; found segment `{text}`"));
    }
    if let Some(odd) = text.chars().find(|c| !is_plain(*c)) {
        return Err(format!("character {odd:?} must be percent-encoded in a path; found segment {text:?}"));
    }
    check_encoding(text)
}

/// The characters of a path segment by RFC 3986, section 3.3, and the percent sign.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c)
}

/// Paths are matched after unreserved characters were decoded and hex digits put in upper case.
fn check_encoding(text: &str) -> Result<(), String> {
    for part in text.split('%').skip(1) {
        let code = part.get(..2).unwrap_or(part);
        let byte = u8::from_str_radix(code, 16).ok().filter(|_| code.len() == 2 && !code.starts_with('+'));
        let Some(byte) = byte else {
            return Err(format!("`%` is followed by two hex digits; found segment `{text}`"));
        };
        let plain = char::from(byte);
        if plain.is_ascii_alphanumeric() || "-._~".contains(plain) {
            return Err(format!(
                "`%{code}` never matches, because paths are normalised first; write `{plain}`"
            ));
        }
        if code.chars().any(|c| c.is_ascii_lowercase()) {
            return Err(format!(
                "`%{code}` never matches, because paths are normalised first; write `%{byte:02X}`"
            ));
        }
    }
    Ok(())
}

fn check_names(segments: &[Segment]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (index, segment) in segments.iter().enumerate() {
        let name = match segment {
            Segment::Literal(_) => continue,
            Segment::Rest(name) if index + 1 < segments.len() => {
                return Err(format!("`{{*{name}}}` takes the rest of the path, so nothing may follow it"));
            }
            Segment::Param(name) | Segment::Rest(name) => name,
        };
        if !seen.insert(name) {
            return Err(format!("parameter `{name}` is named twice"));
        }
    }
    Ok(())
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        text.parse::<PathPattern>().expect(text).segments().to_vec()
    }

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn segments_are_told_apart() {
        let (id, rest) = (Segment::Param("id".to_owned()), Segment::Rest("rest".to_owned()));
        assert_eq!(segments("/users/{id}/{*rest}"), [literal("users"), id, rest]);
    }

    #[test]
    fn a_trailing_slash_is_a_segment_of_its_own() {
        assert_eq!(segments("/"), [literal("")]);
        assert_eq!(segments("/a"), [literal("a")]);
        assert_eq!(segments("/a/"), [literal("a"), literal("")]);
    }

    #[test]
    fn an_encoding_that_normalisation_keeps_is_taken() {
        assert_eq!(segments("/a%20b/%2F"), [literal("a%20b"), literal("%2F")]);
    }

    #[test]
    fn each_refusal_says_what_is_wrong() {
        let cases = [
            ("", "a path starts with `/`; found \"\""),
            ("a", "a path starts with `/`; found \"a\""),
            ("//", "`//` never matches, because paths are normalised first; found \"//\""),
            ("/a//b", "`//` never matches, because paths are normalised first; found \"/a//b\""),
            ("/a/../b", "segment `..` never matches, because paths are normalised first"),
            ("/.", "segment `.` never matches, because paths are normalised first"),
            ("/a?b", "a path pattern has no query and no fragment; found segment `a?b`"),
            ("/a#b", "a path pattern has no query and no fragment; found segment `a#b`"),
            ("/a b", "character ' ' must be percent-encoded in a path; found segment \"a b\""),
            ("/ü", "character 'ü' must be percent-encoded in a path; found segment \"ü\""),
            ("/%41", "`%41` never matches, because paths are normalised first; write `A`"),
            ("/%2e", "`%2e` never matches, because paths are normalised first; write `.`"),
            ("/%c3", "`%c3` never matches, because paths are normalised first; write `%C3`"),
            ("/%4", "`%` is followed by two hex digits; found segment `%4`"),
            ("/%+4", "`%` is followed by two hex digits; found segment `%+4`"),
            ("/a{id}", "a parameter takes a whole segment, as in `/users/{id}`; found segment `a{id}`"),
            (
                "/{a}-{b}",
                "the name of a parameter has letters, digits and underscores, as in `{id}`; found `{a}-{b}`",
            ),
            ("/{}", "the name of a parameter has letters, digits and underscores, as in `{id}`; found `{}`"),
            (
                "/{1a}",
                "the name of a parameter has letters, digits and underscores, as in `{id}`; found `{1a}`",
            ),
            ("/{*rest}/a", "`{*rest}` takes the rest of the path, so nothing may follow it"),
            ("/{*rest}/", "`{*rest}` takes the rest of the path, so nothing may follow it"),
            ("/{id}/{id}", "parameter `id` is named twice"),
        ];
        for (text, words) in cases {
            assert_eq!(text.parse::<PathPattern>().expect_err(text), words);
        }
    }
}
