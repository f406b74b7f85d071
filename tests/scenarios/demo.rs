//! `demo` as people run it: the built program, with nothing configured.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Output, Stdio},
};

/// The program in its own folder, without environment variables.
fn demo(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"));
    command.arg("demo").args(arguments).env_clear().env("TMPDIR", folder.path()).current_dir(folder.path());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Asserts success, an empty stderr, and that no file is left behind.
fn assert_clean(folder: &tempfile::TempDir, output: &Output) {
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let left: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn script_shows_a_request_from_start_to_finish() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = demo(&folder, &["--script"]).stdin(Stdio::null()).output().expect("it runs");
    assert_clean(&folder, &output);
    insta::assert_snapshot!("script", text(&output.stdout));
}

#[test]
fn readme_matches_the_script_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = demo(&folder, &["--script"]).output().expect("it runs");
    let shown: Vec<_> = text(&output.stdout).lines().map(str::trim).collect();
    let readme = include_str!("../../README.md").lines().filter(|line| line.starts_with('│'));
    let untrue: Vec<_> = readme.filter(|line| !shown.contains(line)).collect();
    assert!(untrue.is_empty(), "{untrue:#?}");
}

#[test]
fn page_is_served_until_the_program_is_stopped() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = demo(&folder, &[]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let mut text = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            text.push_str(&line);
            if line.starts_with("Press Ctrl-C") {
                break;
            }
        }
        assert!(text.contains("http://127.0.0.1:"), "{text}");
        assert!(child.try_wait().expect("its state").is_none(), "it runs on");
        let id = child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &id]).status();
        assert!(sent.expect("a shell").success());
        let status = child.wait().expect("it ends");
        let mut stderr = Vec::new();
        child.stderr.take().expect("stderr").read_to_end(&mut stderr).expect("stderr");
        assert_clean(&folder, &Output { status, stdout: Vec::new(), stderr });
    }
}

#[test]
fn demo_logs_only_when_rust_log_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = demo(&folder, &["--script"]).env("RUST_LOG", "info").output().expect("it runs");
    assert_clean(&folder, &output);
    assert!(text(&output.stdout).contains("stopping"), "{}", text(&output.stdout));
    let wrong = demo(&folder, &["--script"]).env("RUST_LOG", "a=b=c").output().expect("it runs");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).starts_with("marketo-api-user: RUST_LOG: "), "{}", text(&wrong.stderr));
}
