//! A new connection, until Slack has greeted us.

use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;

use super::SocketMode;
use super::dial::{Socket, dial};
use super::error::ConnectError;
use super::frame::Frame;

/// A connection that Slack has greeted.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// How many connections of this app Slack counts, this one included.
    pub(super) counted: usize,
}

impl SocketMode {
    pub(super) async fn connect(&self) -> Result<Opened, ConnectError> {
        let client = self.app.workspace().client();
        let url = client.apps_connections_open(&self.token).await.map_err(ConnectError::Open)?;
        let greeted = async {
            let mut socket = dial(&url, client.is_plain()).await?;
            let counted = greeting(&mut socket).await?;
            Ok(Opened { socket, counted })
        };
        tokio::time::timeout(self.options.handshake, greeted).await.map_err(|_| ConnectError::TimedOut)?
    }
}

/// Nothing else that is of use comes before it.
async fn greeting(socket: &mut Socket) -> Result<usize, ConnectError> {
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        return match Frame::read(&text) {
            Ok(Frame::Hello { connections }) => Ok(connections),
            Ok(Frame::Disabled) => Err(ConnectError::Disabled),
            _ => Err(ConnectError::NotGreeted),
        };
    }
    Err(ConnectError::NotGreeted)
}
