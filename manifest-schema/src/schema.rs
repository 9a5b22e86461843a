//! The JSON Schema of the manifest, generated from the types that write and read it.

use crate::manifest::Manifest;

/// The schema as it is published: JSON Schema draft 2020-12, indented, one trailing newline.
pub fn manifest_schema() -> String {
    let schema = schemars::schema_for!(Manifest);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON with text keys");
    text.push('\n');
    text
}
