//! Spans as a collector gets them: which requests are traced, what a trace tells, and what a dead collector costs.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::app;
use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::port::Port;
use crate::{commerce, endpoint};

const SENDER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

/// A collector that keeps every span it is sent.
struct Collector {
    server: Double,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = spans.clone();
        let server = Double::start(move |head, wire| {
            assert!(head.starts_with("POST /v1/traces "), "{head}");
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            let body = wire.take(length.expect("a length"))?;
            let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("spans in protobuf");
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            kept.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
            wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        });
        Self { server, spans }
    }

    fn settings(&self, sample: f64) -> String {
        let address = self.server.address();
        format!(
            "[telemetry]\notlp = {{ endpoint = \"http://{address}/v1/traces\" }}\ntrace_sample = {sample:?}\n"
        )
    }

    /// All spans, once the gateway has ended and sent the last.
    fn spans_after(&self, gateway: Gateway) -> Vec<Span> {
        gateway.stop();
        self.spans.lock().unwrap().clone()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|it| it.key == key).and_then(|it| it.value.clone()?.value);
    match value {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[test]
fn a_trace_tells_each_try_and_the_backend_goes_on_with_it() {
    let (collector, shop, nobody) = (Collector::start(), commerce("shop"), Port::reserve());
    let pool = app(&[endpoint(nobody.address()), endpoint(shop.address())], "balance = \"wrr\"", "");
    let gateway = Gateway::start(&format!("{}{pool}", collector.settings(1.0)));
    let answers: Vec<_> = (0..2).map(|_| gateway.get("/api/headers")).collect();
    let lines: Vec<_> = answers.iter().map(|answer| gateway.line_for(answer)).collect();
    let (retried, answer) =
        (lines.iter().zip(&answers)).find(|(line, _)| line["tries"] == 2).expect("a retry");
    let (trace, passed_on) = (
        retried["trace_id"].as_str().unwrap().to_owned(),
        answer.json()["headers"]["traceparent"][0].clone(),
    );

    let spans = collector.spans_after(gateway);
    let of_trace: Vec<Span> = spans.into_iter().filter(|span| hex(&span.trace_id) == trace).collect();
    let names: Vec<_> = of_trace.iter().map(|span| span.name.clone()).collect();
    let request = named(&of_trace, "GET /api/{*rest}").pop().unwrap_or_else(|| panic!("{names:?}"));
    assert_eq!(request.parent_span_id, Vec::<u8>::new());
    assert_eq!(text(request, "http.response.status_code"), "200");
    assert_eq!(text(request, "url.path"), "/api/headers");
    assert_eq!(named(&of_trace, "admit")[0].parent_span_id, request.span_id);
    let tries = named(&of_trace, "try");
    assert_eq!(tries.len(), 2);
    assert!(tries.iter().all(|it| it.parent_span_id == request.span_id));
    let (failed, answered) = (tries[0], tries[1]);
    assert_eq!(
        (text(failed, "error.type").as_str(), text(failed, "server.address")),
        ("refused", nobody.address().to_string())
    );
    assert_eq!(
        (
            text(answered, "http.response.status_code").as_str(),
            text(answered, "http.request.resend_count").as_str()
        ),
        ("200", "1")
    );
    assert_eq!(passed_on, format!("00-{trace}-{}-01", hex(&answered.span_id)));
}

#[test]
fn only_a_trusted_proxy_decides_that_a_request_is_traced() {
    let (collector, shop) = (Collector::start(), commerce("shop"));
    for (trusted, sample, flag, is_traced) in [
        ("[]", 0.0, "01", false),
        ("[\"127.0.0.1/32\"]", 0.0, "01", true),
        ("[\"127.0.0.1/32\"]", 1.0, "00", false),
        ("[]", 1.0, "00", true),
    ] {
        let server = format!("[server]\ntrusted_proxies = {trusted}\n");
        let pool = app(&[endpoint(shop.address())], "", "");
        let gateway = Gateway::start(&format!("{server}{}{pool}", collector.settings(sample)));
        let sent = format!("{SENDER}-{flag}");
        let answer = send("GET", &gateway.url("/api/headers"), &[("traceparent", &sent)], "");
        let passed_on = answer.json()["headers"]["traceparent"][0].as_str().unwrap().to_owned();
        assert!(passed_on.starts_with(&SENDER[..35]), "{passed_on}");
        assert_eq!(passed_on.ends_with("-01"), is_traced, "{trusted} {sample} {flag}: {passed_on}");
        let spans = collector.spans_after(gateway);
        let request = named(&spans, "GET /api/{*rest}");
        assert_eq!(!request.is_empty(), is_traced, "{trusted} {sample} {flag}");
        assert!(request.iter().all(|it| hex(&it.parent_span_id) == SENDER[36..]));
        collector.spans.lock().unwrap().clear();
    }
}

#[test]
fn a_dead_collector_holds_up_nothing() {
    let (nobody, shop) = (Port::reserve(), commerce("shop"));
    let settings = format!(
        "[telemetry]\notlp = {{ endpoint = \"http://{}/\" }}\ntrace_sample = 1.0\n",
        nobody.address()
    );
    let gateway = Gateway::start(&format!("{settings}{}", app(&[endpoint(shop.address())], "", "")));
    for _ in 0..20 {
        assert_eq!(gateway.get("/api/headers").status, 200);
    }
    gateway.stop();
}
