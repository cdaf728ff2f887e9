//! `olympus explain`: asks the running gateway, or a configuration alone, what would happen to a request.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::app::App;
use crate::config::Loaded;
use crate::pipeline::{Explanation, Question};

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The request, and whom to ask.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The method.
    method: String,
    /// A URL, or a path alone.
    url: String,
    /// A header of the request.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The address it comes from.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// A caller's token.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Ask the configuration alone, not the running gateway: then nothing is known of endpoints.
    #[arg(long)]
    offline: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints what would happen.
pub(super) fn ask(loaded: &Loaded, asked: Asked) -> ExitCode {
    let token = asked.token;
    let mut question =
        Question { method: asked.method, url: asked.url, headers: asked.headers, client: asked.client };
    let explanation = match asked.offline {
        true => {
            token.iter().for_each(|token| question.bear(token));
            App::explain(loaded, &question).map_err(|error| error.to_string())
        }
        false => ask_running(loaded, &question, token.as_deref()),
    };
    match explanation {
        Ok(explanation) if asked.json => {
            println!("{}", serde_json::to_string_pretty(&explanation).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(explanation) => {
            print!("{explanation}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("olympus: {message}");
            ExitCode::FAILURE
        }
    }
}

fn ask_running(loaded: &Loaded, question: &Question, of: Option<&str>) -> Result<Explanation, String> {
    let admin = &loaded.settings.admin;
    let Some((address, token)) = admin.listen.zip(admin.token.as_ref()) else {
        return Err(
            "there is no one to ask: admin.listen is not set; --offline asks the configuration".to_owned()
        );
    };
    let agent = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).http_status_as_error(false).build();
    let mut request = ureq::Agent::from(agent)
        .get(format!("http://{address}/explain"))
        .header("authorization", format!("Bearer {}", token.expose()))
        .query("method", &question.method)
        .query("url", &question.url)
        .query_pairs(question.headers.iter().map(|header| ("header", header.as_str())));
    if let Some(of) = of {
        request = request.header("x-explain-token", of);
    }
    if let Some(client) = question.client {
        request = request.query("client", client.to_string());
    }
    let unreachable =
        |error| format!("ask the gateway at {address}: {error}; --offline asks the configuration");
    let mut answer = request.call().map_err(unreachable)?;
    let text = answer.body_mut().read_to_string().map_err(unreachable)?;
    match answer.status().is_success() {
        true => serde_json::from_str(&text).map_err(|error| format!("read the gateway's answer: {error}")),
        false => Err(format!("the gateway at {address} answered {}: {text}", answer.status())),
    }
}
