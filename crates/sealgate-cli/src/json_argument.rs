//! JSON objects given on the command line, or in a file behind `@`.

use std::path::Path;

use serde_json::{Map, Value};

use crate::text_file;

/// Reads `text` (a JSON object, or `@FILE` that holds one); a value parser for the command line.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let read;
    let json = match text.strip_prefix('@') {
        None => text,
        Some(path) => {
            read = text_file::read(Path::new(path)).map_err(|error| format!("cannot read `{path}`: {error}"))?;
            &read
        }
    };
    match serde_json::from_str(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn takes_objects_alone() {
        assert_eq!(parse("{\"a\":1}").unwrap().len(), 1);
        for bad in ["[1]", "1", "{", "", "@/no/such/file"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
