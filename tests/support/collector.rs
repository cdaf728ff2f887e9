//! A collector of traces: takes them as any would, by OTLP over HTTP, and keeps every span.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::double::Double;

/// A collector that keeps every span it is sent.
#[derive(Debug)]
pub struct Collector {
    server: Double,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    /// Starts one.
    pub fn start() -> Self {
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

    /// The table of a gateway that sends this share of its requests there.
    pub fn settings(&self, sample: f64) -> String {
        let address = self.server.address();
        format!(
            "[telemetry]\notlp = {{ endpoint = \"http://{address}/v1/traces\" }}\ntrace_sample = {sample:?}\n"
        )
    }

    /// All spans that came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.spans.lock().unwrap().clear();
    }
}

/// An id as it is written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An attribute as text; empty if there is none.
pub fn text(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|it| it.key == key).and_then(|it| it.value.clone()?.value);
    match value {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The spans of this name.
pub fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}
