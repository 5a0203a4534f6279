//! What is read of folders and archives, and what is refused.

use super::*;

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn names(files: &RegoFiles) -> Vec<&str> {
    files.modules.iter().map(|module| module.name.as_str()).collect()
}

#[test]
fn a_folder_gives_modules_and_data_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("a.rego", "package a"),
        ("lib/b.rego", "package b"),
        ("lib/b_test.rego", "package b"),
        ("data.yaml", "top: 1"),
        ("lib/users/data.json", r#"{"bob": 9007199254740993}"#),
        ("lib/other.json", r#"[1]"#),
    ];
    write(folder.path(), &files);
    let paths = [folder.path().to_owned()];
    assert!(is_rego(&paths[0]));
    let read = RegoFiles::read(&paths, &ReadOptions::default()).unwrap();
    assert_eq!(names(&read), ["a.rego", "lib/b.rego"]);
    let expected = r#"{"top":1,"lib":{"users":{"bob":9007199254740993}}}"#;
    assert_eq!(Value::Object(read.data), serde_json::from_str::<Value>(expected).unwrap());

    let all = ReadOptions { folders: FolderMode::AllData, tests: true, ignore: vec!["a.*".to_owned()] };
    let read = RegoFiles::read(&paths, &all).unwrap();
    assert_eq!(names(&read), ["lib/b.rego", "lib/b_test.rego"]);
    assert_eq!(read.notes.len(), 1, "{:?}", read.notes);
}

#[test]
fn a_bundle_keeps_to_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = r#"{"revision": "r7", "roots": ["a"], "rego_version": 0}"#;
    write(folder.path(), &[(".manifest", manifest), ("a/p.rego", "package a"), ("a/data.json", "{\"x\": 1}")]);
    let paths = [folder.path().to_owned()];
    let read = RegoFiles::read(&paths, &ReadOptions::default()).unwrap();
    assert_eq!(read.modules[0].version, Some(Version::V0));
    assert_eq!((read.roots, read.revision.as_deref()), (Some(vec!["a".to_owned()]), Some("r7")));
    write(folder.path(), &[("b/data.json", "{}"), ("b/c/data.json", "{\"y\": 1}")]);
    let error = RegoFiles::read(&paths, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("do not permit data at `b"), "{error}");
}

#[test]
fn a_place_stands_before_a_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("x.json", "[1]")]);
    let given = PathBuf::from(format!("a.b:{}", folder.path().join("x.json").display()));
    let read = RegoFiles::read(&[given], &ReadOptions::default()).unwrap();
    assert_eq!(Value::Object(read.data), serde_json::json!({"a": {"b": [1]}}));
    let bare = [folder.path().join("x.json")];
    assert!(RegoFiles::read(&bare, &ReadOptions::default()).unwrap_err().to_string().contains("must be an object"));
}

#[test]
fn globs_match_as_shells_do() {
    for (pattern, text, is) in [
        ("*.rego", "a.rego", true),
        ("*.rego", "a/b.rego", false),
        ("**/b.rego", "a/c/b.rego", true),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("[a-c]x", "bx", true),
        ("[!a-c]x", "bx", false),
        ("", "", true),
        ("****************************b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("[", "[", true),
    ] {
        assert_eq!(glob_matches(pattern, text), is, "{pattern} {text}");
    }
}
