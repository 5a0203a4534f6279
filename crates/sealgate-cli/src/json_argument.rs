//! JSON objects given on the command line, or in a file behind `@`.

use std::fs::File;
use std::io::Read;

use serde_json::{Map, Value};

/// The largest file that is read behind `@`, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Reads `text` (a JSON object, or `@FILE` that holds one); a value parser for the command line.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let read;
    let json = match text.strip_prefix('@') {
        None => text,
        Some(path) => {
            read = read_file(path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
            &read
        }
    };
    match serde_json::from_str(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

fn read_file(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
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
