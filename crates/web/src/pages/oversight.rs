//! `/oversight`: the standing review of an agreement over a period.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use comity_node::Error;
use comity_node::node::Agreement;
use comity_node::review::Until;
use comity_rules::access::Right;
use comity_rules::review::Scope;
use jiff::civil::Date;
use serde::Deserialize;

use super::{Frame, Named, agreements, download, internal, not_found, render};
use crate::App;
use crate::language::Language;
use crate::review::files::Form;
use crate::review::{View, kept};
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
    /// Whether it, or a later one, is being made.
    making: bool,
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
        // Where none is named, one that goes on.
        let all = app.node.agreements().into_iter();
        let agreement = all.filter(is_named).min_by_key(|agreement| agreement.is_closed());
        let usual = kept::usual(app.node.now());
        let written = |text: Option<String>, otherwise: Date| {
            text.filter(|text| !text.is_empty()).unwrap_or_else(|| otherwise.to_string())
        };
        let written = (written(chosen.from, usual.from), written(chosen.to, usual.to));
        let day = |text: &str| {
            text.parse::<Date>().map_err(|_| t.with("review-no-day", [("text", text.to_owned())]))
        };
        let exercise = chosen.exercises.is_some() || app.node.home().config().exercise;
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
    let (mut problem, mut view, mut making) = (None, None, false);
    match (&wanted.agreement, wanted.scope) {
        (Some(agreement), Ok(days)) => {
            match app.reviews.view(&app.node, t, &who.0, agreement, days).await {
                Ok(review) => (view, making) = review,
                Err(Error::Refused(_)) => problem = Some(t.text("review-nothing-witnessed")),
                Err(Error::Denied(_)) => return denied(&app, t, &who.0),
                Err(error) => return internal(t, &error),
            }
        }
        (_, scope) => problem = scope.err(),
    }
    let mut frame = Frame::of(&app, t, &who.0, "oversight", 0);
    frame.exercise |= wanted.exercise;
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
        agreements: agreements::named(t, &app.node.agreements()),
        chosen,
        from,
        to,
        problem,
        making,
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
    let (review, proofs) =
        match app.node.review_pack(&who.0, &agreement, days, &Until::default(), proofs).await {
            Ok(pack) => pack.into_inner(),
            Err(Error::Denied(_)) => return denied(&app, t, &who.0),
            Err(Error::Refused(_)) => return not_found(State(app), t, who).await,
            Err(error) => return internal(t, &error),
        };
    let (id, from, to) = (&agreement.terms.id, days.from, days.to);
    let name = format!("review-{id}-{from}-{to}.{}", form.ending());
    // A year's takes seconds.
    let written = tokio::task::spawn_blocking(move || {
        form.write(&review, &agreement.terms, &proofs, (t.code(), None))
    })
    .await;
    match written {
        Ok(Ok(bytes)) => download(&name, bytes),
        Ok(Err(error)) => {
            let text = format!("{}: {error}\n", t.text("review-not-written"));
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        Err(error) => internal(t, &error),
    }
}
