//! Signing in by OpenID Connect: all of its settings, or none.

use super::Settings;
use crate::server::oidc::Registration;
use reqwest::Url;
use secrecy::ExposeSecret;

/// The length of a button's label.
const LONGEST_NAME: usize = 40;

impl Settings {
    /// # Errors
    /// One line that names the setting that is wrong or missing.
    pub fn oidc(&self) -> Result<Option<Registration>, String> {
        let secret = self.oidc_client_secret.clone().filter(|secret| !secret.expose_secret().trim().is_empty());
        let (issuer, id, secret) = match (&self.oidc_issuer, &self.oidc_client_id, secret) {
            (Some(issuer), Some(id), Some(secret)) => (issuer, id, secret),
            (None, None, None) if self.oidc_name.is_none() => return Ok(None),
            (None, ..) => return Err(missing("RIVULET_OIDC_ISSUER", "the issuer's address")),
            (_, None, _) => return Err(missing("RIVULET_OIDC_CLIENT_ID", "the name that the issuer has for Rivulet")),
            (.., None) => return Err(missing("RIVULET_OIDC_CLIENT_SECRET", "the secret that goes with it")),
        };
        let host = Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let name = self.oidc_name.clone().unwrap_or(host);
        Ok(Some(Registration { issuer: issuer.clone(), client_id: id.clone(), client_secret: secret, name }))
    }
}

fn missing(setting: &str, what: &str) -> String {
    format!("{setting} is not set: signing in by OpenID Connect takes {what} as well")
}

/// Kept exactly: an issuer is compared as text.
pub(super) fn issuer(text: &str) -> Result<String, String> {
    let expected = "RIVULET_OIDC_ISSUER expects an address such as https://accounts.example.org/realms/main";
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or(expected)?;
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{expected}, without a user name, a query or a fragment"));
    }
    if url.scheme() == "http" && !is_here(&url) {
        return Err("RIVULET_OIDC_ISSUER expects https://: keys that come unencrypted could be anybody's".into());
    }
    Ok(text.to_owned())
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

pub(super) fn client_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err("RIVULET_OIDC_CLIENT_ID expects the client's id, as it is registered at the issuer".into());
    }
    Ok(text.to_owned())
}

pub(super) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) || text.chars().any(char::is_control) {
        return Err(format!("RIVULET_OIDC_NAME expects 1 to {LONGEST_NAME} characters"));
    }
    Ok(text.to_owned())
}
