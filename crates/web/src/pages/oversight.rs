//! `/oversight`: the standing review of an agreement over a period.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use comity_node::Error;
use comity_node::node::Agreement;
use comity_rules::release::Reader;
use comity_rules::review::Scope;
use jiff::civil::Date;
use jiff::{ToSpan as _, tz::TimeZone};
use serde::Deserialize;

use super::{Frame, internal, render};
use crate::App;
use crate::language::Language;
use crate::review::View;
use crate::session::Who;

#[derive(Template)]
#[template(path = "oversight.html")]
struct Page {
    frame: Frame,
    t: Language,
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

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(chosen): Query<Chosen>,
) -> Response {
    let all = app.node.agreements();
    let named = chosen.agreement.as_ref();
    let agreement = all.iter().find(|a| named.is_none_or(|name| a.terms.hash().to_hex() == *name));
    // Half a year back, to the end of today.
    let today = app.node.now().to_zoned(TimeZone::UTC).date();
    let tomorrow = today.tomorrow().unwrap_or(today);
    let back = today.checked_sub(6.months()).unwrap_or(today);
    let day = |text: Option<String>, otherwise: Date| match text.filter(|text| !text.is_empty()) {
        Some(text) => text.parse::<Date>().map_err(|_| text),
        None => Ok(otherwise),
    };
    let exercise = chosen.exercises.is_some();
    let (mut problem, mut view) = (None, None);
    let (from, to) = (day(chosen.from, back), day(chosen.to, tomorrow));
    match (agreement, &from, &to) {
        (None, ..) => problem = Some(t.text("review-no-agreement")),
        (_, Err(text), _) | (_, _, Err(text)) => {
            problem = Some(t.with("review-no-day", [("text", text.clone())]));
        }
        (_, Ok(from), Ok(to)) if to <= from => problem = Some(t.text("review-no-days")),
        (Some(agreement), Ok(from), Ok(to)) => {
            let days = Scope { from: *from, to: *to, exercise };
            match reviewed(&app, t, agreement, days).await {
                Ok(review) => view = Some(review),
                Err(Error::Refused(_)) => problem = Some(t.text("review-nothing-witnessed")),
                Err(error) => return internal(t, &error),
            }
        }
    }
    let text = |day: Result<Date, String>| day.map_or_else(|text| text, |day| day.to_string());
    let mut frame = Frame::of(&app, t, &who.0, "oversight", 0);
    frame.exercise = exercise;
    let page = Page {
        frame,
        t,
        chosen: agreement.map(|a| a.terms.hash().to_hex()).unwrap_or_default(),
        agreements: all
            .iter()
            .map(|a| (a.terms.hash().to_hex(), a.terms.title(t.code()).to_owned()))
            .collect(),
        from: text(from),
        to: text(to),
        problem,
        view,
    };
    render(t, &page)
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
    agreement: &Agreement,
    days: Scope,
) -> Result<Arc<View>, Error> {
    let terms = &agreement.terms;
    let key = Key { terms: terms.hash().to_hex(), days, language: t.code() };
    let shelf = || app.reviews.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = shelf().iter().find(|(known, _)| *known == key)
        && known.at.elapsed() < known.took * SHARE
    {
        return Ok(Arc::clone(&known.view));
    }
    let begin = Instant::now();
    let review = app.node.review(agreement, days, &[], &Reader::Officer).await?.into_inner();
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
