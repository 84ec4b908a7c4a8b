//! `OLLAMA_HOST` in every form that Ollama's own client takes.

use crate::server::provider::{address, ollama};

#[test]
fn a_host_is_read_as_ollamas_own_client_reads_it() {
    let cases = [
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":56789", "http://127.0.0.1:56789"),
        ("1.2.3.4:56789", "http://1.2.3.4:56789"),
        ("http://1.2.3.4", "http://1.2.3.4"),
        ("https://1.2.3.4", "https://1.2.3.4"),
        ("https://example.com:56789/", "https://example.com:56789"),
        ("example.com/", "http://example.com:11434"),
        ("example.com/path", "http://example.com:11434/path"),
        ("example.com:56789/path/", "http://example.com:56789/path"),
        ("[1:2:3:4::1]", "http://[1:2:3:4::1]:11434"),
        ("[1:2:3:4::1]:56789/path", "http://[1:2:3:4::1]:56789/path"),
        (" 0.0.0.0 ", "http://0.0.0.0:11434"),
    ];
    for (host, expected) in cases {
        assert_eq!(address(&ollama::address(host)).as_deref(), Ok(expected), "{host}");
    }
    for wrong in ["ftp://x", "x:port", "a b", "http://"] {
        assert!(address(&ollama::address(wrong)).is_err(), "{wrong}");
    }
}
