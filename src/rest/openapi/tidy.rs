//! What the annotations cannot say, put right in the finished document.

use serde_json::{Map, Value, json};

/// Refers to schemas that have a name where they were written out again, and says of bodies that need not be sent
/// that they may be missing, not that they may be null.
pub(super) fn tidy(document: &mut Value) {
    let named =
        document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(paths) = document.get_mut("paths") {
        refer(paths, &named);
        unwrap_bodies(paths);
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in schemas.into_iter().flat_map(Map::values_mut) {
        members(schema).for_each(|part| refer(part, &named));
    }
}

/// From the outside in: a schema that stands in another is named in full there.
fn refer(part: &mut Value, named: &Map<String, Value>) {
    let is_object = part.get("properties").is_some();
    match named.iter().find(|(_, schema)| is_object && *schema == part) {
        Some((name, _)) => *part = json!({ "$ref": format!("#/components/schemas/{name}") }),
        None => members(part).for_each(|it| refer(it, named)),
    }
}

fn unwrap_bodies(paths: &mut Value) {
    let operations = members(paths).flat_map(members);
    for schema in operations.filter_map(|it| it.pointer_mut("/requestBody/content/application~1json/schema"))
    {
        let forms = schema.get("oneOf").and_then(Value::as_array);
        let Some([body, other]) = forms.map(Vec::as_slice) else { continue };
        if *other == json!({ "type": "null" }) {
            *schema = body.clone();
        }
    }
}

fn members(part: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match part {
        Value::Object(members) => Box::new(members.values_mut()),
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}
