//! Checks the shape of a tree against the schema: keys, types, words, ranges and the texts of leaf types.
//! What does not fit is reported and taken out, so that the rest can be looked at further.

use super::findings::Findings;
use super::formats;
use super::words::{list, nearest, propose};
use crate::config::schema::Schema;
use crate::config::tree::{Entry, Node, Source, Table, Value, at_index, at_key};

/// Takes out of `root` what does not fit `schema`. `source` is the file as a whole.
///
/// A key that an upstream or a route lacks may stand in `[defaults]`.
pub(in crate::config) fn prune_misfits(
    schema: Schema<'_>,
    root: &mut Table,
    source: &Source,
    findings: &mut Findings,
) {
    let defaults = root.get("defaults").cloned();
    let defaults = defaults.as_ref().and_then(|entry| entry.node.as_table());
    let mut walk = Walk { defaults, findings };
    walk.table_fits(schema, root, source, Spot { path: "", given: None });
}

/// Where the walk is, and the defaults that apply there.
#[derive(Clone, Copy)]
struct Spot<'p> {
    path: &'p str,
    given: Option<&'p Table>,
}

struct Walk<'w> {
    defaults: Option<&'w Table>,
    findings: &'w mut Findings,
}

impl Walk<'_> {
    /// Whether a value may stay where it is.
    fn fits(&mut self, schema: Schema<'_>, node: &mut Node, spot: Spot<'_>) -> bool {
        let Some(branch) = choose(schema, node) else {
            let message = format!("expected {}, found {}", describe(schema), found(schema, node));
            self.findings.report(&node.source, spot.path, message);
            return false;
        };
        let source = node.source.clone();
        match &mut node.value {
            Value::Boolean(_) | Value::Date(_) => true,
            Value::Table(table) => self.table_fits(branch, table, &source, spot),
            Value::Array(items) => self.array_fits(branch, items, &source, spot),
            Value::Text(text) => self.accept(check_text(branch, text), &source, spot.path),
            Value::Integer(number) => {
                #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
                let number = *number as f64;
                self.accept(check_range(branch, number), &source, spot.path)
            }
            Value::Float(number) => self.accept(check_range(branch, *number), &source, spot.path),
        }
    }

    fn accept(&mut self, verdict: Result<(), String>, source: &Source, path: &str) -> bool {
        verdict.map_err(|message| self.findings.report(source, path, message)).is_ok()
    }

    fn array_fits(
        &mut self,
        schema: Schema<'_>,
        items: &mut Vec<Node>,
        source: &Source,
        spot: Spot<'_>,
    ) -> bool {
        if items.is_empty() && schema.needs_item() && !self.findings.is_doubtful(spot.path) {
            self.findings.report(source, spot.path, "needs at least one entry");
            return false;
        }
        let Some(item_schema) = schema.item() else { return true };
        let mut index = 0;
        items.retain_mut(|item| {
            let path = at_index(spot.path, index);
            let fits = self.fits(item_schema, item, Spot { path: &path, given: None });
            if !fits {
                self.findings.doubt_element(spot.path, index);
            }
            index += 1;
            fits
        });
        true
    }

    /// A table may stay when it has, or is given, all the keys it must have.
    fn table_fits(&mut self, schema: Schema<'_>, table: &mut Table, source: &Source, spot: Spot<'_>) -> bool {
        table.retain(|key, entry| {
            let path = at_key(spot.path, key);
            let fits = match self.check_key(schema, key, &entry.key, (spot.path, &path)) {
                Some(schema) => {
                    let given = given(self.defaults, spot, key);
                    self.fits(schema, &mut entry.node, Spot { path: &path, given })
                }
                None => false,
            };
            if !fits {
                self.findings.doubt(path);
            }
            fits
        });
        let is_there =
            |key: &&str| table.contains_key(*key) || spot.given.is_some_and(|given| given.contains_key(*key));
        let missing: Vec<_> = schema.required().into_iter().filter(|key| !is_there(key)).collect();
        let mut fits = true;
        for key in missing {
            let path = at_key(spot.path, key);
            if !self.findings.is_doubtful(&path) {
                self.findings.report(source, &path, "required key is missing");
            }
            fits &= stand_in(schema, table, source, key);
            self.findings.doubt(path);
        }
        fits
    }

    /// The schema of what a key stands for, unless the key itself is a mistake.
    fn check_key<'s>(
        &mut self,
        schema: Schema<'s>,
        key: &str,
        source: &Source,
        (table, path): (&str, &str),
    ) -> Option<Schema<'s>> {
        let format = schema.key_format().and_then(formats::find);
        if let Some(Err(message)) = format.map(|format| (format.check)(key)) {
            self.findings.report(source, path, message);
            return None;
        }
        let known = schema.under(key);
        if known.is_none() {
            let keys = schema.keys();
            self.findings.report(source, path, format!("unknown key{}", propose(key, &keys)));
            // What was meant is as good as written, wrongly: nothing may follow from its absence.
            if let Some(meant) = nearest(key, keys) {
                self.findings.doubt(at_key(table, meant));
            }
        }
        known
    }
}

/// Puts an empty list in the place of a missing one: then the rest of the table can still be looked at.
fn stand_in(schema: Schema<'_>, table: &mut Table, source: &Source, key: &str) -> bool {
    let branches = schema.under(key).map(Schema::branches).unwrap_or_default();
    let is_list = branches.iter().any(|branch| branch.has_type("array"));
    if is_list {
        let node = Node { value: Value::Array(Vec::new()), source: source.clone() };
        table.insert(key.to_owned(), Entry { key: source.clone(), node });
    }
    is_list
}

/// The defaults under a key: those of the table it is in, or where defaults begin to apply.
fn given<'g>(defaults: Option<&'g Table>, spot: Spot<'g>, key: &str) -> Option<&'g Table> {
    match spot.path {
        "upstreams" => defaults?.get("upstream")?.node.as_table(),
        "routes" => defaults?.get("route")?.node.as_table(),
        _ => spot.given?.get(key)?.node.as_table(),
    }
}

/// The branch of the schema that a value of this type belongs to.
fn choose<'s>(schema: Schema<'s>, node: &Node) -> Option<Schema<'s>> {
    let branches: Vec<_> =
        schema.branches().into_iter().filter(|branch| branch.has_type(type_name(&node.value))).collect();
    let has_keys = |branch: &&Schema<'_>| {
        node.as_table().is_some_and(|table| branch.required().iter().all(|key| table.contains_key(*key)))
    };
    branches.iter().find(has_keys).or(branches.first()).copied()
}

/// The JSON type of a value; a date has none that any schema takes.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Boolean(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::Date(_) => "date",
        Value::Array(_) => "array",
        Value::Table(_) => "object",
    }
}

fn check_text(schema: Schema<'_>, text: &str) -> Result<(), String> {
    let words = schema.words();
    if !words.is_empty() && !words.contains(&text) {
        return Err(format!("unknown word {text:?}{}", propose(text, &words)));
    }
    schema.format().and_then(formats::find).map_or(Ok(()), |format| (format.check)(text))
}

fn check_range(schema: Schema<'_>, number: f64) -> Result<(), String> {
    let (least, most) = schema.range();
    // Written so that "not a number" is out of every range.
    let is_within = least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
    match is_within && number.is_finite() {
        true => Ok(()),
        false => Err(format!("expected {}, found {number}", describe(schema))),
    }
}

/// What a schema wants, to follow "expected".
fn describe(schema: Schema<'_>) -> String {
    let nouns: Vec<_> = schema.branches().into_iter().map(describe_branch).collect();
    nouns.join(" or ")
}

fn describe_branch(schema: Schema<'_>) -> String {
    let words = schema.words();
    if !words.is_empty() {
        return format!("one of {}", list(&words).replace('`', "\""));
    }
    if let Some(format) = schema.format().and_then(formats::find) {
        return format.noun.to_owned();
    }
    let nouns =
        [("boolean", "true or false"), ("string", "a string"), ("array", "an array"), ("object", "a table")];
    if let Some((_, noun)) = nouns.iter().find(|(name, _)| schema.has_type(name)) {
        return (*noun).to_owned();
    }
    // A fraction is taken exactly where the type is not "integer".
    let noun = if schema.has_type("number") { "a number" } else { "an integer" };
    match schema.range() {
        (Some(least), Some(most)) if least == most => format!("{least}"),
        (Some(least), Some(most)) => format!("{noun} from {least} to {most}"),
        (Some(least), None) => format!("{noun} of at least {least}"),
        (None, Some(most)) => format!("{noun} of at most {most}"),
        (None, None) => noun.to_owned(),
    }
}

/// What was found, with its value where it is short and no secret.
fn found(schema: Schema<'_>, node: &Node) -> String {
    let is_secret = schema.branches().iter().any(|branch| branch.format() == Some("secret"));
    match &node.value {
        Value::Table(_) => "a table".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Date(_)
            if is_secret =>
        {
            format!("a value of type {} that is not shown", type_name(&node.value))
        }
        Value::Boolean(flag) => format!("boolean {flag}"),
        Value::Integer(number) => format!("integer {number}"),
        Value::Float(number) => format!("float {number}"),
        Value::Text(text) => format!("string {text:?}"),
        Value::Date(date) => format!("date {date}"),
    }
}
