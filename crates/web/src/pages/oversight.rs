//! `/oversight`: the standing review of an agreement over a period.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use comity_node::Error;
use comity_node::node::Agreement;
use comity_rules::access::{Person, Right};
use comity_rules::review::Scope;
use jiff::civil::Date;
use jiff::{ToSpan as _, tz::TimeZone};
use serde::Deserialize;

use super::{Frame, Named, download, internal, not_found, render};
use crate::App;
use crate::language::Language;
use crate::review::View;
use crate::review::files::Form;
use crate::session::{Who, denied};

#[derive(Template)]
#[template(path = "oversight.html")]
struct Page {
    frame: Frame,
    t: Language,
    /// Where each file of the review is, and what it is; none for who may not take them out.
    files: Vec<(String, String)>,
    agreements: Vec<(String, String)>,
    chosen: String,
    from: String,
    to: String,
    problem: Option<String>,
    view: Option<Arc<View>>,
}

#[derive(Deserialize)]
pub(crate) struct Chosen {
    agreement: Option<String>,
    from: Option<String>,
    to: Option<String>,
    exercises: Option<String>,
}

/// What was chosen.
struct Wanted {
    agreement: Option<Arc<Agreement>>,
    /// The days as they were written, or as they are without.
    written: (String, String),
    exercise: bool,
    /// What can be reviewed, or why nothing can.
    scope: Result<Scope, String>,
}

impl Wanted {
    fn of(app: &App, t: Language, chosen: Chosen) -> Self {
        let named = chosen.agreement.as_ref();
        let is_named =
            |a: &Arc<Agreement>| named.is_none_or(|name| a.terms.hash().to_hex() == *name);
        let agreement = app.node.agreements().into_iter().find(is_named);
        // Half a year back, to the end of today.
        let today = app.node.now().to_zoned(TimeZone::UTC).date();
        let tomorrow = today.tomorrow().unwrap_or(today);
        let back = today.checked_sub(6.months()).unwrap_or(today);
        let written = |text: Option<String>, otherwise: Date| {
            text.filter(|text| !text.is_empty()).unwrap_or_else(|| otherwise.to_string())
        };
        let written = (written(chosen.from, back), written(chosen.to, tomorrow));
        let day = |text: &str| {
            text.parse::<Date>().map_err(|_| t.with("review-no-day", [("text", text.to_owned())]))
        };
        let exercise = chosen.exercises.is_some();
        let scope = match (&agreement, day(&written.0), day(&written.1)) {
            (None, ..) => Err(t.text("review-no-agreement")),
            (_, Err(problem), _) | (_, _, Err(problem)) => Err(problem),
            (_, Ok(from), Ok(to)) if to <= from => Err(t.text("review-no-days")),
            (_, Ok(from), Ok(to)) => Ok(Scope { from, to, exercise }),
        };
        Self { agreement, written, exercise, scope }
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(chosen): Query<Chosen>,
) -> Response {
    let wanted = Wanted::of(&app, t, chosen);
    let (mut problem, mut view) = (None, None);
    match (&wanted.agreement, wanted.scope) {
        (Some(agreement), Ok(days)) => match reviewed(&app, t, &who.0, agreement, days).await {
            Ok(review) => view = Some(review),
            Err(Error::Refused(_)) => problem = Some(t.text("review-nothing-witnessed")),
            Err(Error::Denied(_)) => return denied(&app, t, &who.0),
            Err(error) => return internal(t, &error),
        },
        (_, scope) => problem = scope.err(),
    }
    let mut frame = Frame::of(&app, t, &who.0, "oversight", 0);
    frame.exercise = wanted.exercise;
    let (from, to) = wanted.written;
    let chosen = wanted.agreement.map(|a| a.terms.hash().to_hex()).unwrap_or_default();
    let exercises = if wanted.exercise { "&exercises=on" } else { "" };
    let files = |form: Form| {
        let (ending, key) = (form.ending(), format!("review-file-{}", form.ending()));
        let query = format!("agreement={chosen}&from={from}&to={to}{exercises}");
        (format!("/oversight/review.{ending}?{query}"), t.text(&key))
    };
    let may = view.is_some() && who.0.may(Right::Export).is_ok();
    let page = Page {
        frame,
        t,
        files: if may { Form::ALL.map(files).into() } else { Vec::new() },
        agreements: app
            .node
            .agreements()
            .iter()
            .map(|a| (a.terms.hash().to_hex(), a.terms.title(t.code()).to_owned()))
            .collect(),
        chosen,
        from,
        to,
        problem,
        view,
    };
    render(t, &page)
}

/// The review in a file.
pub(crate) async fn file(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(name): Named<String>,
    Query(chosen): Query<Chosen>,
) -> Response {
    let form = name.strip_prefix("review.").and_then(Form::of);
    let wanted = Wanted::of(&app, t, chosen);
    let (Some(form), Some(agreement), Ok(days)) = (form, wanted.agreement, wanted.scope) else {
        return not_found(State(app), t, who).await;
    };
    let proofs = form == Form::Proofs;
    let (review, proofs) = match app.node.review_pack(&who.0, &agreement, days, &[], proofs).await {
        Ok(pack) => pack.into_inner(),
        Err(Error::Denied(_)) => return denied(&app, t, &who.0),
        Err(Error::Refused(_)) => return not_found(State(app), t, who).await,
        Err(error) => return internal(t, &error),
    };
    let (id, from, to) = (&agreement.terms.id, days.from, days.to);
    let name = format!("review-{id}-{from}-{to}.{}", form.ending());
    // A year's takes seconds.
    let written =
        tokio::task::spawn_blocking(move || form.write(&review, &proofs, t.code(), None)).await;
    match written {
        Ok(Ok(bytes)) => download(&name, bytes),
        Ok(Err(error)) => {
            let text = format!("{}: {error}\n", t.text("review-not-written"));
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        Err(error) => internal(t, &error),
    }
}

/// Reviews that are remembered.
const REMEMBERED: usize = 16;

/// Reviewing takes at most this part of the time: one that took long stands as long as it took times this. The
/// page says up to which heads it is.
const SHARE: u32 = 20;

/// Reviews as they were shown last, the latest at the end.
#[derive(Default)]
pub(crate) struct Reviews(Mutex<Vec<(Key, Reviewed)>>);

#[derive(PartialEq)]
struct Key {
    terms: String,
    days: Scope,
    language: &'static str,
}

struct Reviewed {
    at: Instant,
    took: Duration,
    view: Arc<View>,
}

/// The review of these days, as it stands or as it lately stood.
async fn reviewed(
    app: &App,
    t: Language,
    by: &Person,
    agreement: &Agreement,
    days: Scope,
) -> Result<Arc<View>, Error> {
    by.may(Right::Review)?;
    let terms = &agreement.terms;
    let key = Key { terms: terms.hash().to_hex(), days, language: t.code() };
    let shelf = || app.reviews.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = shelf().iter().find(|(known, _)| *known == key)
        && known.at.elapsed() < known.took * SHARE
    {
        return Ok(Arc::clone(&known.view));
    }
    let begin = Instant::now();
    let review = app.node.review(by, agreement, days, &[]).await?.into_inner();
    let name = |id: &comity_rules::PartyId| terms.name_of(id);
    let view = Arc::new(View::of(t, &review, terms.title(t.code()), true, name));
    let mut all = shelf();
    all.retain(|(known, _)| *known != key);
    if all.len() == REMEMBERED {
        all.remove(0);
    }
    let at = Instant::now();
    all.push((key, Reviewed { at, took: at - begin, view: Arc::clone(&view) }));
    Ok(view)
}
