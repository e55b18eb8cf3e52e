//! A WebSocket to an address: TCP, TLS, handshake.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::error::ConnectError;
use crate::verify::BODY_LIMIT;

/// TLS, or plain in tests.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A WebSocket.
pub(super) type Socket = WebSocketStream<Box<dyn Duplex>>;

/// Connects to `url`. Without TLS only where `plain` says so.
pub(super) async fn dial(url: &Url, plain: bool) -> Result<Socket, ConnectError> {
    let stream: Box<dyn Duplex> = match url.scheme() {
        "wss" => {
            let (host, tcp) = tcp(url).await?;
            Box::new(secured(host, tcp).await?)
        }
        "ws" if plain => Box::new(tcp(url).await?.1),
        _ => return Err(ConnectError::Address),
    };
    let handshake = client_async_with_config(url.as_str(), stream, Some(limits())).await;
    handshake.map(|(socket, _)| socket).map_err(|_| ConnectError::Handshake)
}

async fn tcp(url: &Url) -> Result<(String, TcpStream), ConnectError> {
    let (host, port) = url.host_str().zip(url.port_or_known_default()).ok_or(ConnectError::Address)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(ConnectError::Network)?;
    // Acknowledgements are small, and somebody waits for each.
    stream.set_nodelay(true).map_err(ConnectError::Network)?;
    Ok((host, stream))
}

async fn secured(host: String, stream: TcpStream) -> Result<impl Duplex, ConnectError> {
    let name = ServerName::try_from(host).map_err(|_| ConnectError::Address)?;
    let connector = TlsConnector::from(Arc::new(tls().map_err(ConnectError::Tls)?));
    connector.connect(name, stream).await.map_err(ConnectError::Network)
}

/// As the Web API's client: the machine's certificates. The provider is named, for a process may hold several.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_platform_verifier()?.with_no_client_auth())
}

/// Nothing that comes or goes takes more memory than this.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(BODY_LIMIT))
        .max_frame_size(Some(BODY_LIMIT))
        .max_write_buffer_size(2 * BODY_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plain_address_is_refused_unless_the_web_api_is_plain_too() {
        for (address, plain) in [("ws://127.0.0.1:1/", false), ("http://127.0.0.1:1/", true)] {
            let refused = dial(&address.parse().unwrap(), plain).await;
            assert!(matches!(refused, Err(ConnectError::Address)), "{address}");
        }
    }

    #[test]
    fn the_provider_of_tls_is_not_left_to_chance() {
        // A machine without certificates says so; nothing panics.
        if let Ok(config) = tls() {
            assert!(!config.crypto_provider().cipher_suites.is_empty());
        }
    }
}
