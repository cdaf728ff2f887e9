//! Spans as a collector gets them: which requests are traced, what a trace tells, and what a dead collector costs.

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::app;
use crate::support::collector::{Collector, hex, named, text};
use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::port::Port;
use crate::{commerce, endpoint};

const SENDER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

/// All spans, once the gateway has ended and sent the last.
fn spans_after(collector: &Collector, gateway: Gateway) -> Vec<Span> {
    gateway.stop();
    collector.spans()
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

    let spans = spans_after(&collector, gateway);
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
        let spans = spans_after(&collector, gateway);
        let request = named(&spans, "GET /api/{*rest}");
        assert_eq!(!request.is_empty(), is_traced, "{trusted} {sample} {flag}");
        assert!(request.iter().all(|it| hex(&it.parent_span_id) == SENDER[36..]));
        collector.clear();
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
