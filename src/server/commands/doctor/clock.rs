//! The machine's clock, compared with that of a provider or of the proxy.

use super::web::Web;
use crate::server::settings::Settings;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Url;

/// An ID token is valid for minutes, and a signature of a Pusher backend too. Answers take a second.
const MAX_SECONDS: i64 = 30;
/// Providers that are asked for the time before giving up: each that is not reached takes its time.
const MAX_ASKED: usize = 2;

/// None where no other clock can be reached: that is found elsewhere.
pub(super) async fn findings(settings: &Settings, web: &Web) -> Option<String> {
    for url in clocks(settings) {
        let Ok(response) = web.get(&url).await else { continue };
        let now = Timestamp::now();
        let Some(date) = response.headers().get("date").and_then(|date| date.to_str().ok()) else { continue };
        let Ok(theirs) = rfc2822::parse(date) else { continue };
        let ahead = now.as_second() - theirs.timestamp().as_second();
        let way = if ahead < 0 { "behind" } else { "ahead of" };
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or(url);
        return (MAX_SECONDS < ahead.abs()).then(|| {
            format!(
                "This machine's clock is {} seconds {way} that of {host}: let it be set by the network (timedatectl \
                 set-ntp true).",
                ahead.abs()
            )
        });
    }
    None
}

/// Addresses with a clock of their own first. The proxy's is often this machine's.
fn clocks(settings: &Settings) -> Vec<String> {
    let providers = settings.providers().map(|settings| settings.providers).unwrap_or_default();
    let urls = providers.into_iter().map(|provider| provider.base_url).filter(|url| !is_here(url));
    let public = settings.public_url.iter().map(|url| format!("{url}/healthz"));
    urls.take(MAX_ASKED).chain(public).collect()
}

fn is_here(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
