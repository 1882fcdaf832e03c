//! TAXII 2.1 under `/taxii2/`: what tools read and add, through the same gate as everything that leaves.

pub mod client;
pub mod filter;
mod held;
mod reply;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use comity_ledger::Hash;
use comity_rules::release::Reader;
use comity_stix::marking::{Audience, Tlp};
use comity_store::intel::collection::{self, Collection};
use comity_store::intel::feed::{self, Head, Page, Versions};
use comity_store::intel::{Marked, intake::Intake, key};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::intel::{Grant, Import, Tool, stamp, uuid};
use crate::node::{Error, Node};
use crate::taxii::filter::{Asked, cursor};
use crate::taxii::held::{Ahead, Held, Sent, Wanted};
use crate::taxii::reply::{Ends, Problem, json_reply, micros_stamp, problem};

/// The one API root.
const ROOT: &str = "intelligence";

/// Bytes of an addition.
const MOST: usize = 10 * 1024 * 1024;

/// Additions that are held at once, how many of them of one key, and how long one waits for room.
const ADDITIONS: usize = 12;
const OF_ONE: usize = 3;
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of objects in one page: a reader's wish costs no more memory than this.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of an object from which on it is a long one.
const LONG: usize = 64 * 1024;

/// What the endpoints share.
struct Taxii {
    node: Arc<Node>,
    /// Tools by the hash of their key, and until when it is good.
    tools: Held<String, (Arc<Tool>, Timestamp)>,
    /// Collections by their UUID and their name, with the audiences of what is in them.
    collections: Held<String, Arc<Found>>,
    /// Pages that were made lately; of those that were asked for once only that they were.
    pages: Held<Wanted, Option<Sent>>,
    /// Stretches of lists of which pages were made lately.
    ahead: Held<Wanted, Arc<Ahead>>,
    /// Objects of which pages were made lately.
    objects: Held<u64, Arc<Marked>>,
    /// Additions that may be held at once.
    additions: Semaphore,
    /// Those of each key, by its hash: who sends slowly keeps nobody else out.
    of_keys: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// The hour in which a key was last noted to read a collection: the journal has each hour once.
    noted: Mutex<HashMap<(String, u64), i64>>,
}

/// A collection, and the audiences of what is in it.
struct Found {
    collection: Collection,
    audiences: Vec<Audience>,
}

impl std::ops::Deref for Found {
    type Target = Collection;

    fn deref(&self) -> &Collection {
        &self.collection
    }
}

/// Places of a list that are read together.
const AHEAD: u64 = 1_000;

/// What something that is held takes beside what it says.
const KEY: usize = 500;

/// Bytes of keys and of collections that are held, of pages, and of objects.
const HELD_FEW: usize = 1 << 20;
const HELD_PAGES: usize = 16 << 20;
const HELD_AHEAD: usize = 4 << 20;
const HELD_OBJECTS: usize = 32 << 20;

/// Routes everything under `/taxii2/`.
pub fn router(node: Arc<Node>) -> Router {
    let taxii = Arc::new(Taxii {
        node,
        tools: Held::new(HELD_FEW),
        collections: Held::new(HELD_FEW),
        pages: Held::new(HELD_PAGES),
        ahead: Held::new(HELD_AHEAD),
        objects: Held::new(HELD_OBJECTS),
        additions: Semaphore::new(ADDITIONS),
        of_keys: Mutex::default(),
        noted: Mutex::default(),
    });
    let mut router = Router::new();
    // With the slash is the standard; without it is what people type.
    for slash in ["/", ""] {
        let root_path = |path: &str| format!("/taxii2/{ROOT}{path}{slash}");
        let within = |path: &str| root_path(&format!("/collections/{{collection}}{path}"));
        router = router
            .route(&format!("/taxii2{slash}"), get(discovery))
            .route(&root_path(""), get(root))
            .route(&root_path("/status/{id}"), get(status))
            .route(&root_path("/collections"), get(collections))
            .route(&within(""), get(one_collection))
            .route(&within("/manifest"), get(manifest))
            .route(&within("/objects"), get(objects).post(add))
            .route(&within("/objects/{object}"), get(object).delete(delete))
            .route(&within("/objects/{object}/versions"), get(versions));
    }
    let not_found = || async { problem(StatusCode::NOT_FOUND, "there is nothing at this address") };
    let not_allowed = || async { problem(StatusCode::METHOD_NOT_ALLOWED, "not with this method") };
    router
        .route("/taxii2/{*rest}", axum::routing::any(not_found))
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn(negotiate))
        .with_state(taxii)
}

type Answer = Result<Response, Problem>;

/// Answers only in what the client takes.
async fn negotiate(request: Request, next: Next) -> Response {
    let accept = request.headers().get_all(header::ACCEPT).iter();
    let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
    // Who says nothing takes anything.
    if !accept.is_empty() && !filter::accepts(&accept.join(",")) {
        let wanted = "say Accept: application/taxii+json;version=2.1";
        return problem(StatusCode::NOT_ACCEPTABLE, wanted).into_response();
    }
    next.run(request).await
}

/// Which tool asks.
struct Key(Arc<Tool>);

impl FromRequestParts<Arc<Taxii>> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, taxii: &Arc<Taxii>) -> Result<Self, Problem> {
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = given.and_then(|given| {
            let (scheme, rest) = given.split_once(' ')?;
            match scheme.to_ascii_lowercase().as_str() {
                "bearer" => Some(rest.trim().to_owned()),
                // The key is the password; the name is whatever the tool wants to be called.
                "basic" => reply::password(rest.trim()),
                _ => None,
            }
        });
        let tool = match key {
            Some(key) => taxii.tool(&key).await.map_err(internal)?,
            None => None,
        };
        tool.map(Self).ok_or_else(|| {
            let why = "a key is needed, as Bearer or as the password of Basic; see `comity intel key add`";
            problem(StatusCode::UNAUTHORIZED, why)
        })
    }
}

async fn discovery(State(taxii): State<Arc<Taxii>>, Key(_): Key) -> Answer {
    let root = format!("/taxii2/{ROOT}/");
    let title = format!("{}: intelligence", taxii.node.card().name);
    Ok(json_reply(StatusCode::OK, &json!({ "title": title, "default": root, "api_roots": [root] })))
}

async fn root(State(taxii): State<Arc<Taxii>>, Key(_): Key) -> Answer {
    let value = json!({
        "title": format!("{}: intelligence", taxii.node.card().name),
        "versions": ["application/taxii+json;version=2.1"],
        "max_content_length": MOST,
    });
    Ok(json_reply(StatusCode::OK, &value))
}

async fn status(State(taxii): State<Arc<Taxii>>, Key(tool): Key, At(id): At<String>) -> Answer {
    let found = key::status(taxii.node.db(), &id, &tool.key).await.map_err(store)?;
    let found = found.ok_or_else(|| problem(StatusCode::NOT_FOUND, "there is no such status"))?;
    Ok(reply::taxii(StatusCode::OK, found))
}

async fn collections(State(taxii): State<Arc<Taxii>>, Key(tool): Key) -> Answer {
    let all = collection::list(taxii.node.db()).await.map_err(store)?;
    let seen = all.iter().filter_map(|one| Some(described(one, tool.grant(one)?)));
    let seen: Vec<Value> = seen.collect();
    let value = if seen.is_empty() { json!({}) } else { json!({ "collections": seen }) };
    Ok(json_reply(StatusCode::OK, &value))
}

async fn one_collection(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At(name): At<String>,
) -> Answer {
    let (found, grant) = taxii.collection(&tool, &name).await?;
    Ok(json_reply(StatusCode::OK, &described(&found, grant)))
}

async fn manifest(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At(name): At<String>,
    Query(query): Query,
) -> Answer {
    let collection = taxii.readable(&tool, &name).await?;
    let asked = filter::read(&query).map_err(bad)?;
    let page = taxii.heads(&tool, &collection, &asked).await?;
    let records: Vec<Value> = page
        .members
        .iter()
        .map(|(added, head)| {
            json!({
                "id": head.id,
                "date_added": micros_stamp(*added),
                "version": stamp(head.version),
                "media_type": format!("application/stix+json;version={}", head.spec),
            })
        })
        .collect();
    Ok(reply::listed("objects", records, &page))
}

async fn objects(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At(name): At<String>,
    Query(query): Query,
) -> Answer {
    let collection = taxii.readable(&tool, &name).await?;
    let asked = filter::read(&query).map_err(bad)?;
    taxii.envelope(&tool, &collection, asked).await
}

async fn object(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At((name, id)): At<(String, String)>,
    Query(query): Query,
) -> Answer {
    let collection = taxii.readable(&tool, &name).await?;
    let mut asked = filter::read(&query).map_err(bad)?;
    taxii.known_object(&tool, &collection, &id).await?;
    asked.filter.ids = vec![id];
    taxii.envelope(&tool, &collection, asked).await
}

async fn versions(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At((name, id)): At<(String, String)>,
    Query(query): Query,
) -> Answer {
    let collection = taxii.readable(&tool, &name).await?;
    let mut asked = filter::read(&query).map_err(bad)?;
    taxii.known_object(&tool, &collection, &id).await?;
    asked.filter.ids = vec![id];
    asked.filter.versions = Versions { all: true, ..Versions::default() };
    let page = taxii.heads(&tool, &collection, &asked).await?;
    let versions = page.members.iter().map(|(_, head)| stamp(head.version).into()).collect();
    Ok(reply::listed("versions", versions, &page))
}

async fn add(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At(name): At<String>,
    request: Request,
) -> Answer {
    let (collection, grant) = taxii.collection(&tool, &name).await?;
    let (parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if !text(header::CONTENT_TYPE).is_some_and(filter::reads) {
        let wanted = "say Content-Type: application/taxii+json;version=2.1";
        return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, wanted));
    }
    if text(header::CONTENT_ENCODING).is_some_and(|packed| packed != "identity") {
        return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send it unpacked"));
    }
    if !grant.write {
        return Err(problem(StatusCode::FORBIDDEN, "this key does not add to this collection"));
    }
    let large = || problem(StatusCode::PAYLOAD_TOO_LARGE, &format!("at most {MOST} bytes at once"));
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > MOST) {
        return Err(large());
    }
    // So many bodies are held at once, however slowly they come.
    let own = {
        let mut of_keys = taxii.of_keys.lock().unwrap_or_else(PoisonError::into_inner);
        let own = of_keys.entry(tool.key.clone());
        Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))))
    };
    let room = async { Some((own.acquire().await.ok()?, taxii.additions.acquire().await.ok()?)) };
    let Ok(Some(_room)) = tokio::time::timeout(PATIENCE, room).await else {
        let why = "too much is being added at once; try again";
        return Err(problem(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let body = read(body).await.map_err(|status| match status {
        StatusCode::PAYLOAD_TOO_LARGE => large(),
        StatusCode::REQUEST_TIMEOUT => problem(status, "it came too slowly"),
        _ => problem(status, "it broke off"),
    })?;
    reply::envelope(&body)?;
    let import = Import {
        bytes: body.into(),
        who: tool.name.clone(),
        key: tool.key.clone(),
        through: "taxii",
        source: collection.alias.clone(),
        remote: tool.remote.clone(),
        marking: Tlp::parse(&collection.marking).unwrap_or(Tlp::Red),
        collection: Some(collection.collection.clone()),
        returns: false,
        reader: Some(tool.clearance),
        reads: grant.read,
    };
    let imported = taxii.node.import(import, &|_, _| ()).await;
    let (report, taken) = imported.map_err(|error| match error {
        Error::Refused(why) => problem(StatusCode::BAD_REQUEST, &why),
        error => internal(error),
    })?;
    let id = uuid(comity_ledger::random().map_err(internal)?);
    let status = reply::told(tool.clearance, &id, &report, &taken).map_err(internal)?;
    let begun = Intake::begin(taxii.node.db(), taxii.node.microseconds()).await;
    let mut intake = begun.map_err(store)?;
    intake.status(&id, &tool.key, &status).await.map_err(store)?;
    intake.commit().await.map_err(store)?;
    Ok(reply::taxii(StatusCode::ACCEPTED, status))
}

async fn delete(
    State(taxii): State<Arc<Taxii>>,
    Key(tool): Key,
    At((name, id)): At<(String, String)>,
    Query(query): Query,
) -> Answer {
    let (collection, grant) = taxii.collection(&tool, &name).await?;
    if !(grant.read && grant.write) {
        let why = "to delete takes a key that reads and writes this collection";
        return Err(problem(StatusCode::FORBIDDEN, why));
    }
    let mut asked = filter::read(&query).map_err(bad)?;
    asked.filter.ids = vec![id.clone()];
    // Of the filters only those of versions are for deleting.
    (asked.limit, asked.filter.after, asked.filter.cursor) = (filter::PAGE, None, None);
    let mut nums: Vec<u64> = Vec::new();
    loop {
        let page = taxii.heads(&tool, &collection, &asked).await?;
        nums.extend(page.members.iter().map(|(_, head)| head.num));
        asked.filter.cursor = page.members.last().map(|last| last.0);
        if !page.more {
            break;
        }
    }
    if nums.is_empty() {
        return Err(no_object());
    }
    let taken = taxii.node.take_back(&tool, &collection, &id, &nums).await.map_err(internal)?;
    if !taken {
        let why = "something in this collection is marked with it: delete that first";
        return Err(problem(StatusCode::CONFLICT, why));
    }
    Ok(json_reply(StatusCode::OK, &json!({})))
}

impl Taxii {
    /// Which tool speaks with this key.
    async fn tool(&self, key: &str) -> Result<Option<Arc<Tool>>, Error> {
        let hash = Hash::of(key.as_bytes()).to_hex();
        let (changes, now) = (self.node.db().intel_changes(), self.node.now());
        if let Some((tool, expires)) = self.tools.get(changes, &hash) {
            return Ok(Some(tool).filter(|_| now < expires));
        }
        let Some((tool, expires)) = self.node.tool(&hash).await? else { return Ok(None) };
        let tool = Arc::new(tool);
        self.tools.put(changes, [(hash, (Arc::clone(&tool), expires), KEY)]);
        Ok(Some(tool))
    }

    /// The collection of this UUID or name, as far as the tool may anything with it.
    async fn collection<'t>(
        &self,
        tool: &'t Tool,
        name: &str,
    ) -> Result<(Arc<Found>, &'t Grant), Problem> {
        let db = self.node.db();
        let changes = db.intel_changes();
        let mut found = self.collections.get(changes, name);
        if found.is_none()
            && let Some(collection) = collection::find(db, name).await.map_err(store)?
        {
            let audiences = feed::audiences(db, collection.num).await.map_err(store)?;
            let read = Arc::new(Found { collection, audiences });
            self.collections.put(changes, [(name.to_owned(), Arc::clone(&read), KEY)]);
            found = Some(read);
        }
        let found = found.and_then(|found| {
            let grant = tool.grant(&found)?;
            Some((found, grant))
        });
        found.ok_or_else(|| problem(StatusCode::NOT_FOUND, "there is no such collection"))
    }

    async fn readable(&self, tool: &Tool, name: &str) -> Result<Arc<Found>, Problem> {
        let (collection, grant) = self.collection(tool, name).await?;
        if !grant.read {
            return Err(problem(StatusCode::FORBIDDEN, "this key does not read this collection"));
        }
        let hour = self.node.now().as_second() / 3600;
        let place = (tool.key.clone(), collection.num);
        let last = self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(place, hour);
        if last != Some(hour) {
            let alias = &collection.alias;
            self.node.journal_of(&tool.name, "taxii read", alias).await.map_err(internal)?;
        }
        Ok(collection)
    }

    /// Whether the tool sees some version of an object.
    async fn known_object(&self, tool: &Tool, collection: &Found, id: &str) -> Result<(), Problem> {
        let mut asked = filter::read("limit=1").map_err(bad)?;
        asked.filter.ids = vec![id.to_owned()];
        asked.filter.versions = Versions { all: true, ..Versions::default() };
        let page = self.heads(tool, collection, &asked).await?;
        if page.members.is_empty() { Err(no_object()) } else { Ok(()) }
    }

    async fn heads(
        &self,
        tool: &Tool,
        collection: &Found,
        asked: &Asked,
    ) -> Result<Page<Head>, Problem> {
        let of = (collection.num, &collection.audiences[..]);
        let (db, filter) = (self.node.db(), asked.filter.clone().as_rest(collection.late));
        let page = feed::heads(db, of, tool.clearance, &filter, asked.limit).await;
        page.map_err(store)
    }

    /// Where the objects of a page are. Of a list that somebody goes through more is read than was asked for, once.
    async fn places(
        &self,
        changes: u64,
        collection: &Found,
        wanted: &Wanted,
    ) -> Result<Page<u64>, comity_store::Error> {
        let (db, of) = (self.node.db(), (collection.num, &collection.audiences[..]));
        let Wanted { clearance, filter, limit, .. } = wanted;
        // Whoever comes from a page before goes through the list; others may want no more than this page.
        if filter.cursor.is_none() || !filter.ids.is_empty() || *limit > AHEAD / 2 {
            return feed::places(db, of, *clearance, filter, *limit).await;
        }
        let list = wanted.list();
        let after = filter.after.max(filter.cursor).unwrap_or(i64::MIN);
        if let Some(page) = self.ahead.get(changes, &list).and_then(|one| one.page(after, *limit)) {
            return Ok(page);
        }
        let Page { members, more } = feed::places(db, of, *clearance, filter, AHEAD).await?;
        let read = Ahead { from: after, places: members, more };
        let page = read.page(after, *limit);
        let size = KEY + read.places.len() * size_of::<(i64, u64)>();
        self.ahead.put(changes, [(list, Arc::new(read), size)]);
        Ok(page.unwrap_or(Page { members: Vec::new(), more: false }))
    }

    /// The objects at these places; none for what was deleted meanwhile.
    async fn bodies(
        &self,
        changes: u64,
        places: &[(i64, u64)],
    ) -> Result<Vec<Option<Arc<Marked>>>, comity_store::Error> {
        let mut held = self.objects.get_all(changes, places.iter().map(|place| place.1));
        let missing: Vec<u64> =
            places.iter().zip(&held).filter(|one| one.1.is_none()).map(|one| one.0.1).collect();
        if !missing.is_empty() {
            let read = feed::marked(self.node.db(), &missing).await?;
            let read: HashMap<u64, Arc<Marked>> =
                read.into_iter().map(|(num, object)| (num, Arc::new(object))).collect();
            for ((_, num), held) in places.iter().zip(&mut held).filter(|one| one.1.is_none()) {
                *held = read.get(num).cloned();
            }
            let kept = read.into_iter().map(|(num, object)| {
                let size = object.body.len() + KEY;
                (num, object, size)
            });
            self.objects.put(changes, kept);
        }
        Ok(held)
    }

    /// A page of objects, each as the tool may see it.
    async fn envelope(&self, tool: &Tool, collection: &Found, asked: Asked) -> Answer {
        let (db, clearance) = (self.node.db(), tool.clearance);
        let Asked { filter, limit, .. } = asked;
        let filter = filter.as_rest(collection.late);
        let wanted = Wanted { collection: collection.num, clearance, filter, limit };
        let changes = db.intel_changes();
        let before = self.pages.get(changes, &wanted);
        if let Some(Some(sent)) = before {
            return Ok(sent.ends.headed(reply::taxii(StatusCode::OK, sent.text)));
        }
        let places = self.places(changes, collection, &wanted).await.map_err(store)?;
        let mut page = Page { members: Vec::new(), more: places.more };
        let mut objects = Vec::new();
        let reader = Reader::Tool(clearance);
        'page: for places in places.members.chunks(feed::LOADED) {
            let found = self.bodies(changes, places).await.map_err(store)?;
            for ((added, _), object) in places.iter().zip(found) {
                let Some(object) = object else { continue };
                let released = self.node.let_out(&reader, &object).await.map_err(internal)?;
                let Some(released) = released else { continue };
                let released = released.into_inner();
                if object.body.len() > LONG {
                    // Others have their turn: what is cut out of long objects takes its time.
                    tokio::task::yield_now().await;
                }
                // By what leaves: what is cut out of it must not show in where the page ends.
                if objects.len() + released.len() > PAGE_BYTES && !page.members.is_empty() {
                    page.more = true;
                    break 'page;
                }
                if !page.members.is_empty() {
                    objects.push(b',');
                }
                objects.extend_from_slice(&released);
                page.members.push((*added, ()));
            }
        }
        if page.members.is_empty() {
            return Ok(json_reply(StatusCode::OK, &json!({})));
        }
        let ends = Ends::of(&page);
        let mut text = Vec::with_capacity(objects.len() + 100);
        text.push(b'{');
        if page.more {
            let next = cursor(ends.last);
            text.extend_from_slice(format!("\"more\":true,\"next\":\"{next}\",").as_bytes());
        }
        text.extend_from_slice(b"\"objects\":[");
        text.append(&mut objects);
        text.extend_from_slice(b"]}");
        let text = Bytes::from(text);
        let again = before.map(|_| Sent { text: text.clone(), ends });
        let size = KEY + again.as_ref().map_or(0, |sent| sent.text.len());
        self.pages.put(changes, [(wanted, again, size)]);
        Ok(ends.headed(reply::taxii(StatusCode::OK, text)))
    }
}

fn described(collection: &Collection, grant: &Grant) -> Value {
    let mut value = json!({
        "id": collection.id,
        "title": collection.title,
        "alias": collection.alias,
        "can_read": grant.read,
        "can_write": grant.write,
        "media_types": ["application/stix+json;version=2.1", "application/stix+json;version=2.0"],
    });
    if !collection.description.is_empty() {
        value["description"] = collection.description.as_str().into();
    }
    value
}

/// What an address names; one that names nothing there can be is not found.
struct At<T>(T);

impl<T: serde::de::DeserializeOwned + Send> FromRequestParts<Arc<Taxii>> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, taxii: &Arc<Taxii>) -> Result<Self, Problem> {
        let found = Path::from_request_parts(parts, taxii).await;
        let nothing = |_| problem(StatusCode::NOT_FOUND, "there is nothing at this address");
        found.map(|Path(found)| Self(found)).map_err(nothing)
    }
}

/// The query of a request, as it came.
struct Query(String);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

async fn read(body: Body) -> Result<Vec<u8>, StatusCode> {
    crate::http::body(body, MOST).await
}

fn no_object() -> Problem {
    problem(StatusCode::NOT_FOUND, "there is no such object in this collection")
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn bad(why: String) -> Problem {
    problem(StatusCode::BAD_REQUEST, &why)
}

fn store(error: comity_store::Error) -> Problem {
    internal(error)
}

/// Something that is not the tool's fault: in the log, not in the answer.
fn internal(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "TAXII");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "see the node's log")
}
