//! Signing in and out, and the two guards before every page.

use askama::Template;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use comity_rules::access::{Person, Right};
use comity_rules::release::Reader;
use serde::Deserialize;

use crate::App;
use crate::language::Language;
use crate::pages::{Frame, Posted, internal, render};

const COOKIE: &str = "comity";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    t: Language,
    party: String,
    wrong: bool,
    next: String,
    exercise: bool,
}

#[derive(Deserialize)]
pub(crate) struct Password {
    #[serde(default)]
    name: String,
    password: String,
    /// Where to go then.
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Onward {
    #[serde(default)]
    next: String,
}

/// A place of these pages, and nobody else's; the desk where it is none.
pub(crate) fn own_place(next: &str) -> &str {
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let own = next.starts_with('/') && !next.starts_with("//") && next.chars().all(plain);
    if own { next } else { "/" }
}

/// Who is signed in.
#[derive(Clone)]
pub(crate) struct Who(pub(crate) Person);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::FORBIDDEN)
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    Query(onward): Query<Onward>,
) -> Response {
    page(&app, t, false, &onward.next)
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    t: Language,
    Posted(form): Posted<Password>,
) -> Response {
    let _one_at_a_time = app.trying.lock().await;
    match app.node.sign_in(&form.name, &form.password).await {
        Ok(Some(token)) => {
            let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200");
            let next = Redirect::to(own_place(&form.next));
            ([(header::SET_COOKIE, cookie)], next).into_response()
        }
        Ok(None) => (StatusCode::FORBIDDEN, page(&app, t, true, &form.next)).into_response(),
        Err(error) => internal(t, &error),
    }
}

pub(crate) async fn sign_out(State(app): State<App>, t: Language, headers: HeaderMap) -> Response {
    if let Some(token) = cookie(&headers, COOKIE)
        && let Err(error) = app.node.sign_out(&token).await
    {
        return internal(t, &error);
    }
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    ([(header::SET_COOKIE, gone)], Redirect::to("/sign-in")).into_response()
}

/// Nothing answers without a session, and nobody sees what one's role may not: the gate is the node's.
pub(crate) async fn required(
    State(app): State<App>,
    t: Language,
    mut request: Request,
    next: Next,
) -> Response {
    let person = match cookie(request.headers(), COOKIE) {
        Some(token) => app.node.person(&token).await,
        None => Ok(None),
    };
    match person {
        Ok(Some(person)) => {
            request.extensions_mut().insert(Who(person));
            next.run(request).await
        }
        // A link in a mail leads there once one is in.
        Ok(None) => match request.uri().path_and_query() {
            Some(wanted) if request.method() == Method::GET && wanted.as_str() != "/" => {
                let Ok(next) = askama::filters::urlencode_strict(wanted.as_str());
                Redirect::to(&format!("/sign-in?next={next}"))
            }
            _ => Redirect::to("/sign-in"),
        }
        .into_response(),
        Err(error) => internal(t, &error),
    }
}

/// Who may see contents: a page that shows any is behind this.
pub(crate) async fn reads(
    State(app): State<App>,
    t: Language,
    Who(person): Who,
    request: Request,
    next: Next,
) -> Response {
    match person.may(Right::Read) {
        Ok(()) => next.run(request).await,
        Err(_) => denied(&app, t, &person),
    }
}

/// A page that says that one's role may not.
pub(crate) fn denied(app: &App, t: Language, person: &Person) -> Response {
    let page = Denied { frame: Frame::of(app, t, person, "", 0) };
    (StatusCode::FORBIDDEN, render(t, &page)).into_response()
}

#[derive(Template)]
#[template(path = "denied.html")]
struct Denied {
    frame: Frame,
}

/// Whoever is signed in reads this node's ledgers as that person.
pub(crate) async fn officer(
    State(app): State<App>,
    t: Language,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(token) = cookie(request.headers(), COOKIE) {
        match app.node.person(&token).await {
            Ok(Some(person)) => drop(request.extensions_mut().insert(Reader::Person(person))),
            Ok(None) => {}
            Err(error) => return internal(t, &error),
        }
    }
    next.run(request).await
}

/// What changes something comes from these pages and from nowhere else.
pub(crate) async fn same_origin(t: Language, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let headers = request.headers();
    let value = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().ok());
    let own = match value(header::ORIGIN) {
        // A browser sends one with every POST; what sends none is no browser, and has no cookie.
        None => true,
        // `null`, from a sandbox or a file, is nobody's.
        Some(origin) => origin
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, origin)| value(header::HOST) == Some(Some(origin))),
    };
    if own {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, t.text("other-site") + "\n").into_response()
    }
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn page(app: &App, t: Language, wrong: bool, next: &str) -> Response {
    let next = own_place(next).to_owned();
    let exercise = app.node.home().config().exercise;
    let page = SignIn { t, party: app.node.card().name.clone(), wrong, next, exercise };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => internal(t, &error),
    }
}
