//! A server with a self-signed certificate. The certificate and its key, made by `openssl req -x509` for a hundred
//! years, are used for nothing else.

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::net::TcpListener;
use std::sync::Arc;

/// Takes one connection and returns the address. The caller will not want to talk to it.
pub(super) fn server() -> String {
    rustls::crypto::ring::default_provider().install_default().ok();
    let certificate = CertificateDer::from(include_bytes!("certificate.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("key.der").as_slice());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let refused = connection.complete_io(&mut socket);
        assert!(refused.is_err(), "nobody should trust this certificate");
    });
    url
}
