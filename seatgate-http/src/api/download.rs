//! Files that are written while they are read, part by part: however long they are, one part is held at a time.

use std::future::Future;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use seatgate_core::port::StoreError;

/// What a file is written from: where it stands.
pub(crate) trait Parts: Sized + Send + 'static {
    /// The next part and where it stands then; nothing after the last.
    fn part(self) -> impl Future<Output = Result<Option<(Bytes, Self)>, StoreError>> + Send;
}

/// The answer that saves these parts as a file of this type and name.
///
/// The first part is made before the answer begins: so a store that fails at once is answered as a problem. One that fails
/// later cuts the answer off.
pub(crate) async fn file(
    parts: impl Parts,
    content_type: &'static str,
    name: &'static str,
) -> Result<Response, StoreError> {
    let first = parts.part().await?;
    let parts = stream::try_unfold((first, None), |(first, rest)| async move {
        let next = match (first, rest) {
            (Some(first), _) => Some(first),
            (None, Some(rest)) => next_part(rest).await?,
            (None, None) => None,
        };
        Ok::<_, StoreError>(next.map(|(part, rest)| (part, (None, Some(rest)))))
    });
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

async fn next_part<P: Parts>(parts: P) -> Result<Option<(Bytes, P)>, StoreError> {
    parts.part().await.inspect_err(|error| tracing::warn!(%error, "a file was cut off"))
}
