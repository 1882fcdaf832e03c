//! `POST /requests`: one move on several requests at once. Each stands in the ledger for itself, and what cannot be
//! done with one does not hold up the others.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::people::Stated;
use comity_rules::ThreadId;
use comity_rules::access::Right;
use comity_rules::command::Command;
use comity_rules::content::Remark;

use super::fields::Fields;
use super::{Frame, Posted, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::session::{Who, denied};

/// Requests that one form moves; a page shows fewer.
const MOST: usize = 200;

/// The moves that are the same for several.
pub(crate) const MOVES: [&str; 4] = ["acknowledge", "escalate", "close", "withdraw"];

#[derive(Template)]
#[template(path = "bulk.html")]
struct Page {
    frame: Frame,
    lead: String,
    /// What could not be done: where, its title, and why.
    failed: Vec<[String; 3]>,
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Posted(form): Posted<Fields>,
) -> Response {
    if who.0.may(Right::State).is_err() {
        return denied(&app, t, &who.0);
    }
    let command: fn(Remark) -> Command = match form.text("act") {
        "acknowledge" => Command::Acknowledge,
        "escalate" => Command::Escalate,
        "close" => Command::Close,
        "withdraw" => Command::Withdraw,
        _ => return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response(),
    };
    let picked: Result<Vec<ThreadId>, _> = form.all("pick").map(str::parse).collect();
    let picked = picked.ok().filter(|picked| picked.len() <= MOST);
    let Some(picked) = picked else {
        return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response();
    };
    let (count, mut failed, mut drafted) = (picked.len(), Vec::new(), 0_usize);
    for thread in picked {
        let remark = Remark { text: form.text("text").to_owned() };
        match app.node.state(&who.0, None, Some(thread), command(remark)).await {
            Ok(Stated::Now(_)) => {}
            Ok(Stated::Waits(_)) => drafted += 1,
            // The others are stated or not, whatever became of this one: the page says which.
            Err(Error::Store(error)) => {
                tracing::error!(%error, "one of several requests");
                failed.push([thread.to_string(), thread.to_string(), t.text("internal")]);
            }
            Err(error) => {
                let title = match app.node.dossier(&who.0, thread).await {
                    Ok(dossier) => dossier.into_inner().line.summary.title,
                    Err(_) => thread.to_string(),
                };
                failed.push([thread.to_string(), title, problem::text(t, &error)]);
            }
        }
    }
    if count > 0 && failed.is_empty() && drafted == 0 {
        if form.text("from") == "desk" {
            return Redirect::to("/").into_response();
        }
        let Ok(query) = askama::filters::urlencode_strict(form.text("q"));
        return Redirect::to(&format!("/requests?q={query}&done={count}")).into_response();
    }
    let lead = if count == 0 {
        t.text("bulk-none")
    } else {
        t.with("bulk-done", [("done", count - failed.len() - drafted), ("count", count)])
    };
    let waits = (drafted > 0).then(|| t.with("bulk-drafted", [("count", drafted)]));
    let lead = [Some(lead), waits].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let page = Page { frame: Frame::of(&app, t, &who.0, "requests", 0), lead, failed };
    (StatusCode::UNPROCESSABLE_ENTITY, render(t, &page)).into_response()
}
