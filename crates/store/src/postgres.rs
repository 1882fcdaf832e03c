//! PostgreSQL: the same SQL over a small pool.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, NoTls};

use crate::db::{Dialect, Row, Value};
use crate::intel::search;
use crate::lease::{self, Held};
use crate::{Error, migrations};

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    config: Arc<Config>,
    /// Taken before a connection: whoever waits to write must not hold what the writer reads with.
    writer: Arc<Mutex<Held>>,
}

pub(crate) struct PostgresTx {
    // `None` once it is committed; see `Drop`.
    client: Option<Object>,
    // `None` for one that only reads.
    writer: Option<OwnedMutexGuard<Held>>,
}

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let mut config: Config = url.parse()?;
        if config.get_application_name().is_none() {
            config.application_name(name());
        }
        // A session whose other end is gone ends soon, and the locks of its transaction with it.
        let options = config.get_options().unwrap_or_default();
        let options = format!("{options} {}", lease::TIMEOUTS);
        config.options(options.trim_start());
        // The same from this end: who waits for an answer on a line that is cut learns it.
        config.keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(11));
        config.connect_timeout(Duration::from_secs(10));
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), NoTls, manager_config);
        let pool = Pool::builder(manager).max_size(8).build().map_err(pool_error)?;
        // Whether it is there at all.
        drop(pool.get().await.map_err(pool_error)?);
        Ok(Self { pool, config: Arc::new(config), writer: Arc::default() })
    }

    pub(crate) async fn migrate_to(&self, version: i32) -> Result<(), Error> {
        let mut client = self.pool.get().await.map_err(pool_error)?;
        let runner = migrations::to(version);
        runner.run_async(&mut **client.as_mut()).await.map_err(Box::new)?;
        if version >= search::SINCE {
            client.batch_execute(search::tables(Dialect::Postgres)).await?;
        }
        Ok(())
    }

    pub(crate) async fn begin(&self) -> Result<PostgresTx, Error> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let number = writer.hold(&self.config).await?;
        let client = self.pool.get().await.map_err(pool_error)?;
        let mut tx = PostgresTx { client: Some(client), writer: Some(writer) };
        tx.client()?.batch_execute("BEGIN").await?;
        // One at a time, whoever believes to be the writer: what is committed before this is seen after
        // it, the number of the lease among it.
        tx.client()?.batch_execute(lease::TURN).await?;
        let last = tx.query("SELECT number FROM lease", &[]).await?;
        if last.first().map_or(Ok(0), |row| row.int(0))? != number {
            tx.writer.as_mut().into_iter().for_each(|held| held.lose());
            return Err(Error::Replaced);
        }
        Ok(tx)
    }

    pub(crate) async fn snapshot(&self) -> Result<PostgresTx, Error> {
        let client = self.pool.get().await.map_err(pool_error)?;
        let tx = PostgresTx { client: Some(client), writer: None };
        // The first read is what fixes the point in time.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
        tx.client()?.batch_execute(begin).await?;
        Ok(tx)
    }

    pub(crate) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let client = self.pool.get().await.map_err(pool_error)?;
        query(&client, sql, params).await
    }
}

impl PostgresTx {
    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.execute(&statement, &borrowed(params)).await?)
    }

    pub(crate) async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        query(self.client()?, sql, params).await
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.client()?.batch_execute("COMMIT").await?;
        self.client = None;
        Ok(())
    }

    fn client(&self) -> Result<&Object, Error> {
        self.client.as_ref().ok_or_else(|| Error::damaged("the transaction is over"))
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        // A connection with an open transaction must not go back to the pool: closed, the server
        // rolls back.
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

/// What this process is called in the server's list of sessions.
fn name() -> String {
    let host = rustix::system::uname();
    format!("comity {} on {}", std::process::id(), host.nodename().to_string_lossy())
}

async fn query(client: &Object, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &borrowed(params)).await?;
    rows.iter()
        .map(|row| {
            (0..row.len()).map(|column| value(row, column)).collect::<Result<_, _>>().map(Row)
        })
        .collect()
}

fn value(row: &tokio_postgres::Row, column: usize) -> Result<Value, Error> {
    let kind = row.columns()[column].type_();
    Ok(match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(column)?.into(),
        Type::INT4 => row.try_get::<_, Option<i32>>(column)?.map(i64::from).into(),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(column)?.map_or(Value::Null, Value::Real),
        Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(column)?.into(),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(column)?.into(),
        _ => return Err(Error::damaged(format!("column {column} has the type {kind}"))),
    })
}

fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as _).collect()
}

fn pool_error(error: impl std::fmt::Display) -> Error {
    Error::Pool(error.to_string())
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *kind == Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Real(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Blob(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::FLOAT8, Type::TEXT, Type::VARCHAR, Type::BYTEA]
            .contains(kind)
    }

    to_sql_checked!();
}
