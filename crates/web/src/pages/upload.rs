//! Files that a form brings. They wait in memory between the form, its preview and its last word: a browser does
//! not send a file twice, and a form that holds one must work without JavaScript.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, FromRequestParts as _, Multipart, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use comity_rules::access::Right;
use comity_rules::content::Attachment;

use super::fields::Fields;
use crate::App;
use crate::language::Language;
use crate::session::{Who, denied};

/// Bytes of a form with its files. A statement holds less; that is said when it is stated.
pub(crate) const MOST: usize = 4 << 20;

/// Files that wait at a time: of one person, and their bytes.
const WAITING: usize = 16;
const WAITING_BYTES: usize = 16 << 20;

/// Their bytes, of all people.
const ALL_BYTES: usize = 64 << 20;

/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How long a browser may take for a form.
const BRINGING: Duration = Duration::from_secs(120);

/// Files that wait until what they go with is stated.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    last: u64,
    files: BTreeMap<u64, Upload>,
}

struct Upload {
    /// Whose it is: nobody else's form can name it.
    whose: String,
    name: String,
    media_type: String,
    bytes: Bytes,
    since: Instant,
}

impl Uploads {
    fn put(&self, upload: Upload) -> u64 {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody's files push out another's, until there is no room for anybody's.
        shelf.make_room(
            Some(&upload.whose),
            WAITING,
            WAITING_BYTES - upload.bytes.len().min(WAITING_BYTES),
        );
        shelf.make_room(None, usize::MAX, ALL_BYTES - upload.bytes.len().min(ALL_BYTES));
        shelf.last += 1;
        let number = shelf.last;
        shelf.files.insert(number, upload);
        number
    }

    /// What a form brought, and brought before; one that no longer waits is said by its name.
    pub(super) fn attachments(
        &self,
        t: Language,
        who: &Who,
        form: &Fields,
    ) -> Result<Vec<Attachment>, String> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.forget();
        let attachment = |(key, name): (u64, String)| {
            let file = shelf.files.get(&key).filter(|file| file.whose == who.0.name);
            let file = file.ok_or_else(|| t.with("file-gone", [("file", name)]))?;
            Ok(Attachment {
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                bytes: file.bytes.to_vec(),
                claims: Vec::new(),
            })
        };
        form.files().into_iter().map(attachment).collect()
    }

    /// What they went with is stated, or drafted.
    pub(super) fn done(&self, form: &Fields) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in form.files() {
            shelf.files.remove(&key);
        }
    }
}

impl Shelf {
    fn forget(&mut self) {
        self.files.retain(|_, file| file.since.elapsed() < PATIENCE);
    }

    /// Takes away the oldest, of this person or of all, until there are fewer than `most` with at most `bytes`.
    fn make_room(&mut self, whose: Option<&str>, most: usize, bytes: usize) {
        self.forget();
        loop {
            let theirs =
                self.files.iter().filter(|(_, f)| whose.is_none_or(|name| f.whose == name));
            let (mut count, mut held, mut oldest) = (0, 0, None);
            for (key, file) in theirs {
                (count, held) = (count + 1, held + file.bytes.len());
                oldest = oldest.or(Some(*key));
            }
            match oldest {
                Some(key) if count >= most || held > bytes => drop(self.files.remove(&key)),
                _ => return,
            }
        }
    }
}

/// A form with or without files; what it brought stands in it as `file`, a number and a name.
pub(crate) struct Written(pub(crate) Fields);

impl FromRequest<App> for Written {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(t) = Language::from_request_parts(&mut parts, app).await;
        let who = Who::from_request_parts(&mut parts, app).await;
        let who = who.map_err(axum::response::IntoResponse::into_response)?;
        if who.0.may(Right::State).is_err() {
            return Err(denied(app, t, &who.0));
        }
        let wrong = |status: StatusCode| {
            let large = status == StatusCode::PAYLOAD_TOO_LARGE;
            let key = if large { "form-too-large" } else { "no-such-form" };
            (status, t.text(key) + "\n").into_response()
        };
        let form = Multipart::from_request(Request::from_parts(parts, body), app).await;
        let form = form.map_err(|rejection| wrong(rejection.status()))?;
        match tokio::time::timeout(BRINGING, read(form, &who, &app.uploads)).await {
            Ok(read) => read.map(Self).map_err(|error| wrong(error.status())),
            Err(_) => Err(wrong(StatusCode::REQUEST_TIMEOUT)),
        }
    }
}

async fn read(mut form: Multipart, who: &Who, uploads: &Uploads) -> Result<Fields, MultipartError> {
    let mut fields = Fields::default();
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        let Some(file) = field.file_name() else {
            fields.add(&name, &field.text().await?);
            continue;
        };
        let file: String = file.chars().filter(|c| !c.is_control()).take(200).collect();
        let media_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
        let bytes = field.bytes().await?;
        // A field in which no file was chosen comes as one without a name.
        if file.is_empty() {
            continue;
        }
        let since = Instant::now();
        let (whose, name) = (who.0.name.clone(), file.clone());
        let key = uploads.put(Upload { whose, name, media_type, bytes, since });
        fields.add("file", &format!("{key} {file}"));
    }
    Ok(fields)
}
