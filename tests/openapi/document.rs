//! The document as it is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use olympus_gateway::config::Rest;
use olympus_gateway::rest;
use serde_json::{Map, Value, json};

/// The document that is served and printed.
pub(crate) fn document() -> Value {
    serde_json::from_str(&rest::openapi(&Rest::default())).unwrap()
}

/// Every operation with its method and path.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            let operation = item.get(method).map(|it| (method.to_uppercase(), path.clone(), it));
            found.extend(operation);
        }
    }
    found
}

/// All that a part of the document refers to, and what that refers to.
fn referred(document: &Value, part: &Value, found: &mut BTreeMap<String, Value>) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(place)) = members.get("$ref") {
                let pointer = place.strip_prefix('#').expect("a place in the document");
                let target = document.pointer(pointer).unwrap_or_else(|| panic!("{place} is not there"));
                if found.insert(place.clone(), target.clone()).is_none() {
                    referred(document, target, found);
                }
            }
            members.values().for_each(|member| referred(document, member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| referred(document, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One snapshot for each part of the API, so that a change of one is not lost among the others.
#[test]
fn the_document_is_what_it_was() {
    let document = document();
    for tag in document["tags"].as_array().unwrap() {
        let name = tag["name"].as_str().unwrap();
        let mut part = Map::new();
        for (method, path, operation) in operations(&document) {
            if operation["tags"] == json!([name]) {
                part.insert(format!("{method} {path}"), operation.clone());
            }
        }
        let mut schemas = BTreeMap::new();
        referred(&document, &Value::Object(part.clone()), &mut schemas);
        schemas.retain(|place, _| place.starts_with("#/components/schemas/") && !place.ends_with("/Problem"));
        let shown = json!({ "operations": part, "schemas": schemas });
        insta::assert_json_snapshot!(name.replace(' ', "_"), shown);
    }
    let mut frame = document;
    frame["paths"] = json!({});
    frame["info"]["version"] = json!("0.0.0");
    let components = frame["components"].as_object_mut().unwrap();
    components["schemas"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| matches!(name.as_str(), "Problem" | "Fault"));
    insta::assert_json_snapshot!("frame", frame);
}

#[test]
fn every_operation_has_a_part_a_name_of_its_own_and_words_about_it() {
    let document = document();
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let of = operation["tags"].as_array().unwrap();
        assert!(of.len() == 1 && tags.contains(&&of[0]), "{method} {path} is of {of:?}");
        assert!(operation["summary"].is_string(), "{method} {path} says nothing of itself");
        assert!(
            names.insert(operation["operationId"].as_str().unwrap()),
            "{method} {path} has another's name"
        );
    }
    assert!(!names.is_empty());
    let mut everything = BTreeMap::new();
    referred(&document, &document, &mut everything);
    let unused = document["components"]["schemas"].as_object().unwrap().keys();
    let unused: Vec<_> =
        unused.filter(|name| !everything.contains_key(&format!("#/components/schemas/{name}"))).collect();
    assert!(unused.is_empty(), "nothing refers to {unused:?}");
}

/// Routes are made of the descriptions. A handler that is routed past them would be served and not described.
#[test]
fn nothing_is_routed_past_its_description() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rest");
    let mut past = Vec::new();
    visit(&folder, &mut |path, text| {
        let is_page = path.starts_with(folder.join("docs"));
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        if !is_page && [".route(", ".route_service(", ".nest("].iter().any(|call| text.contains(call)) {
            past.push(path.to_owned());
        }
    });
    assert!(past.is_empty(), "use `routes!` of utoipa_axum in {past:?}");
}

/// Of two schemas of one name the later would silently take the place of the other.
#[test]
fn no_name_of_a_schema_is_given_twice() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut names, mut twice) = (BTreeSet::new(), Vec::new());
    visit(&folder, &mut |_, text| {
        for (_, after) in text
            .split("#[derive(")
            .skip(1)
            .filter_map(|after| after.split_once(")]"))
            .filter(|(derived, _)| derived.contains("ToSchema"))
        {
            let own = after.split_once("(as = ").filter(|(before, _)| !before.contains("struct "));
            let own = own.map(|(_, after)| after.split([')', ',']).next().unwrap_or_default());
            let word = ["struct ", "enum "].iter().find_map(|word| after.split_once(word)).map(|(_, it)| it);
            let word = word.and_then(|it| it.split(|letter: char| !letter.is_alphanumeric()).next());
            let name = own.or(word).unwrap_or_default().to_owned();
            if !names.insert(name.clone()) {
                twice.push(name);
            }
        }
    });
    assert!(twice.is_empty(), "{twice:?}: say `#[schema(as = Name)]`");
}

fn visit(folder: &Path, see: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().is_some_and(|end| end == "rs") {
            true => see(&path, &fs::read_to_string(&path).unwrap()),
            false if path.is_dir() => visit(&path, see),
            false => {}
        }
    }
}
