//! What the log says of a call: one span with method and route, never an address, a query or a body.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// They are asked every few seconds, and say nothing new.
const SILENT: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// Gives everything that is logged while a call is answered the route that it belongs to. Ids of requests are part of the
/// path, so the span has them, too.
pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let Some(route) = route.filter(|route| !SILENT.contains(&route.as_str())) else { return next.run(request).await };
    let span = tracing::info_span!("call", method = %request.method(), route, id = id(&route, request.uri().path()));
    async {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// The id in a path, if it looks like one of ours.
fn id<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let (_, id) = route.split('/').zip(path.split('/')).find(|(part, _)| *part == "{id}")?;
    let ours = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    ours.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_ours_are_logged() {
        assert_eq!(id("/v1/requests/{id}/undo", "/v1/requests/req_01/undo"), Some("req_01"));
        assert_eq!(id("/v1/requests/{id}", "/v1/requests/ana@example.com"), None);
        assert_eq!(id("/v1/requests", "/v1/requests"), None);
    }
}
