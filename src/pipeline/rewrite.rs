//! What a backend is asked for: the normalised path, with a prefix taken off and another put on.

use http::Uri;
use http::uri::PathAndQuery;

use crate::config;

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
    pub(super) fn target(&self, sent: &Uri, path: &str) -> Option<PathAndQuery> {
        let is_unchanged = path == sent.path() && self.strip.is_none() && self.add.is_none();
        if is_unchanged {
            return None;
        }
        let mut target = self.path(path);
        if let Some(query) = sent.query() {
            target.push('?');
            target.push_str(query);
        }
        // A normalised path with a query that was part of a URI is a URI again.
        PathAndQuery::try_from(target).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn target(strip: Option<&str>, add: Option<&str>, sent: &str) -> Option<String> {
        let rewrite = Rewrite { strip: strip.map(Into::into), add: add.map(Into::into) };
        let sent: Uri = sent.parse().unwrap();
        let path = crate::http::normalise(sent.path()).unwrap();
        rewrite.target(&sent, &path).map(|target| target.to_string())
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
}
