//! The way of spans to a collector, by OTLP over HTTP. They wait in a bounded queue on a thread of their own;
//! what does not fit is lost, and a collector that is down or slow holds up nothing.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use reqwest::redirect::Policy;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::spans::TARGET;
use crate::config;
use crate::error::{Error, Result};

/// How long spans wait for others to be sent with.
const DELAY: Duration = Duration::from_secs(1);

/// How long the last spans may take to be sent when the process ends.
const LAST: Duration = Duration::from_secs(2);

/// What sends spans, if anything does.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Prepares to send spans where the settings say so. Opens no connection yet. Not to be called in a runtime.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn start(settings: &config::Telemetry) -> Result<Self> {
        let Some(otlp) = &settings.otlp else { return Ok(Self::default()) };
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::internal(format!("send traces to {} (telemetry.otlp)", otlp.endpoint)).caused_by(error)
        };
        let client = reqwest::blocking::Client::builder().timeout(otlp.timeout.get());
        let client = client.redirect(Policy::none()).no_proxy().build();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client.map_err(|error| failed(error.into()))?)
            .with_endpoint(otlp.endpoint.to_string())
            .with_timeout(otlp.timeout.get())
            .build()
            .map_err(|error| failed(error.into()))?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(DELAY).build();
        // Which requests are traced is decided where they are taken in; what is made here is all sent.
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(Resource::builder().with_service_name(otlp.service_name.clone()).build())
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .build();
        Ok(Self { provider: Some(provider) })
    }

    /// What takes spans out of the program's events.
    pub(super) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.provider.as_ref()?.tracer("olympus");
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        Some(layer.with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO)))
    }

    /// Sends what is still waiting. Blocks for two seconds at most.
    pub fn end(&self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown_with_timeout(LAST)
        {
            tracing::warn!(%error, "send the last traces");
        }
    }
}
