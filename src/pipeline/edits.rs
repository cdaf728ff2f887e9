//! A route's changes to headers, compiled: first what is removed, then what is set, then what is added.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::HeaderEdits;
use crate::error::{Error, Result};

/// Changes to headers.
#[derive(Debug, Default)]
pub(super) struct Edits {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl Edits {
    pub(super) fn compile(settings: &HeaderEdits) -> Result<Self> {
        Ok(Self {
            remove: settings.remove.iter().map(|name| name.get().clone()).collect(),
            set: pairs(&settings.set)?,
            add: pairs(&settings.add)?,
        })
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
    }
}

fn pairs<'a>(
    table: impl IntoIterator<Item = (&'a crate::config::HeaderName, &'a String)>,
) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let parse = |(name, value): (&crate::config::HeaderName, &String)| match HeaderValue::from_str(value) {
        Ok(value) => Ok((name.get().clone(), value)),
        Err(error) => Err(Error::internal(format!("header `{}`", name.as_str())).caused_by(error)),
    };
    table.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_comes_before_setting_and_adding() {
        let settings: HeaderEdits =
            toml::from_str("remove = ['a', 'b']\nset = { b = '2' }\nadd = { c = '4' }").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [("a", "1"), ("b", "1"), ("c", "3")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Edits::compile(&settings).unwrap().apply(&mut headers);
        assert!(!headers.contains_key("a"));
        assert_eq!(headers["b"], "2");
        assert_eq!(headers.get_all("c").iter().collect::<Vec<_>>(), ["3", "4"]);
    }
}
