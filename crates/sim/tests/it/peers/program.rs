//! The real programs, each with the smallest configuration that passes requests on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How the program speaks to its callee.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Link {
    /// It keeps its connections.
    pub(super) keep: bool,
    /// HTTP/2.
    pub(super) shared: bool,
    /// TLS.
    pub(super) tls: bool,
}

/// A gateway product that is installed.
pub(super) struct Product {
    /// Our profile of it.
    pub(super) profile: &'static str,
    /// As the table calls it.
    pub(super) title: &'static str,
    /// How long it waits for a response, in our words.
    pub(super) waits: &'static str,
    /// What its configuration says beside time-outs where it keeps connections to its callee, in our
    /// words.
    pub(super) keeps: &'static str,
    /// Its configuration, between its own address and the callee's; it keeps connections to it.
    config: fn(SocketAddr, SocketAddr, Link) -> String,
    /// The command that runs it with a configuration.
    command: fn(&Path) -> Command,
}

/// Connect time-out 1 s, response time-out 2 s, and all else as it comes.
pub(super) const PRODUCTS: [Product; 3] = [
    Product {
        profile: "nginx",
        title: "nginx 1.22",
        waits: "read_timeout: 2s",
        keeps: ", pool: { reuse: true, resend: true }",
        config: nginx,
        command: |config| {
            let mut command = Command::new(installed("/usr/sbin/nginx", "nginx"));
            command.arg("-p").arg(config.parent().expect("it is in a folder"));
            command.arg("-c").arg(config).args(["-e", "error.log"]);
            command
        },
    },
    Product {
        profile: "haproxy",
        title: "HAProxy 2.6",
        waits: "read_timeout: 2s",
        keeps: "",
        config: haproxy,
        command: |config| {
            let mut command = Command::new(installed("/usr/sbin/haproxy", "haproxy"));
            command.arg("-db").arg("-f").arg(config);
            command
        },
    },
    Product {
        profile: "envoy",
        title: "Envoy 1.40",
        waits: "timeout: 2s",
        keeps: "",
        config: envoy,
        command: |config| {
            let mut command = Command::new(envoy_path());
            command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]);
            command.arg("-c").arg(config);
            command
        },
    },
];

/// Debian keeps servers where a user's PATH may not lead.
fn installed(debian: &'static str, name: &'static str) -> &'static str {
    if Path::new(debian).exists() { debian } else { name }
}

/// It comes in a Python package.
fn envoy_path() -> PathBuf {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/venv/lib");
    let versions = std::fs::read_dir(lib).into_iter().flatten().flatten();
    let mut found = versions.map(|python| python.path().join("site-packages/envoy/_bin/envoy"));
    found.find(|path| path.exists()).expect("Envoy is installed: .ci/setup does that")
}

fn nginx(own: SocketAddr, callee: SocketAddr, link: Link) -> String {
    let keep = if link.keep { "keepalive 8;" } else { "" };
    let connection = if keep.is_empty() { "" } else { "proxy_set_header Connection \"\";" };
    // Of HTTP/2 to its callees it has what gRPC needs.
    let (module, scheme, version) = match link {
        Link { shared: true, .. } => ("grpc", "grpc", ""),
        Link { tls: true, .. } => ("proxy", "https", ""),
        _ => ("proxy", "http", "proxy_http_version 1.1;"),
    };
    // In one process: it ends with its own id.
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log info;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream app {{ server {callee}; {keep} }}
  server {{
    listen {own};
    location / {{
      {module}_pass {scheme}://app;
      {version}
      {connection}
      {module}_connect_timeout 1s;
      {module}_read_timeout 2s;
    }}
  }}
}}
"
    )
}

fn haproxy(own: SocketAddr, callee: SocketAddr, link: Link) -> String {
    let protocol = match link {
        Link { shared: true, .. } => "proto h2",
        Link { tls: true, .. } => "ssl verify none",
        _ => "",
    };
    format!(
        "global
  maxconn 100
defaults
  mode http
  timeout connect 1s
  timeout client 9s
  timeout server 2s
frontend in
  bind {own}
  default_backend out
backend out
  server app {callee} {protocol}
"
    )
}

fn envoy(own: SocketAddr, callee: SocketAddr, link: Link) -> String {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let protocol = if link.shared {
        format!(
            "\n    typed_extension_protocol_options:\n      {options}:\n        \"@type\": type.googleapis.com/{options}\n        explicit_http_config: {{ http2_protocol_options: {{}} }}"
        )
    } else if link.tls {
        let socket = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
        format!(
            "\n    transport_socket:\n      name: tls\n      typed_config: {{ \"@type\": type.googleapis.com/{socket} }}"
        )
    } else {
        String::new()
    };
    let address = |at: SocketAddr| {
        format!("{{ socket_address: {{ address: {}, port_value: {} }} }}", at.ip(), at.port())
    };
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    format!(
        "static_resources:
  listeners:
  - address: {own}
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          \"@type\": {manager}
          stat_prefix: in
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes: [{{ match: {{ prefix: / }}, route: {{ cluster: app, timeout: 2s }} }}]
          http_filters:
          - name: router
            typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: app
    connect_timeout: 1s{protocol}
    load_assignment:
      cluster_name: app
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {callee} }} }}] }}]
",
        own = address(own),
        callee = address(callee)
    )
}

pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A program in front of a callee, until this is dropped.
pub(super) struct Program {
    child: Child,
    pub(super) address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Program {
    pub(super) fn start(product: &Product, callee: SocketAddr, link: Link) -> Self {
        // Between its choice and the program's listening, others may take the port.
        let name = product.title;
        (0..5)
            .find_map(|_| Self::try_start(product, callee, link))
            .unwrap_or_else(|| panic!("{name} finds no port"))
    }

    fn try_start(product: &Product, callee: SocketAddr, link: Link) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let config = folder.path().join("gateway.yaml");
        std::fs::write(&config, (product.config)(address, callee, link)).unwrap();
        let mut command = (product.command)(&config);
        let log = std::fs::File::create(folder.path().join("output.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("it is installed: .ci/setup does that");
        let mut program = Self { child, address, folder };
        let begin = Instant::now();
        while program.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(program.address).is_ok() {
                return Some(program);
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{}", program.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = program.log();
        assert!(log.to_lowercase().contains("address already in use"), "{} has ended: {log}", product.title);
        None
    }

    fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("output.log") + &read("error.log")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that answers no SYN.
pub(super) struct Blackhole {
    pub(super) address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl Blackhole {
    pub(super) fn new() -> Self {
        // A queue of length 0 holds one connection; every further SYN is dropped.
        let socket = || Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).unwrap();
        let hole = socket();
        hole.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        hole.listen(0).unwrap();
        let address = hole.local_addr().unwrap();
        let mut sockets = vec![hole];
        for _ in 0..4 {
            let filler = socket();
            // It is connected at once, or its SYN has been dropped.
            let _ = filler.connect(&address);
            sockets.push(filler);
        }
        Self { address: address.as_socket().unwrap(), _sockets: sockets }
    }
}
