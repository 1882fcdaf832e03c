//! Intelligence: versions of objects as they were received, who may see each, collections that readers read, and
//! an index of what objects can be found by.
//!
//! What an object says is not looked at here: whoever brings it in says who may see it, what it refers to and by
//! which words it is found.

pub mod collection;
pub mod feed;
pub mod intake;
pub mod key;
mod members;
pub mod pushed;
pub mod search;

use std::collections::BTreeMap;

use comity_stix::marking::Audience;

use crate::db::marks;
use crate::{Db, Error, Row, Value};

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its number here, in the order in which objects came.
    pub num: u64,
    /// Its identifier.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its version, in microseconds since 1970.
    pub version: i64,
    /// The version of STIX: `2.1` or `2.0`.
    pub spec: String,
    /// The batch that brought it first.
    pub batch: u64,
    /// Its bytes, and who may see them.
    pub marked: Marked,
}

/// The bytes of an object, and who may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Who may see something of it.
    pub audience: Audience,
    /// Who may see all of it.
    pub whole: Audience,
    /// Its bytes, as they were received.
    pub body: Vec<u8>,
}

/// What came at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub num: u64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Who brought it.
    pub who: String,
    /// Through what: `import`, `taxii`, `pull`.
    pub through: String,
    /// From where: a file's name, an address.
    pub source: String,
    /// The label of what has none of its own.
    pub marking: String,
    /// What became of it, as JSON.
    pub report: String,
}

const COLUMNS: &str = "num, id, kind, version, spec, batch, audience, whole, body";

/// The objects of these numbers, in their order; those that are gone are left out.
///
/// # Errors
/// [`Error`].
pub async fn objects(db: &Db, nums: &[u64]) -> Result<Vec<Object>, Error> {
    if nums.is_empty() {
        return Ok(Vec::new());
    }
    let marks = marks(1, nums.len());
    let sql = format!("SELECT {COLUMNS} FROM intel_object WHERE num IN ({marks})");
    let params: Vec<Value> = nums.iter().map(|num| (*num).into()).collect();
    let mut found: std::collections::HashMap<u64, Object> = db
        .query(&sql, &params)
        .await?
        .into_iter()
        .map(|row| read(row).map(|object| (object.num, object)))
        .collect::<Result<_, _>>()?;
    Ok(nums.iter().filter_map(|num| found.remove(num)).collect())
}

/// Every version of an object, the earliest first.
///
/// # Errors
/// [`Error`].
pub async fn versions(db: &Db, id: &str) -> Result<Vec<Object>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM intel_object WHERE id = $1 ORDER BY version");
    db.query(&sql, &[id.into()]).await?.into_iter().map(read).collect()
}

/// Whether a later version of an object is here.
///
/// # Errors
/// [`Error`].
pub async fn is_superseded(db: &Db, object: &Object) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM intel_object WHERE id = $1 AND version > $2 LIMIT 1";
    let params = [object.id.as_str().into(), object.version.into()];
    Ok(db.query_one(SQL, &params).await?.is_some())
}

/// How an object went that was here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The hash of the key with which a tool took it back; empty: it was deleted here, and does not come back unasked.
    pub key: String,
    /// Who may see that others name it.
    pub audience: Audience,
}

const GONE: &str = "SELECT key, audience FROM intel_gone WHERE id = $1";

fn gone(row: &Row) -> Result<Gone, Error> {
    Ok(Gone { key: row.text(0)?.to_owned(), audience: audience(row.int(1)?)? })
}

/// Who may see some version of an object, or that it was here; none, where it never was.
///
/// # Errors
/// [`Error`].
pub async fn audience_of(db: &Db, id: &str) -> Result<Option<Audience>, Error> {
    let id: Value = id.into();
    let rows = db
        .query("SELECT audience FROM intel_object WHERE id = $1", std::slice::from_ref(&id))
        .await?;
    if rows.is_empty() {
        let row = db.query_one(GONE, &[id]).await?;
        return row.as_ref().map(|row| Ok(gone(row)?.audience)).transpose();
    }
    Ok(Some(union(&rows)?))
}

/// Objects that refer to another, by their numbers, the latest first; at most `limit`. The caller looks whether they
/// do: what is kept of an identifier is a digest.
///
/// # Errors
/// [`Error`].
pub async fn referring(db: &Db, target: i64, limit: u64) -> Result<Vec<u64>, Error> {
    const SQL: &str =
        "SELECT DISTINCT source FROM intel_ref WHERE target = $1 ORDER BY source DESC LIMIT $2";
    let rows = db.query(SQL, &[target.into(), limit.into()]).await?;
    rows.iter().map(|row| row.count(0)).collect()
}

/// Objects whose numbers are above one, in order; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn after(db: &Db, num: u64, limit: u64) -> Result<Vec<Object>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM intel_object WHERE num > $1 ORDER BY num LIMIT $2");
    db.query(&sql, &[num.into(), limit.into()]).await?.into_iter().map(read).collect()
}

/// The batches that brought an object, the first first.
///
/// # Errors
/// [`Error`].
pub async fn batches_of(db: &Db, object: &Object) -> Result<Vec<Batch>, Error> {
    let sql = format!(
        "SELECT {BATCH} FROM intel_batch WHERE num = $1
            OR num IN (SELECT batch FROM intel_again WHERE object = $2) ORDER BY num"
    );
    let params = [object.batch.into(), object.num.into()];
    db.query(&sql, &params).await?.iter().map(read_batch).collect()
}

/// The latest batches, the latest first; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn batches(db: &Db, limit: u64) -> Result<Vec<Batch>, Error> {
    let sql = format!("SELECT {BATCH} FROM intel_batch ORDER BY num DESC LIMIT $1");
    db.query(&sql, &[limit.into()]).await?.iter().map(read_batch).collect()
}

/// A batch.
///
/// # Errors
/// [`Error::Missing`].
pub async fn batch(db: &Db, num: u64) -> Result<Batch, Error> {
    let sql = format!("SELECT {BATCH} FROM intel_batch WHERE num = $1");
    let row = db.query_one(&sql, &[num.into()]).await?;
    read_batch(&row.ok_or_else(|| Error::Missing { what: "batch", id: num.to_string() })?)
}

/// How many versions of objects there are.
///
/// # Errors
/// [`Error`].
pub async fn count(db: &Db) -> Result<u64, Error> {
    let row = db.query_one("SELECT COUNT(*) FROM intel_object", &[]).await?;
    row.map_or(Ok(0), |row| row.count(0))
}

const BATCH: &str = "num, at, who, through, source, marking, report";

fn read_batch(row: &Row) -> Result<Batch, Error> {
    Ok(Batch {
        num: row.count(0)?,
        at: row.int(1)?,
        who: row.text(2)?.to_owned(),
        through: row.text(3)?.to_owned(),
        source: row.text(4)?.to_owned(),
        marking: row.text(5)?.to_owned(),
        report: row.text(6)?.to_owned(),
    })
}

fn read(row: Row) -> Result<Object, Error> {
    let (num, version, batch) = (row.count(0)?, row.int(3)?, row.count(5)?);
    let (audience, whole) = (audience(row.int(6)?)?, audience(row.int(7)?)?);
    let mut values = row.0.into_iter();
    let mut text = |skip: usize| match values.nth(skip) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(Error::damaged("an object's row: want a text")),
    };
    let (id, kind, spec) = (text(1)?, text(0)?, text(1)?);
    let Some(Value::Blob(body)) = values.nth(3) else {
        return Err(Error::damaged("an object's row: want its bytes"));
    };
    Ok(Object { num, id, kind, version, spec, batch, marked: Marked { audience, whole, body } })
}

/// Who may see something of each of these objects; what was deleted since is not among them.
///
/// # Errors
/// [`Error`].
pub async fn audiences(db: &Db, nums: &[u64]) -> Result<BTreeMap<u64, Audience>, Error> {
    let mut all = BTreeMap::new();
    for nums in nums.chunks(feed::LOADED) {
        let params: Vec<Value> = nums.iter().copied().map(Value::from).collect();
        let marks = marks(1, nums.len());
        let sql = format!("SELECT num, audience FROM intel_object WHERE num IN ({marks})");
        for row in db.query(&sql, &params).await? {
            all.insert(row.count(0)?, audience(row.int(1)?)?);
        }
    }
    Ok(all)
}

fn union(rows: &[Row]) -> Result<Audience, Error> {
    rows.iter().try_fold(Audience::NOBODY, |all, row| Ok(all.or(audience(row.int(0)?)?)))
}

fn audience(bits: i64) -> Result<Audience, Error> {
    Ok(Audience::from_bits(u32::try_from(bits).map_err(Error::damaged)?))
}

impl From<Audience> for Value {
    fn from(audience: Audience) -> Self {
        Self::Int(i64::from(audience.bits()))
    }
}
