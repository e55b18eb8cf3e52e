//! Calling the functions that land what several callers bring together.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::batch::Batch;

/// A function that lands a batch and answers with a label.
pub(super) struct Landing<'a> {
    /// Its first parameter is the lists, and then come the bodies.
    pub(super) sql: &'a str,
    /// Whose bodies, in the order of the parameters.
    pub(super) bodies: &'static [&'static str],
    /// What it answers when everything has landed. At any other answer nothing has.
    pub(super) landed: &'static str,
}

impl Landing<'_> {
    /// Lands batches, each answered on its own: all at once, or else, in one transaction still, the halves of what does
    /// not land together.
    pub(super) async fn land(
        &self,
        batches: &[&Batch],
        connection: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        if let Some(label) = self.call(batches, connection).await? {
            return Ok(vec![label; batches.len()]);
        }
        let mut transaction = connection.begin().await?;
        let labels = self.land_halves(batches, &mut transaction).await?;
        transaction.commit().await?;
        Ok(labels)
    }

    /// Lands batches within a transaction, each answered on its own.
    pub(super) async fn land_in(
        &self,
        batches: &[&Batch],
        transaction: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        match self.call(batches, transaction).await? {
            Some(label) => Ok(vec![label; batches.len()]),
            None => self.land_halves(batches, transaction).await,
        }
    }

    async fn land_halves(
        &self,
        batches: &[&Batch],
        transaction: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        let mut labels = Vec::with_capacity(batches.len());
        let (first, second) = batches.split_at(batches.len() / 2);
        let mut parts = vec![second, first];
        while let Some(part) = parts.pop() {
            match self.call(part, transaction).await? {
                Some(label) => labels.extend(vec![label; part.len()]),
                None => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(labels)
    }

    /// What became of all of them; nothing, where one of several is in the way.
    async fn call(&self, batches: &[&Batch], connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
        let Some(whole) = Batch::of(batches) else { return Ok(None) };
        let mut call = sqlx::query_scalar(AssertSqlSafe(self.sql)).bind(whole.lists());
        for list in self.bodies {
            call = call.bind(whole.bodies(list));
        }
        let label: String = call.fetch_one(connection).await?;
        Ok((batches.len() <= 1 || label == self.landed).then_some(label))
    }
}
