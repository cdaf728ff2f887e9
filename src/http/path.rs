//! One spelling for each path, decided before anything looks at it (RFC 3986 §6.2.2).
//! The result is what routes are matched against and what is forwarded, so the gateway and a backend cannot
//! read two different paths out of one request. It knows nothing of routes.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, Kind};

/// Gives a path its normal spelling, or says why it is refused. The query is no part of `raw`.
///
/// Escapes of unreserved characters are decoded and all others written in upper case, `.` and `..` resolved,
/// runs of `/` merged; a slash at the end stays. A path that is normal already is borrowed.
pub fn normalise(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if is_normal(raw) { Ok(Cow::Borrowed(raw)) } else { rebuild(raw).map(Cow::Owned) }
}

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// It does not begin with `/`.
    NotAbsolute,
    /// A `%` is not followed by two hexadecimal digits.
    BadEscape,
    /// It holds `%2F`, `%5C` or `%00`: a backend that decodes them sees another path than the gateway did.
    HiddenSeparator,
    /// It holds a byte that no path may hold.
    BadByte,
    /// Its `..` segments lead out of `/`.
    AboveRoot,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathError::NotAbsolute => "the path does not begin with `/`",
            PathError::BadEscape => "the path has a `%` that is not followed by two hexadecimal digits",
            PathError::HiddenSeparator => "the path contains `%2F`, `%5C` or `%00`, which are not accepted",
            PathError::BadByte => {
                "the path contains a space, a control character, a backslash, `?`, `#` or a character outside ASCII"
            }
            PathError::AboveRoot => "the path leads above `/`",
        })
    }
}

impl std::error::Error for PathError {}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Error::new(Kind::Invalid, error.to_string())
    }
}

/// Whether [`rebuild`] would return the path as it is.
fn is_normal(raw: &str) -> bool {
    let Some(body) = raw.strip_prefix('/') else { return false };
    let mut segments = body.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_misplaced = match segment {
            "" => segments.peek().is_some(),
            "." | ".." => true,
            _ => false,
        };
        if is_misplaced || !is_normal_segment(segment) {
            return false;
        }
    }
    true
}

fn is_normal_segment(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let is_kept = match byte {
            b'%' => match (bytes.next(), bytes.next()) {
                (Some(high), Some(low)) => is_normal_escape(high, low),
                _ => false,
            },
            _ => may_stand_in_path(byte),
        };
        if !is_kept {
            return false;
        }
    }
    true
}

fn is_normal_escape(high: u8, low: u8) -> bool {
    !high.is_ascii_lowercase()
        && !low.is_ascii_lowercase()
        && matches!(read_escape(high, low), Ok(Escape::Kept))
}

fn rebuild(raw: &str) -> Result<String, PathError> {
    let body = raw.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
    let mut path = String::with_capacity(raw.len());
    let mut ends_in_slash = false;
    for segment in body.split('/') {
        let start = path.len();
        path.push('/');
        push_segment(segment, &mut path)?;
        ends_in_slash = true;
        match path.get(start..).unwrap_or_default() {
            "/" | "/." => path.truncate(start),
            "/.." => {
                path.truncate(start);
                let parent = path.rfind('/').ok_or(PathError::AboveRoot)?;
                path.truncate(parent);
            }
            _ => ends_in_slash = false,
        }
    }
    if ends_in_slash {
        path.push('/');
    }
    Ok(path)
}

fn push_segment(segment: &str, path: &mut String) -> Result<(), PathError> {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = bytes.next().zip(bytes.next()).ok_or(PathError::BadEscape)?;
                match read_escape(high, low)? {
                    Escape::Decoded(character) => path.push(char::from(character)),
                    Escape::Kept => path.extend(['%', upper(high), upper(low)]),
                }
            }
            _ if may_stand_in_path(byte) => path.push(char::from(byte)),
            _ => return Err(PathError::BadByte),
        }
    }
    Ok(())
}

enum Escape {
    /// It stands for a character that means the same unescaped.
    Decoded(u8),
    /// It means something else than its character, or has no other spelling.
    Kept,
}

fn read_escape(high: u8, low: u8) -> Result<Escape, PathError> {
    match hex_digit(high)? << 4 | hex_digit(low)? {
        b'/' | b'\\' | 0 => Err(PathError::HiddenSeparator),
        byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') => {
            Ok(Escape::Decoded(byte))
        }
        _ => Ok(Escape::Kept),
    }
}

fn hex_digit(digit: u8) -> Result<u8, PathError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(PathError::BadEscape),
    }
}

fn upper(digit: u8) -> char {
    char::from(digit.to_ascii_uppercase())
}

fn may_stand_in_path(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn becomes(raw: &str, expected: &str) {
        assert_eq!(normalise(raw).as_deref(), Ok(expected), "{raw}");
    }

    #[track_caller]
    fn is_refused(raw: &str, reason: PathError) {
        assert_eq!(normalise(raw), Err(reason), "{raw:?}");
    }

    #[test]
    fn a_normal_path_is_borrowed() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/.well-known/x",
            "/...",
            "/a%20b%C3%A9",
            "/a;v=1/b",
            "/%252e",
            "/@:!$&'()*+,=",
        ] {
            assert!(matches!(normalise(path), Ok(Cow::Borrowed(same)) if same == path), "{path}");
        }
    }

    #[test]
    fn escapes_of_unreserved_characters_are_decoded_and_others_written_in_upper_case() {
        becomes("/%61%7e%2D%5f%39", "/a~-_9");
        becomes("/a%c3%a9%3b%25%3f", "/a%C3%A9%3B%25%3F");
    }

    #[test]
    fn dot_segments_are_resolved_however_they_are_written() {
        becomes("/a/./b/../c", "/a/c");
        becomes("/a/%2e/%2E%2e/c", "/c");
        becomes("/a/.%2e", "/");
        becomes("/a/b/..", "/a/");
        becomes("/a/.", "/a/");
        becomes("/a/..;/b", "/a/..;/b");
    }

    #[test]
    fn runs_of_slashes_are_merged_and_the_last_one_is_kept() {
        becomes("//a///b//", "/a/b/");
        becomes("//", "/");
        becomes("/a//../b", "/b");
    }

    #[test]
    fn what_a_backend_could_read_differently_is_refused() {
        for raw in ["/a%2fb", "/a%2Fb", "/a%5cb", "/a%5C..%5c", "/a%00"] {
            is_refused(raw, PathError::HiddenSeparator);
        }
        for raw in ["/a\\b", "/a b", "/a\nb", "/a\u{7f}", "/é", "/a?b", "/a#b", "/\0"] {
            is_refused(raw, PathError::BadByte);
        }
        for raw in ["/%", "/%4", "/%zz", "/a%2/b", "/%%41", "/%é1"] {
            is_refused(raw, PathError::BadEscape);
        }
        for raw in ["", "*", "a/b", "http://a/", "%2Fa"] {
            is_refused(raw, PathError::NotAbsolute);
        }
        for raw in ["/..", "/../a", "/a/../..", "/a/%2e%2e/%2e%2e/b", "//.."] {
            is_refused(raw, PathError::AboveRoot);
        }
    }

    fn path_like() -> impl Strategy<Value = String> {
        let pieces = vec![
            "/", ".", "..", "a", "b;c", "%2e", "%2E", "%2f", "%41", "%c3", "%C3", "%", "\\", " ", "é", "%25",
        ];
        proptest::collection::vec(proptest::sample::select(pieces), 0..12)
            .prop_map(|p| format!("/{}", p.concat()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn normalising_twice_changes_nothing(raw in path_like()) {
            if let Ok(once) = normalise(&raw) {
                prop_assert!(matches!(normalise(&once), Ok(Cow::Borrowed(twice)) if twice == once));
            }
        }

        #[test]
        fn a_normal_path_hides_nothing(raw in path_like()) {
            if let Ok(path) = normalise(&raw) {
                prop_assert!(path.starts_with('/'));
                let lower = path.to_ascii_lowercase();
                for hidden in ["//", "/./", "/../", "%2e", "%2f", "%5c", "%00"] {
                    prop_assert!(!lower.contains(hidden), "{path} contains {hidden}");
                }
                prop_assert!(!path.ends_with("/.") && !path.ends_with("/.."));
            }
        }

        #[test]
        fn the_quick_look_and_the_long_way_agree(raw in path_like()) {
            prop_assert_eq!(is_normal(&raw), rebuild(&raw).as_deref() == Ok(raw.as_str()));
        }

        #[test]
        fn any_text_is_answered_without_panic(raw in any::<String>()) {
            prop_assert_eq!(normalise(&raw).map(Cow::into_owned), rebuild(&raw));
        }
    }
}
