//! Pages: server-rendered, working without JavaScript.
//!
//! Everything but the ledgers that the terms open to all waits behind a password.
//! Every visible string comes from a Fluent catalogue; every time is a sentence with an hour and a
//! zone on either side.
#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use comity_node::Node;
use jiff::tz::TimeZone;

mod language;
mod pages;
mod pdf;
mod problem;
mod review;
mod said;
mod session;
mod timeline;
mod when;

pub use pdf::Problem as PdfProblem;
pub use review::files::Form as ReviewForm;
pub use review::{Said, Step, Story, exercise_report};

/// What every page needs.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) node: Arc<Node>,
    /// One password is tried at a time: trying is slow on purpose, and must not stop the node.
    pub(crate) trying: Arc<tokio::sync::Mutex<()>>,
    /// Imports that go on, or ended lately.
    pub(crate) imports: Arc<pages::intelligence::Imports>,
    /// Reviews that were made.
    pub(crate) reviews: Arc<review::kept::Reviews>,
    /// Files that wait for what they go with.
    pub(crate) uploads: Arc<pages::upload::Uploads>,
    /// The node's configuration as pages see it: links lead to these pages themselves.
    pub(crate) config: Arc<comity_node::Config>,
}

impl App {
    /// The zone of this party's own clock.
    pub(crate) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.node.card().zone).unwrap_or(TimeZone::UTC)
    }
}

/// Everything that the web listener serves. Within a runtime: what pages show is made ahead there.
pub fn router(node: &Arc<Node>) -> Router {
    let config = comity_node::Config { pages: Some(String::new()), ..node.home().config().clone() };
    let app = App {
        node: Arc::clone(node),
        trying: Arc::default(),
        imports: Arc::default(),
        reviews: Arc::default(),
        uploads: Arc::default(),
        config: Arc::new(config),
    };
    tokio::spawn(Arc::clone(&app.reviews).ahead(Arc::downgrade(node)));
    let behind_password = Router::new()
        .route("/", get(pages::desk::show).post(pages::desk::act))
        .route("/requests", get(pages::requests::show).post(pages::bulk::act))
        .route(
            "/requests/new",
            get(pages::compose::show)
                .post(pages::compose::act)
                .layer(DefaultBodyLimit::max(pages::upload::MOST)),
        )
        .route("/matters/{id}", get(pages::matter::show).post(pages::matter::act))
        .route("/hotline", get(pages::hotline::show).post(pages::hotline::act))
        .route("/dialogue", get(pages::dialogue::show).post(pages::dialogue::act))
        .route("/exercises", get(pages::exercises::show))
        .route("/live", get(pages::live::changes))
        .route("/requests/{id}", get(pages::request::show).post(pages::request::act))
        .route(
            "/requests/{id}/answer",
            get(pages::request::back)
                .post(pages::request::answer)
                .layer(DefaultBodyLimit::max(pages::upload::MOST)),
        )
        .route("/requests/{id}/verify", get(pages::request::back).post(pages::request::verify))
        .route("/requests/{id}/files/{ledger}/{index}/{number}", get(pages::request::file))
        .route("/drafts/{id}/files/{number}", get(pages::drafts::file))
        .route("/drafts/{id}", get(pages::drafts::show).post(pages::drafts::act))
        .route("/intelligence", get(pages::intelligence::list))
        .route(
            "/intelligence/import",
            get(pages::intelligence::back)
                .post(pages::intelligence::import)
                .layer(DefaultBodyLimit::max(pages::intelligence::MOST)),
        )
        .route("/intelligence/import/{id}", get(pages::intelligence::importing))
        .route("/intelligence/batches/{num}", get(pages::intelligence::batch))
        .route("/intelligence/objects/{id}", get(pages::object::show).post(pages::object::act))
        .route("/agreements", get(pages::agreements::show))
        .route("/oversight", get(pages::oversight::show))
        .route("/oversight/{file}", get(pages::oversight::file))
        .route("/ledger", get(pages::ledger::show))
        .layer(middleware::from_fn_with_state(app.clone(), session::reads))
        .route("/sign-out", post(session::sign_out))
        .fallback(pages::not_found)
        // `layer`, not `route_layer`: what is not found is nobody's business either.
        .layer(middleware::from_fn_with_state(app.clone(), session::required))
        .layer(middleware::from_fn(session::same_origin));
    let open = Router::new()
        .route("/sign-in", get(session::show).post(session::sign_in))
        .route("/language", get(language::choose))
        .route("/static/{file}", get(pages::assets))
        // Browsers ask for it whatever a page says.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .layer(middleware::from_fn(session::same_origin));
    let officers = middleware::from_fn_with_state(app.clone(), session::officer);
    behind_password
        .merge(open)
        .with_state(app)
        .merge(comity_node::public::router(Arc::clone(node)).layer(officers))
        .merge(comity_node::taxii::router(Arc::clone(node)))
        .layer(middleware::map_response(guard))
}

/// Nothing on these pages comes from anywhere else, runs a script of anybody else's, or is framed.
async fn guard(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                          connect-src 'self'; form-action 'self'; base-uri 'none'; \
                          frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
