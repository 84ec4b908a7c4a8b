//! Where Redis is: `REDIS_URL`.

use ::redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError, TlsCertificates,
};
use std::fmt;

const EXPECTED: &str =
    "REDIS_URL expects redis://USER:PASSWORD@HOST:PORT/NUMBER, rediss:// for TLS, or unix:///PATH of a socket";
/// How a certificate begins in a file.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
const SEVERAL: &str = "REDIS_URL expects one server: Redis Cluster and Sentinel are not supported. Give the address of the primary, or of \
                       what stands for it";

/// `REDIS_URL`. It may have a password in it, so it is never shown.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

impl RedisUrl {
    /// # Errors
    /// What is expected. It does not repeat the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        let hosts = text.rsplit('@').next().unwrap_or_default();
        if scheme.contains("cluster") || scheme.contains("sentinel") || hosts.contains(',') {
            return Err(SEVERAL.into());
        }
        if text.contains('#') {
            return Err("REDIS_URL ends before the #: the server's certificate is always checked".into());
        }
        let info = text.into_connection_info().map_err(|_: RedisError| EXPECTED)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Ok(Self(info.set_redis_settings(settings)))
    }

    /// The address of a server whose certificate this authority (PEM) has signed, and not one of the web.
    ///
    /// # Errors
    /// What is expected.
    pub fn trusting(self, authority: Vec<u8>) -> Result<Self, String> {
        if !matches!(self.0.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err("an authority is of use with rediss:// in REDIS_URL alone".into());
        }
        if !authority.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
            return Err("it has no certificate in the form of PEM".into());
        }
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(authority) };
        let client = Client::build_with_tls(self.0, certificates).map_err(|error| error.to_string())?;
        Ok(Self(client.get_connection_info().clone()))
    }

    /// The address without user and password.
    pub fn shown(&self) -> String {
        self.0.addr().to_string()
    }

    /// Whether passwords and texts could be read on the way.
    pub fn is_in_the_open(&self) -> bool {
        let ConnectionAddr::Tcp(host, _) = self.0.addr() else { return false };
        let address = host.parse::<std::net::IpAddr>();
        !address.map_or(host == "localhost", |address| address.is_loopback())
    }

    /// The number of the database.
    pub(super) fn number(&self) -> i64 {
        self.0.redis_settings().db()
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        self.0.clone()
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RedisUrl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (text, shown) in [
            ("redis://db", "db:6379"),
            ("redis://ann:s3cret@10.0.0.7:7000/2", "10.0.0.7:7000"),
            ("rediss://:s3cret@db.example.org", "db.example.org:6379"),
            ("valkey://db:1", "db:1"),
            ("redis://:s3cret,with,commas@db", "db:6379"),
            ("unix:///run/redis.sock?pass=s3cret", "/run/redis.sock"),
        ] {
            let url = RedisUrl::parse(text).unwrap();
            assert_eq!(url.shown(), shown);
            assert!(!format!("{url:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_is_no_address_of_one_server_is_refused_in_a_sentence_without_it() {
        for wrong in [
            "",
            "s3cret",
            "http://s3cret@db",
            "redis://:s3cret@db/x",
            "redis+cluster://:s3cret@a",
            "redis://:s3cret@a,b",
            "redis+sentinel://s3cret@a",
            "rediss://:s3cret@db#insecure",
        ] {
            let why = RedisUrl::parse(wrong).unwrap_err();
            assert!(why.starts_with("REDIS_URL ") && !why.contains("s3cret"), "{why}");
        }
    }

    #[test]
    fn an_authority_is_a_certificate_and_for_tls_alone() {
        let authority = include_bytes!("../../../tests/services/certificates/authority.pem").to_vec();
        let url = |text| RedisUrl::parse(text).unwrap();
        assert_eq!(url("rediss://:s3cret@db").trusting(authority.clone()).unwrap().shown(), "db:6379");
        for (text, authority) in [("redis://:s3cret@db", authority), ("rediss://:s3cret@db", b"s3cret".to_vec())] {
            let why = url(text).trusting(authority).unwrap_err();
            assert!(!why.contains("s3cret"), "{why}");
        }
    }

    #[test]
    fn what_goes_over_a_network_without_tls_is_in_the_open() {
        for (text, expected) in [
            ("redis://db", true),
            ("redis://10.0.0.7", true),
            ("redis://localhost", false),
            ("redis://127.0.0.1", false),
            ("redis://[::1]", false),
            ("rediss://db", false),
            ("unix:///run/redis.sock", false),
        ] {
            assert_eq!(RedisUrl::parse(text).unwrap().is_in_the_open(), expected, "{text}");
        }
    }
}
