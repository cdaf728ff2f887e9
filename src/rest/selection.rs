//! What is wanted of a thing: `fields=` names members of its document, `include=` what is to come with it.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::http::Fault;

/// What a noun's documents offer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Members {
    /// The members of a document, in its order.
    pub(super) fields: &'static [&'static str],
    /// What may come with it, each as a member of this name.
    pub(super) includes: &'static [&'static str],
    /// Whether they belong to a tenant, so that `tenant_id` may name another one.
    pub(super) of_tenant: bool,
}

impl Members {
    /// The same where no document is shown.
    pub(super) fn unshown(self) -> Self {
        Self { fields: &[], includes: &[], ..self }
    }

    /// The parameters that are about them.
    pub(super) fn parameters(self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("fields", !self.fields.is_empty()),
            ("include", !self.includes.is_empty()),
            ("tenant_id", self.of_tenant),
        ];
        all.into_iter().filter_map(|(name, is_known)| is_known.then_some(name))
    }
}

/// What a request wants of each document.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    /// Only these members. None: all.
    fields: Option<Vec<&'static str>>,
    includes: Vec<&'static str>,
}

impl Selection {
    /// Takes `fields` or `include` in; says whether it was one of them.
    pub(super) fn take(
        &mut self,
        (name, value): (&str, &str),
        members: Members,
        faults: &mut Vec<Fault>,
    ) -> bool {
        match name {
            "fields" if !members.fields.is_empty() => {
                let offered: Vec<_> = members.fields.iter().chain(members.includes).copied().collect();
                self.fields = Some(chosen((name, value), &offered, faults));
                true
            }
            "include" if !members.includes.is_empty() => {
                self.includes = chosen((name, value), members.includes, faults);
                true
            }
            _ => false,
        }
    }

    /// Whether this is to come along.
    pub(super) fn includes(&self, name: &str) -> bool {
        self.includes.contains(&name)
    }

    /// A document with the members that are wanted. What was included stays.
    ///
    /// # Errors
    /// It cannot be written: a fault of ours.
    pub(super) fn of(&self, document: impl Serialize) -> Result<Value> {
        let failed = |error| Error::internal("write a document").caused_by(error);
        let mut value = serde_json::to_value(document).map_err(failed)?;
        if let (Some(fields), Value::Object(members)) = (&self.fields, &mut value) {
            members.retain(|name, _| fields.contains(&name.as_str()) || self.includes(name));
        }
        Ok(value)
    }

    /// Whether documents are wanted as they are.
    pub(super) fn is_whole(&self) -> bool {
        self.fields.is_none()
    }
}

/// The names of a list that are offered; every other one is a fault.
fn chosen(
    (name, value): (&str, &str),
    offered: &[&'static str],
    faults: &mut Vec<Fault>,
) -> Vec<&'static str> {
    let mut chosen = Vec::new();
    for word in value.split(',') {
        match offered.iter().find(|it| **it == word) {
            Some(it) => chosen.push(*it),
            None => {
                let word: String = word.chars().take(64).collect();
                let message = format!("`{word}` is not known here; there are {}", offered.join(", "));
                faults.push(Fault::of(name, "unknown_field", message));
            }
        }
    }
    chosen
}
