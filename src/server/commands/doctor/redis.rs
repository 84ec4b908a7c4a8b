//! Redis, where it is set: whether it can be reached and used, and what goes over the wire to it.

use crate::server::backplane::redis::{RedisUrl, look};

pub(super) async fn findings(url: &RedisUrl) -> Vec<String> {
    let address = url.shown();
    let mut findings = Vec::new();
    if url.is_in_the_open() {
        findings.push(format!(
            "What goes to Redis at {address} is not protected on the way: use rediss:// in REDIS_URL, or a network of your own."
        ));
    }
    match look(url).await {
        Ok(server) => {
            findings.extend(server.fault().map(|fault| format!("Redis at {address}: {fault}.")));
            findings.extend(server.advice());
        }
        Err(error) => findings.push(format!("Redis at {address} cannot be used: {error}.")),
    }
    findings
}
