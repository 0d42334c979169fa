//! Whether a JSON document fits a JSON Schema.

use serde_json::{Map, Value};

/// Where a document does not fit a schema.
pub(super) fn misfit(schema: &Value, document: &Value) -> Option<String> {
    Checker { root: schema }.misfit(schema, document, "$")
}

/// As much of JSON Schema as those here use. Patterns of texts are passed over.
struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn misfit(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let Value::Object(schema) = schema else {
            return (schema == &Value::Bool(false)).then(|| at.to_owned());
        };
        if let Some(Value::String(reference)) = schema.get("$ref") {
            let pointed =
                self.root.pointer(reference.trim_start_matches('#')).expect("it refers to something");
            return self.misfit(pointed, value, at);
        }
        let wrong = |why: &str| Some(format!("{at}: {value} {why}"));
        for (word, how_many) in [("anyOf", 1..usize::MAX), ("oneOf", 1..2)] {
            let Some(Value::Array(choices)) = schema.get(word) else { continue };
            let fitting = choices.iter().filter(|choice| self.misfit(choice, value, at).is_none()).count();
            if !how_many.contains(&fitting) {
                return wrong(&format!("fits {fitting} of {word}"));
            }
        }
        if let Some(types) = schema.get("type") {
            let types = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
            if !types.iter().any(|t| is_of(value, t.as_str().unwrap_or_default())) {
                return wrong("is not of the type");
            }
        }
        if schema.get("const").is_some_and(|only| only != value) {
            return wrong("is not the constant");
        }
        if schema.get("enum").and_then(Value::as_array).is_some_and(|words| !words.contains(value)) {
            return wrong("is not one of the words");
        }
        match value {
            Value::Object(entries) => self.object_misfit(schema, entries, at),
            Value::Array(items) => {
                let of = schema.get("items")?;
                items.iter().enumerate().find_map(|(i, item)| self.misfit(of, item, &format!("{at}[{i}]")))
            }
            _ => None,
        }
    }

    fn object_misfit(
        &self,
        schema: &Map<String, Value>,
        entries: &Map<String, Value>,
        at: &str,
    ) -> Option<String> {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(missing) = required.filter_map(Value::as_str).find(|key| !entries.contains_key(*key)) {
            return Some(format!("{at}: {missing} is missing"));
        }
        entries.iter().find_map(|(key, value)| {
            // The only pattern for keys is that of an edge.
            let pattern = schema.get("patternProperties").and_then(|p| p.as_object()?.values().next());
            let of = schema
                .get("properties")
                .and_then(|properties| properties.get(key))
                .or(pattern.filter(|_| key.contains("->")))
                .or_else(|| schema.get("additionalProperties"));
            let nothing = value.is_null() && (pattern.is_some() || at == "$.strategies");
            of.filter(|_| !nothing).and_then(|of| self.misfit(of, value, &format!("{at}.{key}")))
        })
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    }
}
