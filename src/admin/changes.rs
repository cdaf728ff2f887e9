//! What operators may change while the gateway runs. Every change that is asked for leaves an audit line when it is over:
//! what, why, and what came of it. A call that cannot be understood asks for none.

use std::borrow::Cow;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::View;
use super::live::{LastReload, Live, Override, Trigger};
use crate::config::{Address, Change, Level, Period};
use crate::error::Kind;
use crate::http::{Fault, Problem};
use crate::telemetry::AUDIT;

/// Largest weight, as in the configuration.
const MOST_WEIGHT: u32 = 1000;

#[derive(Debug, Serialize)]
pub(super) struct ChangeView {
    key: String,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReloadView {
    result: &'static str,
    time: String,
    trigger: Trigger,
    changes: Vec<ChangeView>,
    mistakes: Vec<String>,
    /// Changes of this reload and of those before it that wait for a restart.
    pending: Vec<ChangeView>,
}

/// Reads the configuration again: 200 with what changed, or 400 with every mistake; then nothing changed.
pub(super) async fn reload(State(view): State<View>) -> Result<Json<ReloadView>, Problem> {
    let entry = Entry::of("reload", String::new(), "");
    entry.close(read_again(&view).await)
}

async fn read_again(view: &View) -> Result<Json<ReloadView>, Problem> {
    let last = view.control.reload(Trigger::Admin).await.map_err(Problem::from)?;
    if let Err(mistakes) = &last.result {
        let problem = Problem::new(Kind::Invalid, "the configuration has mistakes; the one in force is kept");
        let faults = mistakes.iter().map(|mistake| {
            let pointer = format!("/{}", mistake.key().replace('.', "/"));
            Fault::at(pointer, "invalid_setting", mistake.to_string())
        });
        return Err(problem.with_code("invalid_configuration").with_faults(faults.collect()));
    }
    Ok(Json(reload_view(&last, &view.live.load())))
}

/// What came of the last reload.
pub(super) async fn last_reload(State(view): State<View>) -> Result<Json<ReloadView>, Problem> {
    let live = view.live.load_full();
    match &live.last_reload {
        Some(last) => Ok(Json(reload_view(last, &live))),
        None => Err(Problem::new(Kind::NotFound, "there was no reload since the start")),
    }
}

fn reload_view(last: &LastReload, live: &Live) -> ReloadView {
    let (result, changes, mistakes) = match &last.result {
        Ok(changes) if changes.is_empty() => ("unchanged", Vec::new(), Vec::new()),
        Ok(changes) => ("reloaded", changes.iter().cloned().map(change_view).collect(), Vec::new()),
        Err(mistakes) => ("refused", Vec::new(), mistakes.iter().map(ToString::to_string).collect()),
    };
    ReloadView {
        result,
        time: text(last.time),
        trigger: last.trigger,
        changes,
        mistakes,
        pending: live.pending.iter().cloned().map(change_view).collect(),
    }
}

fn change_view(change: Change) -> ChangeView {
    ChangeView { key: change.key, effect: change.effect.as_str(), from: change.from, to: change.to }
}

/// What an operator wants of an endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// No new requests; those under way end.
    #[serde(default)]
    drain: bool,
    /// Its share instead of the configured one.
    weight: Option<u32>,
    /// For how long. Absent: until it is taken back.
    expires_in: Option<Period>,
    /// Who and why.
    #[serde(default)]
    note: String,
}

/// Drains an endpoint or gives it another weight.
pub(super) async fn set_endpoint(
    State(view): State<View>,
    Path((upstream, endpoint)): Path<(String, String)>,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<OverrideView>, Problem> {
    let Json(wanted) = body.map_err(|rejection| Problem::new(Kind::Invalid, rejection.body_text()))?;
    let address = endpoint_of(&view.live.load(), &upstream, &endpoint)?;
    let since = Utc::now();
    let wish = Override {
        weight: weight(&wanted)?,
        since,
        until: wanted.expires_in.map(|period| end(since, period)).transpose()?,
        note: wanted.note,
        upstream,
        address,
    };
    let target = format!("{}/{}", wish.upstream, wish.address);
    let entry = Entry::of(format!("set weight {}", wish.weight), target, &wish.note);
    entry.close(view.control.set(wish.clone()).await.map_err(Problem::from))?;
    Ok(Json(override_view(&wish)))
}

fn end(since: DateTime<Utc>, period: Period) -> Result<DateTime<Utc>, Problem> {
    if period.get().is_zero() {
        return Err(Problem::new(Kind::Invalid, "expires_in: over at once"));
    }
    let period = TimeDelta::from_std(period.get()).ok();
    let end = period.and_then(|period| since.checked_add_signed(period));
    end.ok_or_else(|| Problem::new(Kind::Invalid, "expires_in: longer than the calendar goes"))
}

fn weight(wanted: &Wanted) -> Result<u32, Problem> {
    match (wanted.drain, wanted.weight) {
        (true, None) => Ok(0),
        (false, Some(weight)) if weight <= MOST_WEIGHT => Ok(weight),
        (false, Some(_)) => Err(Problem::new(Kind::Invalid, format!("weight: at most {MOST_WEIGHT}"))),
        (true, Some(_)) | (false, None) => {
            Err(Problem::new(Kind::Invalid, "say either \"drain\": true or a \"weight\""))
        }
    }
}

/// Takes an override back.
pub(super) async fn clear_endpoint(
    State(view): State<View>,
    Path((upstream, endpoint)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let address = parse(&endpoint)?;
    let entry = Entry::of("clear override", format!("{upstream}/{address}"), "");
    let cleared = match view.control.clear(upstream, address).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Problem::new(Kind::NotFound, "there is no override on that endpoint")),
        Err(error) => Err(error.into()),
    };
    entry.close(cleared)
}

fn parse(endpoint: &str) -> Result<Address, Problem> {
    endpoint.parse().map_err(|error| Problem::new(Kind::Invalid, format!("endpoint: {error}")))
}

fn endpoint_of(live: &Live, upstream: &str, endpoint: &str) -> Result<Address, Problem> {
    let address = parse(endpoint)?;
    let Some(pool) = live.pools.get(upstream) else {
        let known: Vec<_> = live.pools.keys().map(String::as_str).collect();
        let detail = format!("there is no upstream `{upstream}`; there are {}", known.join(", "));
        return Err(Problem::new(Kind::NotFound, detail));
    };
    if pool.endpoints().iter().any(|it| it.address == address) {
        return Ok(address);
    }
    let known: Vec<_> = pool.endpoints().iter().map(|it| &*it.name).collect();
    let detail = format!("`{upstream}` has no endpoint {address}; it has {}", known.join(", "));
    Err(Problem::new(Kind::NotFound, detail))
}

#[derive(Debug, Serialize)]
pub(super) struct OverrideView {
    upstream: String,
    endpoint: String,
    weight: u32,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    note: String,
}

pub(super) async fn overrides(State(view): State<View>) -> Json<Vec<OverrideView>> {
    Json(view.live.load().overrides.iter().map(override_view).collect())
}

fn override_view(it: &Override) -> OverrideView {
    OverrideView {
        upstream: it.upstream.clone(),
        endpoint: it.address.to_string(),
        weight: it.weight,
        since: text(it.since),
        until: it.until.map(text),
        note: it.note.clone(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelWanted {
    level: Level,
}

/// Writes messages of another severity, until the next change of `telemetry.level` or the end of the process.
pub(super) async fn set_log_level(
    State(view): State<View>,
    body: Result<Json<LevelWanted>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(wanted) = body.map_err(|rejection| Problem::new(Kind::Invalid, rejection.body_text()))?;
    // It cannot fail, and the line may be none of those that are written from then on.
    Entry::of(format!("set log level {:?}", wanted.level), String::new(), "").close(Ok(()))?;
    view.messages.set(wanted.level);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The audit line of a change. It is written at its end, also where whoever asked has left before the outcome was known.
/// The token says that it is an operator, not which one: hence the note.
#[derive(Debug)]
struct Entry<'n> {
    change: Cow<'static, str>,
    target: String,
    note: &'n str,
    outcome: &'static str,
    /// Why it was refused.
    reason: String,
}

impl<'n> Entry<'n> {
    fn of(change: impl Into<Cow<'static, str>>, target: String, note: &'n str) -> Self {
        Self { change: change.into(), target, note, outcome: "unknown", reason: String::new() }
    }

    /// Writes what came of it, and passes that on.
    fn close<T>(mut self, result: Result<T, Problem>) -> Result<T, Problem> {
        match &result {
            Ok(_) => self.outcome = "done",
            Err(problem) => {
                self.outcome = "refused";
                self.reason.clone_from(&problem.detail);
            }
        }
        result
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        tracing::info!(
            target: AUDIT,
            audit = true,
            change = &*self.change,
            target_endpoint = self.target,
            note = self.note,
            outcome = self.outcome,
            reason = self.reason,
            "an operator asked for a change of the gateway"
        );
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the audit line says came of a change.
    fn said(end: impl FnOnce(Entry<'static>)) -> [Value; 2] {
        let lines = Lines::default();
        let writer = lines.clone();
        let format = tracing_subscriber::fmt().json().flatten_event(true);
        let subscriber = format.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || end(Entry::of("reload", String::new(), "")));
        let mut line: Value = serde_json::from_slice(&lines.0.lock().unwrap()).expect("one line");
        ["outcome", "reason"].map(|name| line[name].take())
    }

    #[test]
    fn a_change_has_one_line_that_says_what_came_of_it() {
        let done = |entry: Entry<'_>| entry.close(Ok(())).unwrap();
        assert_eq!(said(done), [json!("done"), json!("")]);
        let refused = |entry: Entry<'_>| {
            entry.close::<()>(Err(Problem::new(Kind::Invalid, "no"))).unwrap_err();
        };
        assert_eq!(said(refused), [json!("refused"), json!("no")]);
    }

    #[test]
    fn an_end_that_no_calendar_has_is_refused() {
        let end = |period: &str| end(DateTime::UNIX_EPOCH, period.parse().unwrap());
        assert_eq!(end("1h").unwrap().timestamp(), 3600);
        assert!(end("3000000000h").is_err());
        assert!(end("0s").is_err());
    }

    #[test]
    fn who_leaves_before_a_change_is_over_leaves_its_line() {
        assert_eq!(said(drop), [json!("unknown"), json!("")]);
    }
}
