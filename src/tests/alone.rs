//! Tests that need a process to themselves: for its limits, to measure it, or to have a disk or a network of its own.

use std::future::Future;
use std::io::Write;
use std::process::{Command, Stdio};

/// In the environment of a process that another one of the tests has started.
pub(crate) const INSIDE: &str = "RIVULET_TEST_INSIDE";
/// Runs the test binary again with this one test, after `limit` (a shell command such as `ulimit -n 100`); inside it,
/// runs `test`.
pub(crate) fn alone(name: &str, limit: &str, test: impl Future<Output = ()>) {
    again(name, &[], limit, test);
}

/// Runs the test alone in namespaces of its own, after `setup`: as a user who may mount (`-rm`) or set up a network
/// (`-rn`) without effect on the machine. If the machine does not allow namespaces, or has no such command as one of
/// `tools`, the test says so and is not run.
pub(crate) fn apart(name: &str, namespaces: &str, tools: &[&str], setup: &str, test: impl Future<Output = ()>) {
    let works = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !works(Command::new("unshare").args([namespaces, "true"])) {
        return not_run(name, &format!("`unshare {namespaces}` is not permitted, or not there"));
    }
    if let Some(tool) = tools.iter().find(|tool| !works(Command::new("sh").args(["-c", "command -v \"$0\"", tool]))) {
        return not_run(name, &format!("there is no `{tool}`"));
    }
    again(name, &["unshare", namespaces], setup, test);
}

/// Reports a test that was not run. To the terminal itself: a test's output is shown only when it fails.
pub(crate) fn not_run(name: &str, why: &str) {
    std::io::stderr().write_all(format!("{name} was NOT RUN: {why}\n").as_bytes()).unwrap();
}

fn again(name: &str, within: &[&str], setup: &str, test: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(test);
    }
    let shell = ["sh", "-c", &format!("{setup} || exit; exec \"$0\" --exact \"$1\" --nocapture")];
    let words: Vec<&str> = within.iter().copied().chain(shell).collect();
    let run = Command::new(words[0])
        .args(&words[1..])
        .args([std::env::current_exe().unwrap().as_os_str(), name.as_ref()])
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains("1 passed"), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
}
