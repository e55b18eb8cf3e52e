//! Socket Mode: `apps.connections.open`.

use serde::Deserialize;
use url::Url;

use super::{SlackClient, SlackError};
use crate::socket::AppToken;

#[derive(Deserialize)]
struct Wire {
    url: Url,
}

impl SlackClient {
    /// `apps.connections.open`: where to connect to, once. The address holds a ticket and is a secret.
    pub(crate) async fn apps_connections_open(&self, token: &AppToken) -> Result<Url, SlackError> {
        let wire: Wire = self.as_app("apps.connections.open", &token.bearer()).await?.read()?;
        Ok(wire.url)
    }

    /// Whether the Web API is reached without TLS: in tests.
    pub(crate) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }
}
