use proptest::prelude::*;

use super::*;
use crate::policy::{Budget, Idempotent};
use crate::wire::Failure;
use std::time::Duration;

fn one(name: &str, text: &str) -> Scenario {
    read(&[ConfigFile { name, text }]).unwrap_or_else(|problems| panic!("{problems}")).0
}

fn policies(scenario: &Scenario) -> Vec<crate::policy::Policy> {
    scenario.topology.edges().map(|(_, edge)| edge.policy.clone()).collect()
}

#[test]
fn nginx_inherits_from_the_blocks_around() {
    let scenario = one(
        "n.conf",
        "http {
  proxy_read_timeout 5s;
  proxy_next_upstream_tries 2;
  upstream app { server a:1; server b:2 max_fails=2; server c:3; server d:4 down; keepalive 4; keepalive_timeout 30s; }
  server {
    proxy_http_version 1.1;
    large_client_header_buffers 4 16k;
    location / { proxy_pass http://app/x; location /slow { proxy_read_timeout 1m; proxy_next_upstream off; proxy_pass http://app; } }
    location /other { proxy_pass https://$host; }
  }
}",
    );
    let policies = policies(&scenario);
    assert_eq!(policies.len(), 6);
    let seconds = |s| Some(Duration::from_secs(s));
    let (first, slow) = (&policies[0], &policies[3]);
    assert_eq!((first.timeout, first.retry.max_attempts), (seconds(5), 2));
    assert_eq!((slow.timeout, slow.retry.max_attempts), (seconds(60), 1));
    assert_eq!(first.retry.when.idempotent, Idempotent::UnlessUnprocessed);
    assert_eq!((first.pool.reuse, Some(first.pool.idle_timeout)), (true, seconds(30)));
    let gateway = scenario.topology.find("n.conf").unwrap();
    assert_eq!(scenario.topology.node(gateway).header_limit, 16 << 10);
}

#[test]
fn haproxy_takes_what_its_defaults_say() {
    let scenario = one(
        "h.cfg",
        "defaults a
  timeout server 3000
  timeout client 30s
defaults b from a
  timeout connect 2s
frontend in from b
  bind *:80,:81
  use_backend one if { path /a }
  default_backend two
backend one from b
  retry-on 503 empty-response
  server s1 10.0.0.1:80
backend two from a
  timeout server 4s
  server s1 10.0.0.2:80
  server s2 10.0.0.3:80
",
    );
    let policies = policies(&scenario);
    let timeouts: Vec<_> = policies.iter().map(|p| p.timeout).collect();
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(timeouts, [ms(3000), ms(4000), ms(4000)]);
    let when = policies[0].retry.when.outcomes;
    assert!(when.has_status(503) && when.has_failure(Failure::ConnectionTerminated));
    assert!(!when.has_failure(Failure::ConnectionRefused) && !when.has_status(502));
    let two = policies[1].retry.when.outcomes;
    assert!(two.has_failure(Failure::ConnectionRefused) && !two.has_failure(Failure::HeadTimeout));
}

#[test]
fn envoy_has_the_routes_time_out_over_all_attempts() {
    let scenario = one(
        "e.yaml",
        r#"
static_resources:
  listeners:
  - address: { socket_address: { address: 0.0.0.0, port_value: 1 } }
    filter_chains:
    - filters:
      - typed_config:
          common_http_protocol_options: { idle_timeout: 30s }
          route_config:
            virtual_hosts:
            - retry_policy: { retry_on: "gateway-error", num_retries: 2, per_try_timeout: 0.5s }
              routes:
              - route: { weighted_clusters: { clusters: [{ name: a, weight: 1 }, { name: b, weight: 9 }] } }
              - route: { cluster: a, timeout: 0s, retry_policy: { retry_on: retriable-status-codes, retriable_status_codes: [529] } }
  clusters:
  - name: a
    circuit_breakers: { thresholds: [{ max_requests: 10, retry_budget: { budget_percent: { value: 30 } } }] }
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: x, port_value: 80 } } } }] }] }
  - name: b
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: y, port_value: 80 } } } }] }] }
"#,
    );
    let policies = policies(&scenario);
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!((policies[0].timeout, policies[0].deadline), (ms(500), ms(15_000)));
    assert_eq!((policies[2].timeout, policies[2].deadline), (None, None));
    assert!(policies[2].retry.when.outcomes.has_status(529) && policies[2].retry.max_attempts == 2);
    assert!(
        matches!(policies[0].retry.budget, Some(Budget::Concurrent { share, .. }) if share == crate::units::Share::new(0.3).unwrap())
    );
    assert!(matches!(policies[1].retry.budget, Some(Budget::Concurrent { at_least: 3, .. })));
}

#[test]
fn a_product_is_known_by_its_words() {
    for (name, text, product) in [
        ("nginx.conf", "events {}\nhttp {}", Some(Product::Nginx)),
        ("default", "server {\n listen 80;\n}", Some(Product::Nginx)),
        ("site.conf", "server {\n listen 443 ssl; # managed by Certbot\n}", Some(Product::Nginx)),
        ("haproxy.cfg", "# x\nglobal\n  maxconn 1", Some(Product::Haproxy)),
        ("haproxy.conf", "frontend a\n bind :80", Some(Product::Haproxy)),
        ("envoy.yaml", "admin: {}\nstatic_resources:\n  listeners: []", Some(Product::Envoy)),
        ("envoy.json", "{\"static_resources\": {}}", Some(Product::Envoy)),
        ("s.yaml", "name: x\nnodes: {}", None),
        ("s", "name: x", None),
    ] {
        assert_eq!(Product::of(ConfigFile { name, text }), product, "{name}");
    }
}

/// The lints count on the bounds that a scenario has.
#[test]
fn what_a_file_says_is_bounded() {
    let nginx = "http { server { listen 80; location / { proxy_pass http://127.0.0.1:81; } } }";
    let envoy = "
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 81 } }
    filter_chains:
    - filters:
      - typed_config:
          route_config:
            virtual_hosts:
            - routes:
              - route: { cluster: app, timeout: 18000000000000000000s, retry_policy: { retry_on: 5xx, num_retries: 4294967295 } }
  clusters:
  - name: app
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: a, port_value: 1 } } } }] }] }
";
    let haproxy = "frontend f\n bind :81\n default_backend b\nbackend b\n retries 4294967294\n server s a:1";
    for (name, text) in [("e.yaml", envoy), ("h.cfg", haproxy)] {
        let files = [ConfigFile { name: "n.conf", text: nginx }, ConfigFile { name, text }];
        let (scenario, chain) = read(&files).unwrap_or_else(|problems| panic!("{problems}"));
        let policies = policies(&scenario);
        assert!(policies.iter().any(|p| p.retry.max_attempts == crate::policy::ATTEMPTS_MAX), "{name}");
        assert!(policies.iter().all(|p| p.timeout <= Some(crate::units::DURATION_MAX)), "{name}");
        // It comes to an end, and nothing overflows.
        let _ = crate::lint::check(&scenario, &chain);
    }
}

#[test]
fn haproxys_word_for_all_errors_adds_to_the_others() {
    let with = |words: &str| {
        let text =
            format!("frontend f\n bind :81\n default_backend b\nbackend b\n retry-on {words}\n server s a:1");
        let outcomes = policies(&one("h.cfg", &text))[0].retry.when.outcomes;
        let has = [404, 500, 503].map(|status| outcomes.has_status(status));
        (has, outcomes.has_failure(Failure::HeadTooLarge), outcomes.has_failure(Failure::ConnectionRefused))
    };
    assert_eq!(with("404 all-retryable-errors"), ([true; 3], true, true));
    assert_eq!(with("all-retryable-errors 404"), ([true; 3], true, true));
}

#[test]
fn without_keep_alive_no_connection_is_ever_idle() {
    let text = "http { server { listen 80; keepalive_timeout 0; location / { proxy_pass http://a:1; } } }";
    let scenario = one("n.conf", text);
    let gateway = scenario.topology.find("n.conf").unwrap();
    assert_eq!(scenario.topology.node(gateway).keep_alive, Duration::MAX);
}

/// Words that mean something, and what holds them together.
#[test]
fn one_port_can_be_that_of_several_servers() {
    let servers = |to: &str| {
        format!(
            "http {{ server {{ listen 80; server_name edge; location / {{ proxy_pass http://{to}:80; }} }}\n  \
             server {{ listen 80; server_name api; location / {{ proxy_pass http://10.0.0.1:8080; }} }} }}"
        )
    };
    // By its name, or as the only other one.
    for to in ["localhost", "127.0.0.1"] {
        let text = servers(to);
        let (scenario, _) = read(&[ConfigFile { name: "nginx.conf", text: &text }]).unwrap();
        let edges: Vec<String> =
            scenario.topology.edges().map(|(edge, _)| scenario.topology.edge_name(edge)).collect();
        assert_eq!(
            edges,
            ["nginx.conf:80 (edge) -> nginx.conf:80 (api)", "nginx.conf:80 (api) -> 10.0.0.1:8080"]
        );
    }
    let itself = servers("127.0.0.1").replace("server_name edge", "server_name 127.0.0.1");
    let error = read(&[ConfigFile { name: "nginx.conf", text: &itself }]).unwrap_err();
    assert!(error.to_string().contains("requests go in a circle"), "{error}");
}

fn text() -> impl Strategy<Value = String> {
    let words = [
        "http",
        "server",
        "upstream",
        "location",
        "proxy_pass",
        "http://a:1",
        "listen",
        "80",
        "{",
        "}",
        ";",
        "\n",
        "proxy_next_upstream",
        "error",
        "http_502",
        "proxy_read_timeout",
        "5s",
        "-1",
        "defaults",
        "frontend",
        "backend",
        "bind",
        ":80",
        "timeout",
        "retries",
        "99999999999",
        "server a b:1",
        "default_backend",
        "'",
        "\"",
        "static_resources:",
        "listeners:",
        "- address:",
        "  ",
        "ü",
        "[::1]:80",
        "keepalive",
        "client_max_body_size",
        "0",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_file_panics(text in text(), name in prop::sample::select(vec!["a.conf", "a.cfg", "a.yaml"])) {
        let file = ConfigFile { name, text: &text };
        for files in [vec![file], vec![file, file]] {
            if let Ok((scenario, chain)) = read(&files) {
                for finding in crate::lint::check(&scenario, &chain) {
                    prop_assert!(finding.problem.line > 0);
                }
            }
        }
    }
}
