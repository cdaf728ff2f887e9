//! What the annotations cannot say, put right in the finished document.

use serde_json::{Map, Value, json};

use crate::config;

/// Refers to schemas that have a name where they were written out again; says of bodies that need not be sent that they
/// may be missing, not that they may be null; of replacements that they may hold what came back; and of what can be asked
/// for in part that it need not be whole.
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
    for (method, operation) in operations(document) {
        let Some(shown) = shown(document, &operation).map(str::to_owned) else { continue };
        if method == "put" {
            take_back(document, &operation, &shown);
        }
        let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        if parameters.into_iter().any(|it| it["name"] == "fields") {
            let schema = document.pointer_mut(&shown).and_then(Value::as_object_mut);
            schema.and_then(|schema| schema.remove("required"));
        }
    }
}

/// Says how long pages are, which is up to the configuration.
pub(super) fn limit(document: &mut Value, settings: &config::Rest) {
    let paths = document.get_mut("paths").into_iter();
    let operations = paths.flat_map(members).flat_map(members).filter_map(Value::as_object_mut);
    let parameters = operations.filter_map(|it| it.get_mut("parameters")).flat_map(members);
    for parameter in parameters.filter(|it| it["in"] == "query" && it["name"] == "limit") {
        if let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) {
            schema.insert("default".to_owned(), settings.default_limit.into());
            schema.insert("maximum".to_owned(), settings.max_limit.into());
        }
    }
}

/// Every operation with its method.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let items = document["paths"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    items.flatten().map(|(method, operation)| (method.clone(), operation.clone())).collect()
}

/// Where the schema is of the things that an operation shows.
fn shown<'d>(document: &'d Value, operation: &Value) -> Option<&'d str> {
    let answers = operation["responses"].as_object()?;
    let answer = answers.iter().find(|(status, _)| status.starts_with('2'))?.1;
    let whole = answer.pointer("/content/application~1json/schema/$ref")?.as_str()?;
    let data = document.pointer(whole.strip_prefix('#')?)?.pointer("/properties/data")?;
    let place = data.get("$ref").or_else(|| data.pointer("/items/$ref"))?;
    place.as_str()?.strip_prefix('#')
}

/// What is shown of a thing and cannot be set may come back in its replacement, where it is not looked at.
fn take_back(document: &mut Value, operation: &Value, shown: &str) {
    let sent =
        operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
    let Some(sent) = sent.and_then(|place| place.strip_prefix('#')).map(str::to_owned) else { return };
    let given = document.pointer(shown).and_then(|it| it["properties"].as_object());
    let names: Vec<String> = given.into_iter().flat_map(Map::keys).cloned().collect();
    let Some(schema) = document.pointer_mut(&sent).and_then(Value::as_object_mut) else { return };
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for name in names {
        members.entry(name).or_insert_with(|| json!({ "readOnly": true, "description": "Not looked at." }));
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
