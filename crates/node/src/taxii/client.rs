//! TAXII 2.1 from the other side: pulling a collection and pushing to one.
//!
//! A server says where else it is, and where a page goes on. Neither is believed further than it can do harm: what leads
//! to another host is not followed, with or without a redirect, for the key would go along; and a server whose pages do
//! not end is left.

use std::collections::HashSet;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use comity_ledger::Hash;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::http::{self, Reply};
use crate::network::Network;

const MEDIA: &str = "application/taxii+json;version=2.1";

/// Bytes of an answer.
const MOST: usize = 64 << 20;

/// Pages in a row that may have nothing.
const EMPTY: usize = 10;

/// Redirects that are followed, within the host.
const REDIRECTS: usize = 4;

/// How often a server may say that it is busy, and for how long it is waited for then.
const BUSY: usize = 5;
const WAIT: Duration = Duration::from_secs(60);

/// How often it is asked whether an addition is done, a second apart.
const ASKED: usize = 120;

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The address is none.
    #[error(
        "{0:?} is no address of TAXII: want https://HOST/..., and of a collection .../collections/ID/"
    )]
    Address(String),
    /// It cannot be reached.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// It leads to another host.
    #[error(
        "{from} leads to {to}, which is another host: say that address itself, if you trust it"
    )]
    Elsewhere {
        /// What was asked.
        from: String,
        /// Where it leads.
        to: String,
    },
    /// It answers something else than TAXII.
    #[error("{url} answers {what}")]
    Answer {
        /// What was asked.
        url: String,
        /// What came.
        what: String,
    },
    /// Its pages do not end.
    #[error("{url}: its pages do not go on as they should ({why}); what came until then is kept")]
    Paging {
        /// The collection.
        url: String,
        /// What is wrong with them.
        why: &'static str,
    },
}

/// How one says who one is.
#[derive(Clone)]
pub enum Credentials {
    /// Not at all.
    None,
    /// A key.
    Bearer(String),
    /// A name and a password.
    Basic(String, String),
}

/// A collection of another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Whether we may read it.
    pub can_read: bool,
    /// Whether we may add to it.
    pub can_write: bool,
}

/// A page that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// It, as it came.
    pub bytes: Vec<u8>,
    /// How many objects.
    pub count: usize,
}

/// What became of an addition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Added {
    /// Objects that were taken.
    pub taken: u64,
    /// Objects that were not: which, and why.
    pub refused: Vec<(String, String)>,
    /// How many that were.
    pub refused_count: u64,
}

/// A server, spoken to with one's credentials.
pub struct Client<'n> {
    network: &'n dyn Network,
    credentials: Credentials,
    /// Scheme and host of what was asked first: the only one that gets the credentials.
    origin: String,
}

/// Where a pull goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Place {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which version of which object this is, as far as it says so: in eight bytes, for there may be millions.
fn version_of(object: &str) -> u64 {
    #[derive(Deserialize, Hash)]
    struct Head {
        #[serde(default)]
        id: Option<String>,
        #[serde(default)]
        modified: Option<String>,
        #[serde(default)]
        created: Option<String>,
    }
    let mut hasher = std::hash::DefaultHasher::new();
    match serde_json::from_str::<Head>(object) {
        Ok(head) if head.id.is_some() => head.hash(&mut hasher),
        _ => object.hash(&mut hasher),
    }
    hasher.finish()
}

/// A collection being pulled, page after page.
pub struct Pull {
    url: String,
    place: Place,
    /// The time of the latest object that came.
    newest: Option<String>,
    /// Whether `next` is of another time, and may be forgotten there.
    resumed: bool,
    ended: bool,
    /// Why it cannot go on, though there is more.
    broken: Option<&'static str>,
    seen: HashSet<Hash>,
    /// Versions of objects that came.
    versions: HashSet<u64>,
    /// Pages in a row that had nothing.
    empty: usize,
}

impl<'n> Client<'n> {
    /// A client of the server at an address.
    ///
    /// # Errors
    /// [`Problem::Address`].
    pub fn new(
        network: &'n dyn Network,
        url: &str,
        credentials: Credentials,
    ) -> Result<Self, Problem> {
        let origin = origin(url).ok_or_else(|| Problem::Address(url.to_owned()))?.to_owned();
        Ok(Self { network, credentials, origin })
    }

    /// The collections at an address: of discovery, or of an API root; and why API roots were passed over.
    ///
    /// # Errors
    /// [`Problem`], where nothing was found.
    pub async fn collections(&self, url: &str) -> Result<(Vec<Remote>, Vec<Problem>), Problem> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(default)]
            api_roots: Vec<String>,
            #[serde(default)]
            versions: Vec<String>,
        }
        let url = slashed(url);
        let found: Found = read(&url, &self.ask(Method::GET, &url, Vec::new()).await?)?;
        let roots = match (found.api_roots.is_empty(), found.versions.is_empty()) {
            (false, _) => found.api_roots,
            (true, false) => vec![url.clone()],
            (true, true) => {
                let what = "neither API roots nor versions: this is no discovery and no API root";
                return Err(Problem::Answer { url, what: what.to_owned() });
            }
        };
        let (mut all, mut problems) = (Vec::new(), Vec::new());
        for root in roots {
            match self.collections_of(&url, &root).await {
                Ok(found) => all.extend(found),
                Err(problem) => problems.push(problem),
            }
        }
        // One root that is elsewhere, or silent, hides no other.
        match problems.pop() {
            Some(problem) if all.is_empty() => Err(problem),
            last => Ok((all, problems.into_iter().chain(last).collect())),
        }
    }

    async fn collections_of(&self, url: &str, root: &str) -> Result<Vec<Remote>, Problem> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(default)]
            collections: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            id: String,
            #[serde(default)]
            title: String,
            #[serde(default)]
            can_read: bool,
            #[serde(default)]
            can_write: bool,
        }
        let root = slashed(&self.within(url, root)?);
        let url = format!("{root}collections/");
        let listed: Listed = read(&url, &self.ask(Method::GET, &url, Vec::new()).await?)?;
        let remote = |one: One| Remote {
            url: format!("{url}{}/", one.id),
            title: one.title,
            can_read: one.can_read,
            can_write: one.can_write,
        };
        Ok(listed.collections.into_iter().map(remote).collect())
    }

    /// Begins to pull a collection, or goes on where an earlier pull was: see [`Pull::place`].
    ///
    /// # Errors
    /// [`Problem::Address`].
    pub fn pull(&self, url: &str, place: Option<&str>) -> Result<Pull, Problem> {
        let url = collection(url)?;
        let place: Place =
            place.and_then(|place| serde_json::from_str(place).ok()).unwrap_or_default();
        let (resumed, seen) = (place.next.is_some(), HashSet::new());
        let (newest, ended, broken) = (None, false, None);
        let versions = HashSet::new();
        Ok(Pull { url, place, newest, resumed, ended, broken, seen, versions, empty: 0 })
    }

    /// The next page; none at the end.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn next(&self, pull: &mut Pull) -> Result<Option<Pulled>, Problem> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(default)]
            more: Option<bool>,
            #[serde(default)]
            next: Option<String>,
            #[serde(borrow, default)]
            objects: Option<Vec<&'a RawValue>>,
        }
        if let Some(why) = pull.broken {
            return Err(Problem::Paging { url: pull.url.clone(), why });
        }
        if pull.ended {
            return Ok(None);
        }
        let (url, mut reply) = loop {
            let url = pull.address();
            match self.ask(Method::GET, &url, Vec::new()).await {
                // Where a page went on is not known for ever: then from the time before it.
                Err(Problem::Answer { what, .. })
                    if std::mem::take(&mut pull.resumed)
                        && ["400", "404", "410"].iter().any(|code| what.starts_with(code)) =>
                {
                    pull.place.next = None;
                }
                reply => break (url, reply?),
            }
        };
        pull.resumed = false;
        reply.body = without_wrong_bytes(reply.body);
        let page: Envelope<'_> = read(&url, &reply)?;
        let last = reply.headers.get("x-taxii-date-added-last");
        let last = last.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (found, more) = (page.objects.unwrap_or_default(), page.more == Some(true));
        let count = found.len();
        // Whatever it says of where to go on: what came before comes again, or nothing comes.
        let objects: String = found.iter().map(|one| one.get()).collect();
        let is_again = count > 0 && !pull.seen.insert(Hash::of(objects.as_bytes()));
        let mut is_new = false;
        for object in &found {
            is_new |= pull.versions.insert(version_of(object.get()));
        }
        pull.empty = if is_new { 0 } else { pull.empty + 1 };
        if more && (is_again || pull.empty > EMPTY) {
            let why = "a page comes again, or pages come with nothing new in them";
            return Err(Problem::Paging { url: pull.url.clone(), why });
        }
        pull.newest = last.clone().or(pull.newest.take());
        let next = page.next.filter(|next| !next.is_empty());
        pull.ended = !more;
        if more {
            // A page that was there before would come again and again.
            let place = format!("{:?} {:?}", next, if next.is_none() { &last } else { &None });
            if !pull.seen.insert(Hash::of(place.as_bytes())) {
                let why = "a page leads back to one before";
                return Err(Problem::Paging { url: pull.url.clone(), why });
            }
            match (next, last) {
                (Some(next), _) => pull.place.next = Some(next),
                (None, Some(last)) => pull.place = Place { after: Some(last), next: None },
                (None, None) => {
                    pull.broken = Some("more, and neither 'next' nor a time to go on from");
                }
            }
        }
        Ok(Some(Pulled { bytes: reply.body, count }))
    }

    /// Adds objects, each as it stands, to a collection, and waits until the server is done with them.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn add(&self, url: &str, objects: &[String]) -> Result<Added, Problem> {
        #[derive(Deserialize)]
        struct Status {
            id: String,
            status: String,
            #[serde(default)]
            success_count: u64,
            #[serde(default)]
            failure_count: u64,
            #[serde(default)]
            failures: Vec<Failure>,
        }
        #[derive(Deserialize)]
        struct Failure {
            #[serde(default)]
            id: String,
            #[serde(default)]
            message: String,
        }
        let url = collection(url)?;
        let objects = format!("{{\"objects\":[{}]}}", objects.join(","));
        let place = format!("{url}objects/");
        let reply = self.ask(Method::POST, &place, objects.into_bytes()).await?;
        let mut status: Status = read(&place, &reply)?;
        let (root, _) = url.rsplit_once("collections/").unwrap_or((&url, ""));
        for _ in 0..ASKED {
            if status.status != "pending" {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let place = format!("{root}status/{}/", encoded(&status.id));
            status = read(&place, &self.ask(Method::GET, &place, Vec::new()).await?)?;
        }
        if status.status != "complete" {
            let what = format!("that an addition is {:?} for too long", status.status);
            return Err(Problem::Answer { url, what });
        }
        let refused = status.failures.into_iter().map(|one| (one.id, one.message)).collect();
        Ok(Added { taken: status.success_count, refused, refused_count: status.failure_count })
    }

    /// Deletes every version of an object from a collection; false where it is not there.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn delete(&self, url: &str, id: &str) -> Result<bool, Problem> {
        let url = collection(url)?;
        let all = format!("{url}objects/{}/?match[version]=all", encoded(id));
        let deleted = self.ask(Method::DELETE, &all, Vec::new()).await;
        Ok(self.found(&url, deleted).await?.is_some())
    }

    /// What was answered; none where it is not there. Where it is the collection that is not there for us, nothing is known
    /// of what is in it.
    async fn found(
        &self,
        url: &str,
        reply: Result<Reply, Problem>,
    ) -> Result<Option<Reply>, Problem> {
        #[derive(Deserialize)]
        struct Rights {
            #[serde(default)]
            can_read: bool,
            #[serde(default)]
            can_write: bool,
        }
        match reply {
            Err(Problem::Answer { what, .. }) if what.starts_with("404") => {}
            reply => return reply.map(Some),
        }
        let rights: Rights = read(url, &self.ask(Method::GET, url, Vec::new()).await?)?;
        if rights.can_read && rights.can_write {
            return Ok(None);
        }
        let what = "404, to whoever may not read and write this collection".to_owned();
        Err(Problem::Answer { url: url.to_owned(), what })
    }

    /// The address that a server names, if it is of the same host.
    fn within(&self, from: &str, to: &str) -> Result<String, Problem> {
        if to.starts_with('/') && !to.starts_with("//") {
            return Ok(format!("{}{to}", self.origin));
        }
        if origin(to).is_some_and(|origin| origin.eq_ignore_ascii_case(&self.origin)) {
            return Ok(to.to_owned());
        }
        Err(Problem::Elsewhere { from: from.to_owned(), to: to.chars().take(200).collect() })
    }

    async fn ask(&self, method: Method, url: &str, body: Vec<u8>) -> Result<Reply, Problem> {
        let mut url = self.within(url, url)?;
        let (mut redirects, mut busy) = (0, 0);
        loop {
            let (mut connection, path) = http::open(self.network, &url).await?;
            connection.authorization = self.credentials.header();
            connection.media = MEDIA;
            let reply = connection.send(method.clone(), &path, body.clone(), MOST).await?;
            let header = |name: &str| {
                reply.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            };
            match reply.status {
                200..=299 => return Ok(reply),
                301 | 302 | 307 | 308 if redirects < REDIRECTS => {
                    redirects += 1;
                    let to = header("location").unwrap_or_default();
                    url = self.within(&url, &to)?;
                }
                429 | 503 if busy < BUSY => {
                    busy += 1;
                    let wait = header("retry-after").and_then(|text| text.parse().ok());
                    let wait = Duration::from_secs(wait.unwrap_or(1 << busy));
                    tokio::time::sleep(wait.min(WAIT)).await;
                }
                _ => return Err(Problem::Answer { url, what: reply.said() }),
            }
        }
    }
}

impl Pull {
    /// Where to go on another time, as a text for [`Client::pull`]: after the pages that came until now.
    #[must_use]
    pub fn place(&self) -> String {
        let mut place = self.place.clone();
        if self.ended {
            place = Place { after: self.newest.clone().or(place.after), next: None };
        }
        serde_json::to_string(&place).unwrap_or_default()
    }

    fn address(&self) -> String {
        let mut url = format!("{}objects/", self.url);
        let filters = [("added_after", &self.place.after), ("next", &self.place.next)];
        let mut sign = '?';
        for (name, value) in filters {
            if let Some(value) = value {
                url.push_str(&format!("{sign}{name}={}", encoded(value)));
                sign = '&';
            }
        }
        url
    }
}

impl Credentials {
    fn header(&self) -> Option<String> {
        use base64::Engine as _;
        match self {
            Self::None => None,
            Self::Bearer(key) => Some(format!("Bearer {key}")),
            Self::Basic(name, password) => {
                let both = format!("{name}:{password}");
                let both = base64::engine::general_purpose::STANDARD.encode(both);
                Some(format!("Basic {both}"))
            }
        }
    }
}

/// A page in UTF-8: what of it is not becomes halves of characters of UTF-16, which no text may have, so that the object
/// around it is refused and the others are not. Two of them: what stands before may complete the first. As it came where it
/// would be too long.
fn without_wrong_bytes(body: Vec<u8>) -> Vec<u8> {
    const WRONG: &[u8] = br"\udc80\udc80";
    if std::str::from_utf8(&body).is_ok() {
        return body;
    }
    let mut page = Vec::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        page.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            page.extend_from_slice(WRONG);
        }
        if page.len() > MOST {
            return body;
        }
    }
    page
}

fn read<'r, T: Deserialize<'r>>(url: &str, reply: &'r Reply) -> Result<T, Problem> {
    serde_json::from_slice(&reply.body).map_err(|error| Problem::Answer {
        url: url.to_owned(),
        what: format!("what is no TAXII: {error}"),
    })
}

/// Scheme and host of an address.
fn origin(url: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme))?;
    let host = url[scheme.len()..].find(['/', '?', '#']).unwrap_or(url.len() - scheme.len());
    // A name before the host is there to be taken for the host.
    let plain = host > 0 && !url[scheme.len()..scheme.len() + host].contains('@');
    plain.then(|| &url[..scheme.len() + host])
}

/// The address of a collection, with its slash.
///
/// # Errors
/// [`Problem::Address`].
pub fn collection(url: &str) -> Result<String, Problem> {
    let slashed = slashed(url);
    let id = slashed.rsplit_once("/collections/").map(|(_, id)| id.trim_end_matches('/'));
    match id {
        Some(id) if !id.is_empty() && !id.contains(['/', '?', '#']) => Ok(slashed),
        _ => Err(Problem::Address(url.to_owned())),
    }
}

fn slashed(url: &str) -> String {
    if url.ends_with('/') { url.to_owned() } else { format!("{url}/") }
}

/// A value in a query.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever stands before it: the page can be parted, and the text is refused.
    #[test]
    fn what_is_no_utf8_is_no_text() {
        for before in ["", "\\", "\\\\", "\\ud800", "\\ud800\\"] {
            let page = [b"[\"".as_slice(), before.as_bytes(), b"\xe9t\", 1]"].concat();
            let page = without_wrong_bytes(page);
            let parts: Vec<&RawValue> = serde_json::from_slice(&page).unwrap_or_default();
            assert_eq!(parts.len(), 2, "{before}");
            assert!(serde_json::from_str::<String>(parts[0].get()).is_err(), "{before}");
        }
    }

    #[test]
    fn addresses_are_taken_apart_and_others_refused() {
        assert_eq!(origin("https://a.example:8443/x"), Some("https://a.example:8443"));
        for wrong in ["ftp://a/", "https://", "https://a@b/", "a.example", ""] {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
        let url = "https://a.example/api/collections/1f2e";
        assert_eq!(collection(url).unwrap_or_default(), format!("{url}/"));
        for wrong in [
            "https://a.example/",
            "https://a.example/collections/",
            "https://a/collections/1/objects/",
        ] {
            assert!(collection(wrong).is_err(), "{wrong}");
        }
        assert_eq!(encoded("2026-03-09T08:00:00Z&é"), "2026-03-09T08%3A00%3A00Z%26%C3%A9");
    }
}
