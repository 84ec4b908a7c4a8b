//! nginx and HAProxy for tests, with the files of `deploy/cluster` for three nodes.

use super::{Server, folders_of, say_missing};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// It is ready when it has bound its ports: it writes its number after that. SIGKILL would leave its workers.
const NGINX: &str = r#"
for name in client_body proxy fastcgi uwsgi scgi; do mkdir "$name"; done
"$programs/nginx" -p "$folder" -c "$folder/proxy.conf" -g "daemon off;" >log 2>&1 &
server=$! ending=TERM
until [ -s pid ]; do
  kill -0 "$server" 2>/dev/null || failed
  sleep 0.05
done
"#;

/// A proxy that does not listen after this time does not start.
const PATIENCE: Duration = Duration::from_secs(20);

/// It says nothing when it is ready.
const HAPROXY: &str = r#"
"$programs/haproxy" -db -f "$folder/proxy.conf" >log 2>&1 &
server=$!
"#;

const NGINX_FILE: &str = include_str!("../../../deploy/cluster/nginx.conf");
const HAPROXY_FILE: &str = include_str!("../../../deploy/cluster/haproxy.cfg");

/// A running proxy.
pub(crate) struct Proxy {
    _server: Server,
    pub(crate) program: String,
    pub(crate) url: String,
}

impl Proxy {
    fn start(program: &str, file: &str, script: &str, address: SocketAddr) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("{program}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let script = format!("cat >proxy.conf <<'END OF FILE'\n{file}\nEND OF FILE\n{script}");
        let server = Server::start(&name, &script, &folder_of(program).unwrap(), None);
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let log = || std::fs::read_to_string(server.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "{program} does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _server: server, program: program.to_owned(), url: format!("http://{address}") }
    }
}

fn folder_of(program: &str) -> Option<PathBuf> {
    folders_of(program, ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from).to_vec()).next()
}

/// nginx at `address`, before three nodes. None where it is not installed, which is said.
pub(crate) fn nginx(address: SocketAddr, nodes: [SocketAddr; 3]) -> Option<Proxy> {
    if folder_of("nginx").is_none() {
        say_missing("nginx", "nginx-light");
        return None;
    }
    let mut site = before(NGINX_FILE, nodes);
    site = replaced(&site, "listen 443 ssl http2;", &format!("listen {address};"));
    site = replaced(&site, "    listen [::]:443 ssl http2;\n", "");
    site = replaced(&site, "    listen 80;\n    listen [::]:80;\n", "    listen unix:redirect.sock;\n");
    // Which node answered, for the report of a test that fails.
    site = replaced(
        &site,
        "proxy_pass http://rivulet;",
        "proxy_pass http://rivulet;\nadd_header X-Node $upstream_addr always;",
    );
    // What needs a certificate.
    let site: Vec<_> = site.lines().filter(|line| !line.contains("ssl_certificate")).collect();
    let user = if super::is_root() { "user root;" } else { "" };
    let temporary = |name: &str| format!("{name}_temp_path {name};\n");
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(temporary).concat();
    let file = format!(
        "{user}\nworker_processes 1;\npid pid;\nerror_log stderr notice;\nevents {{ worker_connections 4096; }}\n\
         http {{\naccess_log off;\n{folders}{}\n}}",
        site.join("\n")
    );
    Some(Proxy::start("nginx", &file, NGINX, address))
}

/// HAProxy at `address`, before three nodes. None where it is not installed, which is said.
pub(crate) fn haproxy(address: SocketAddr, nodes: [SocketAddr; 3]) -> Option<Proxy> {
    if folder_of("haproxy").is_none() {
        say_missing("HAProxy", "haproxy");
        return None;
    }
    let file = before(HAPROXY_FILE, nodes);
    // Without what needs a certificate.
    let bind = "bind :443 ssl crt /etc/haproxy/chat.example.org.pem alpn h2,http/1.1";
    Some(Proxy::start("haproxy", &replaced(&file, bind, &format!("bind {address}")), HAPROXY, address))
}

/// The file with these addresses in the place of its own.
fn before(file: &str, nodes: [SocketAddr; 3]) -> String {
    (1..).zip(nodes).fold(file.to_owned(), |file, (number, node)| {
        replaced(&file, &format!("10.0.0.1{number}:3000"), &node.to_string())
    })
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the proxy's file has no {from}");
    text.replace(from, to)
}
