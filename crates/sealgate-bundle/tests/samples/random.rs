//! Forgeries at random, the same in every run: members of the manifest replaced and signed again, headers of the tar
//! changed with a true checksum, bytes of the envelope changed. What one verifier says of them, the other must say.

use sealgate_bundle::Sha256Digest;
use serde_json::{Value, json};

use crate::TRUSTED;
use crate::common::key;
use crate::forge::{MANIFEST, entry_with, files, gzip, pack, resigned};

/// `count` forgeries.
pub fn forgeries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| forge(&mut Draw { number, taken: 0 })).collect()
}

fn forge(draw: &mut Draw) -> Vec<u8> {
    match draw.below(10) {
        0..6 => resigned(&key(TRUSTED), |manifest| {
            for _ in 0..1 + draw.below(2) {
                change_member(manifest, draw);
            }
        }),
        6 => {
            let mut files = files();
            let at = draw.below(files.len());
            let byte = draw.below(files[at].bytes.len());
            files[at].bytes[byte] ^= 1 << draw.below(8);
            pack(&files)
        }
        7 => {
            let mut files = files();
            let at = draw.below(files.len());
            files[at].name = draw
                .pick(&["x", "a/b", "..", "data.json", ".signatures.json", "x.bundle.json", MANIFEST, ".bundle.json"])
                .to_owned();
            pack(&files)
        }
        8 => changed_header(draw),
        _ => {
            let mut bytes = pack(&files());
            let at = draw.below(bytes.len().min(24));
            bytes[at] = draw.pick(&[0, 1, 2, 4, 8, 16, 31, 255]);
            bytes
        }
    }
}

fn change_member(manifest: &mut Value, draw: &mut Draw) {
    let file = draw.below(3) == 0;
    let at = draw.below(manifest["files"].as_array().map_or(1, |files| files.len().max(1)));
    let object = if file { manifest["files"].get_mut(at) } else { None }.filter(|file| file.is_object());
    let object = match object {
        Some(file) => file.as_object_mut().unwrap(),
        None => manifest.as_object_mut().unwrap(),
    };
    let names: Vec<_> = object.keys().cloned().collect();
    let name = names[draw.below(names.len())].clone();
    if draw.below(5) == 0 {
        object.remove(&name);
        return;
    }
    let digest = Sha256Digest::of(b"x").to_string();
    let numbers = "[0, 1, 5, 6, 7, -1, 1.0, 1e3, -0, 1.5, 9007199254740991, 9007199254740992, 18446744073709551615, 18446744073709551616]";
    let numbers: Vec<Value> = serde_json::from_str(numbers).unwrap();
    let texts = [
        "",
        "a",
        "wasm",
        "rego",
        "data",
        "source",
        "other",
        "source_index",
        "a/b",
        "a//b",
        "/a",
        "../a",
        "é",
        "a b/c",
        "\u{85}",
        "a\tb/c",
        "x.bundle.json",
        "x/y.bundle.json",
        ".bundle.json.sig",
    ];
    let value = match draw.below(6) {
        0 | 1 => numbers[draw.below(numbers.len())].clone(),
        2 | 3 => json!(draw.pick(&texts)),
        4 => draw.pick(&[
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!([1]),
            json!(["a/b"]),
            json!(["time.now_ns"]),
            json!(["x"]),
            json!([["a"]]),
        ]),
        _ => json!(draw.pick(&[digest.as_str(), &digest.to_uppercase(), &digest[1..], &digest[..32], " 1"])),
    };
    object.insert(name, value);
}

fn changed_header(draw: &mut Draw) -> Vec<u8> {
    let (at, byte) = (draw.below(512), draw.pick(&[0, b' ', b'0', b'7', b'8', b'/', b'x', 0x80, 0xff]));
    let mut tar = Vec::new();
    for (number, file) in files().iter().enumerate() {
        let name = format!("/{}", file.name);
        tar.extend(entry_with(name.as_bytes(), b'0', &file.bytes, |header| {
            if number == 2 {
                header[at] = byte;
            }
        }));
    }
    gzip(&crate::forge::end(tar))
}

/// Numbers that follow from the forgery's own alone.
struct Draw {
    number: u64,
    taken: u64,
}

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.taken += 1;
        let seed = [self.number.to_le_bytes(), self.taken.to_le_bytes()].concat();
        let digest = Sha256Digest::of(&seed).0;
        u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]) as usize % bound
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}
