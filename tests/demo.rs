//! `demo` as people run it: the built program, with nothing configured.

use std::process::{Command, Output, Stdio};

/// The program in a folder of its own and without any variable.
fn demo(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"));
    command.arg("demo").args(arguments).env_clear().env("TMPDIR", folder.path()).current_dir(folder.path());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// It went well, said nothing on stderr and left no file behind.
fn assert_clean(folder: &tempfile::TempDir, output: &Output) {
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_script_tells_the_whole_story() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(&folder, &["--script"]).stdin(Stdio::null()).output().unwrap();
    assert_clean(&folder, &output);
    insta::assert_snapshot!("script", text(&output.stdout));
}
