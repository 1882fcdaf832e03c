//! `/drafts/<id>`: what a person wrote and a second one releases or returns.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_ledger::Hash;
use comity_node::Error;
use comity_node::people::Draft;
use comity_rules::PartyId;
use comity_rules::access::Right;
use comity_rules::command::Command;

use super::{Frame, Move, Named, Posted, download, internal, not_found, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::said;
use crate::session::Who;

#[derive(Template)]
#[template(path = "draft.html")]
struct Page {
    frame: Frame,
    id: String,
    headline: String,
    request: Option<String>,
    readers: String,
    said: Vec<(String, String)>,
    definitions: Vec<[String; 3]>,
    /// Files: their numbers, names, bytes and digests.
    files: Vec<(usize, String, usize, String)>,
    decided: Option<String>,
    releases: bool,
    returns: bool,
    problem: Option<String>,
    written: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
) -> Response {
    page(app, t, who, &id, None, String::new()).await
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
    Posted(form): Posted<Move>,
) -> Response {
    let result = match form.act.as_str() {
        "release" => {
            app.node.release(&who.0, &id).await.map(|done| format!("/requests/{}", done.thread))
        }
        "return" if form.text.trim().is_empty() => {
            let problem = Some(t.text("draft-why"));
            let page = page(app, t, who, &id, problem, form.text).await;
            return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
        }
        "return" => {
            app.node.return_draft(&who.0, &id, &form.text).await.map(|()| format!("/drafts/{id}"))
        }
        _ => return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response(),
    };
    match result {
        Ok(place) => Redirect::to(&place).into_response(),
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let page = page(app, t, who, &id, problem, form.text).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

/// A file that goes with it: whoever releases it sees what leaves.
pub(crate) async fn file(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named((id, number)): Named<(String, usize)>,
) -> Response {
    match app.node.draft(&who.0, &id).await {
        Ok(draft) => match draft.command.letter().attachments().get(number) {
            Some(file) if draft.decided.is_none() => download(&file.name, file.bytes.clone()),
            _ => not_found(State(app), t, who).await,
        },
        Err(Error::Store(comity_node::node::StoreError::Missing { .. })) => {
            not_found(State(app), t, who).await
        }
        Err(error) => internal(t, &error),
    }
}

async fn page(
    app: App,
    t: Language,
    who: Who,
    id: &str,
    problem: Option<String>,
    written: String,
) -> Response {
    let draft = match app.node.draft(&who.0, id).await {
        Ok(draft) => draft,
        Err(Error::Store(comity_node::node::StoreError::Missing { .. })) => {
            return not_found(State(app), t, who).await;
        }
        Err(error) => return internal(t, &error),
    };
    let Ok(agreement) = app.node.agreement(&draft.terms) else {
        return not_found(State(app), t, who).await;
    };
    let terms = &agreement.terms;
    let name = |id: &PartyId| terms.name_of(id);
    let letter = draft.command.letter();
    let content = serde_json::to_value(&letter).unwrap_or_default();
    let fields = content.as_object().and_then(|letter| letter.values().next());
    let said = fields.map(|fields| said::spell(t, fields)).unwrap_or_default();
    let class = match &draft.command {
        Command::Send { class, .. } => class.as_deref(),
        _ => None,
    };
    let words = said.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
    let definitions = super::agreements::defined(t, terms, class, &words);
    let own = draft.author == who.0.name;
    let may = who.0.may(Right::Release).is_ok();
    let waits = draft.decided.is_none();
    let mut frame = Frame::of(&app, t, &who.0, "desk", 0);
    frame.exercise |= match &draft.command {
        Command::Send { exercise, .. } => *exercise,
        _ => match draft.request {
            Some(thread) => app.node.is_exercise(thread).await.unwrap_or(false),
            None => false,
        },
    };
    let page = Page {
        frame,
        id: draft.id.clone(),
        headline: headline(t, &draft),
        request: draft.request.map(|thread| thread.to_string()),
        readers: t.with(
            "readers-text",
            [("us", name(app.node.party())), ("them", name(&agreement.peer))],
        ),
        said,
        definitions,
        // Decided, they are in the statement or nowhere.
        files: letter
            .attachments()
            .iter()
            .filter(|_| waits)
            .enumerate()
            .map(|(n, file)| {
                (n, file.name.clone(), file.bytes.len(), Hash::of(&file.bytes).to_hex())
            })
            .collect(),
        decided: draft.decided.as_ref().map(|(what, by, why)| {
            let key = if what == "released" { "draft-released" } else { "draft-returned" };
            t.with(key, [("by", by.clone()), ("why", why.clone())])
        }),
        releases: waits && may && !own,
        returns: waits && (may || own),
        problem,
        written,
    };
    render(t, &page)
}

/// Who wants to state what.
pub(crate) fn headline(t: Language, draft: &Draft) -> String {
    let what = match &draft.command {
        Command::Send { ask, .. } => ask.title.clone(),
        other => t.text(&crate::timeline::kind_key(other.kind(false, None))),
    };
    t.with("draft-headline", [("author", draft.author.clone()), ("what", what)])
}
