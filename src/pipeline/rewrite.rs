//! What a backend is asked for: the normalised path, with a prefix taken off and another put on.

use http::Uri;
use http::uri::PathAndQuery;

use crate::config;
use crate::error::Kind;
use crate::http::Problem;

/// How a route changes paths.
#[derive(Debug, Default)]
pub(super) struct Rewrite {
    strip: Option<Box<str>>,
    add: Option<Box<str>>,
}

impl Rewrite {
    pub(super) fn new(settings: &config::Route) -> Self {
        let trimmed = |prefix: &String| prefix.trim_end_matches('/').into();
        Self {
            strip: settings.strip_prefix.as_ref().map(trimmed),
            add: settings.add_prefix.as_ref().map(trimmed),
        }
    }

    /// The target to ask for, where it differs from what the client sent. The query is never changed.
    ///
    /// # Errors
    /// With the prefix it is longer than a target can be.
    pub(super) fn target(&self, sent: &Uri, path: &str) -> Result<Option<PathAndQuery>, Problem> {
        let is_unchanged = path == sent.path() && self.strip.is_none() && self.add.is_none();
        if is_unchanged {
            return Ok(None);
        }
        let mut target = self.path(path);
        if let Some(query) = sent.query() {
            target.push('?');
            target.push_str(query);
        }
        // A normalised path with a query that was part of a URI is a URI again, unless it grew too long.
        PathAndQuery::try_from(target).map(Some).map_err(|_| too_long())
    }

    fn path(&self, path: &str) -> String {
        let rest = self.strip.as_deref().and_then(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
        let mut target = String::with_capacity(path.len() + 16);
        target.push_str(self.add.as_deref().unwrap_or_default());
        if !rest.starts_with('/') {
            target.push('/');
        }
        target.push_str(rest);
        target
    }
}

fn too_long() -> Problem {
    let detail = "the path is too long to be passed on with what the route puts before it";
    Problem::new(Kind::Invalid, detail).with_code("invalid_path")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as a URI can be.
    const MOST: usize = 65_534;

    fn target(strip: Option<&str>, add: Option<&str>, sent: &str) -> Option<String> {
        let rewrite = Rewrite { strip: strip.map(Into::into), add: add.map(Into::into) };
        let sent: Uri = sent.parse().unwrap();
        let path = crate::http::normalise(sent.path()).unwrap();
        rewrite.target(&sent, &path).unwrap().map(|target| target.to_string())
    }

    #[test]
    fn an_unchanged_path_costs_nothing() {
        assert_eq!(target(None, None, "/a/b?c=d"), None);
    }

    #[test]
    fn prefixes_are_taken_off_and_put_on_and_the_query_is_kept() {
        assert_eq!(target(Some("/api"), None, "/api/x?q=%2F").unwrap(), "/x?q=%2F");
        assert_eq!(target(Some("/api"), None, "/api/").unwrap(), "/");
        assert_eq!(target(Some("/api"), Some("/v2"), "/api/x").unwrap(), "/v2/x");
        assert_eq!(target(None, Some("/v2"), "/x").unwrap(), "/v2/x");
    }

    #[test]
    fn a_backend_is_asked_for_the_path_that_was_matched() {
        assert_eq!(target(None, None, "/a//b/../%63").unwrap(), "/a/c");
    }

    #[test]
    fn a_path_that_grows_longer_than_a_target_can_be_is_refused() {
        let rewrite = Rewrite { strip: None, add: Some("/v2".into()) };
        let refusal = |length| {
            let sent: Uri = format!("/{}", "a".repeat(length - 1)).parse().unwrap();
            rewrite.target(&sent, sent.path()).map_err(|problem| problem.code).err()
        };
        assert_eq!(refusal(MOST - 3), None);
        assert_eq!(refusal(MOST - 2), Some("invalid_path"));
        assert_eq!(refusal(MOST), Some("invalid_path"));
    }
}
