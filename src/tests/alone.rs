//! Tests that need a process to themselves: for its limits, or to measure it.

use std::future::Future;
use std::process::Command;

const INSIDE: &str = "RIVULET_TEST_INSIDE";

/// Runs the test binary once more, with nothing but the test of this name in it, after `limit` (a shell command such as
/// `ulimit -n 100`); in there, runs `test`.
pub(crate) fn alone(name: &str, limit: &str, test: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(test);
    }
    let run = Command::new("sh")
        .args(["-c", &format!("{limit}; exec \"$0\" --exact \"$1\" --nocapture")])
        .args([std::env::current_exe().unwrap().as_os_str(), name.as_ref()])
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains("1 passed"), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
}
