//! GitHub's own published description of these requests, held against what is said here.
//!
//! `releases-openapi.json` is GitHub's OpenAPI description (MIT licence, as packaged in
//! `@octokit/openapi` 23.0.2), cut to the paths about releases. A request body that breaks it is
//! refused as GitHub does; an answer of the stand-in that breaks it is written down, and a test
//! that ends with such notes fails: the stand-in lies.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jsonschema::Validator;
use serde_json::{Value, json};

const DESCRIPTION: &str = include_str!("releases-openapi.json");

/// The description, ready to judge.
pub(crate) struct Contract {
    description: Value,
    validators: Mutex<BTreeMap<String, Option<Validator>>>,
    violations: Mutex<Vec<String>>,
}

impl Contract {
    pub(crate) fn read() -> Contract {
        let mut description: Value = serde_json::from_str(DESCRIPTION).expect("the description is JSON");
        nullable_to_type(&mut description);
        Contract { description, validators: Mutex::default(), violations: Mutex::default() }
    }

    /// Why `body` is no legal request for this operation, if it is none.
    pub(crate) fn judge_request(&self, path: &str, method: &str, body: &Value) -> Option<String> {
        let place = format!("/paths/{}/{method}/requestBody/content/application~1json/schema", path.replace('/', "~1"));
        self.judge(&place, body)
    }

    /// Notes an answer that the description does not allow.
    pub(crate) fn judge_answer(&self, path: &str, method: &str, status: u16, body: &Value) {
        let operation = format!("/paths/{}/{method}", path.replace('/', "~1"));
        let Some(operation_text) = self.description.pointer(&operation) else {
            return;
        };
        let place = match operation_text["responses"][status.to_string()].get("$ref") {
            Some(shared) => shared.as_str().unwrap_or_default().replace('#', ""),
            None => format!("{operation}/responses/{status}"),
        };
        let place = format!("{place}/content/application~1json/schema");
        if let Some(why) = self.judge(&place, body) {
            let note = format!("{method} {path} answered {status}: {why}: {body}");
            self.notes().push(note);
        }
    }

    /// Everything said so far that GitHub would not say.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.notes().clone()
    }

    fn judge(&self, place: &str, body: &Value) -> Option<String> {
        let mut validators = self.validators.lock().expect("no holder panics");
        let validator = validators.entry(place.to_owned()).or_insert_with(|| self.validator(place));
        let error = validator.as_ref()?.iter_errors(body).next()?;
        Some(format!("{error} at {}", error.instance_path()))
    }

    fn validator(&self, place: &str) -> Option<Validator> {
        self.description.pointer(place)?;
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "allOf": [{"$ref": format!("#{place}").replace('{', "%7B").replace('}', "%7D")}],
            "paths": self.description["paths"],
            "components": self.description["components"],
        });
        let options = jsonschema::options().should_validate_formats(true);
        Some(options.build(&schema).expect("the description is a schema"))
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.violations.lock().expect("no holder panics")
    }
}

/// OpenAPI 3.0 writes `nullable: true` where JSON Schema has a second type, and the enum of an
/// asset's states lacks the `starter` that the same document's text describes.
fn nullable_to_type(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("nullable") == Some(&Value::Bool(true)) && object["type"].is_string() {
                object["type"] = json!([object["type"], "null"]);
            }
            if object.get("enum") == Some(&json!(["uploaded", "open"])) {
                object["enum"] = json!(["uploaded", "open", "starter"]);
            }
            object.values_mut().for_each(nullable_to_type);
        }
        Value::Array(items) => items.iter_mut().for_each(nullable_to_type),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASES: &str = "/repos/{owner}/{repo}/releases";

    #[test]
    fn make_latest_is_a_text_and_not_a_truth_value() {
        let contract = Contract::read();
        let with = |latest: Value| json!({"tag_name": "v1.0.0", "make_latest": latest});
        assert_eq!(contract.judge_request(RELEASES, "post", &with(json!("true"))), None);
        assert!(contract.judge_request(RELEASES, "post", &with(json!(true))).is_some());
    }

    #[test]
    fn an_answer_that_lacks_a_field_is_noted() {
        let contract = Contract::read();
        contract.judge_answer(RELEASES, "post", 201, &json!({"id": 1}));
        contract.judge_answer(RELEASES, "get", 404, &json!({"message": 404}));
        assert_eq!(contract.violations().len(), 2, "{:?}", contract.violations());
    }
}
