//! PostgreSQL: the same SQL over a small pool.

use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_postgres::NoTls;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::db::{Row, Value};
use crate::{Error, migrations};

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    /// Taken before a connection: whoever waits to write must not hold what the writer reads with.
    writer: Arc<Mutex<()>>,
}

pub(crate) struct PostgresTx {
    // `None` once it is committed; see `Drop`.
    client: Option<Object>,
    // `None` for one that only reads.
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let config: tokio_postgres::Config = url.parse()?;
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, manager_config);
        let pool = Pool::builder(manager).max_size(8).build().map_err(pool_error)?;
        // Whether it is there at all.
        drop(pool.get().await.map_err(pool_error)?);
        Ok(Self { pool, writer: Arc::default() })
    }

    pub(crate) async fn migrate_to(&self, version: i32) -> Result<(), Error> {
        let mut client = self.pool.get().await.map_err(pool_error)?;
        let runner = migrations::to(version);
        runner.run_async(&mut **client.as_mut()).await.map_err(Box::new)?;
        Ok(())
    }

    pub(crate) async fn begin(&self) -> Result<PostgresTx, Error> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        let client = self.pool.get().await.map_err(pool_error)?;
        let tx = PostgresTx { client: Some(client), _writer: Some(writer) };
        tx.client()?.batch_execute("BEGIN").await?;
        // One writer: whoever holds this lock until its transaction ends.
        tx.client()?.batch_execute("SELECT pg_advisory_xact_lock(727274)").await?;
        Ok(tx)
    }

    pub(crate) async fn snapshot(&self) -> Result<PostgresTx, Error> {
        let client = self.pool.get().await.map_err(pool_error)?;
        let tx = PostgresTx { client: Some(client), _writer: None };
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
            Self::Int(value) => value.to_sql(kind, out),
            Self::Real(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Blob(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT, Type::VARCHAR, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
