//! One connection, from Slack's greeting to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::dial::Socket;
use super::frame::{Envelope, Frame, acknowledgement};
use super::meter::Counter;
use crate::inbound::{Inbound, Route, SlackApp};
use crate::payload::PayloadError;

/// How long a frame of ours may take to leave. Whoever clicked waits three seconds in all.
const SEND_WITHIN: Duration = Duration::from_secs(2);
/// How long Slack may take to close its side after we closed ours.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// So many acknowledgements may wait to be sent; who has one more waits with it.
const REPLIES: usize = 16;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// We were told to leave.
    Left,
    /// Slack closed it.
    Closed,
    /// It was cut, or what came over it was no WebSocket's.
    Cut,
    /// Nothing was heard for too long.
    Silent,
    /// Slack closed it, for Socket Mode was switched off.
    Disabled,
}

impl End {
    /// Whether Slack may not have noticed yet.
    pub(super) fn is_lost(self) -> bool {
        matches!(self, Self::Cut | Self::Silent)
    }
}

/// One connection.
pub(super) struct Link {
    pub(super) socket: Socket,
    pub(super) app: SlackApp,
    pub(super) silence: Duration,
    pub(super) permits: Arc<Semaphore>,
    pub(super) counter: Arc<Counter>,
    /// Rings when Slack will close it soon.
    pub(super) closing: Arc<Notify>,
    /// Rings when it is to leave.
    pub(super) leave: Arc<Notify>,
}

/// An acknowledgement on its way.
struct Reply {
    text: String,
    sent: oneshot::Sender<()>,
}

impl Link {
    /// Works what comes until the end. Told to leave, it still acknowledges what was begun.
    pub(super) async fn serve(mut self) -> End {
        let (replies, mut outgoing) = mpsc::channel(REPLIES);
        let mut heard = Instant::now();
        let end = loop {
            let step = tokio::select! {
                () = self.leave.notified() => Err(End::Left),
                Some(reply) = outgoing.recv() => self.send(reply).await,
                frame = timeout_at(heard + self.silence, self.socket.next()) => {
                    heard = Instant::now();
                    frame.map_err(|_| End::Silent).and_then(|frame| self.take(frame, &replies))
                }
            };
            if let Err(end) = step {
                break end;
            }
        };
        drop(replies);
        self.counter.count(|meter| {
            meter.live = meter.live.saturating_sub(1);
            meter.lost += u64::from(end.is_lost());
        });
        if matches!(end, End::Left | End::Disabled) {
            self.finish(outgoing).await;
        }
        end
    }

    fn take(&self, frame: Option<Result<Message, Error>>, replies: &mpsc::Sender<Reply>) -> Result<(), End> {
        match frame {
            None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => Err(End::Closed),
            Some(Err(_)) => Err(End::Cut),
            Some(Ok(Message::Text(text))) => match Frame::read(&text) {
                Ok(frame) => self.hear(frame, replies),
                // What is no JSON is nobody's envelope.
                Err(_) => Ok(()),
            },
            Some(Ok(_)) => Ok(()),
        }
    }

    fn hear(&self, frame: Frame<'_>, replies: &mpsc::Sender<Reply>) -> Result<(), End> {
        match frame {
            Frame::Envelope(envelope) => self.begin(envelope, replies.clone()),
            Frame::Unknown(id) => self.acknowledge(id, replies.clone()),
            Frame::Closing => self.closing.notify_one(),
            Frame::Disabled => return Err(End::Disabled),
            Frame::Hello { .. } | Frame::Other => {}
        }
        Ok(())
    }

    fn begin(&self, envelope: Envelope<'_>, replies: mpsc::Sender<Reply>) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            self.counter.count(|meter| meter.turned_away += 1);
            return;
        };
        let inbound = self.app.read_from_socket(envelope.route, &envelope.payload);
        let work = Work {
            app: self.app.clone(),
            id: envelope.id,
            answerable: envelope.answerable,
            replies,
            counter: Arc::clone(&self.counter),
        };
        tokio::spawn(work.run(envelope.route, inbound, permit));
    }

    /// What we do not know is acknowledged, as the routes do.
    fn acknowledge(&self, id: String, replies: mpsc::Sender<Reply>) {
        let text = acknowledgement(&id, false, &crate::inbound::Ack::ok());
        // Where so much waits to be sent, one acknowledgement of nothing less is no loss.
        let _ = text.map(|text| replies.try_send(Reply { text, sent: oneshot::channel().0 }));
    }

    /// A frame that does not leave in time means that nobody takes what we send.
    async fn send(&mut self, reply: Reply) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(Message::text(reply.text))).await {
            Ok(Ok(())) => {
                let _ = reply.sent.send(());
                Ok(())
            }
            _ => Err(End::Cut),
        }
    }

    /// Acknowledges what was begun, then closes: after that, nothing more may be said.
    async fn finish(mut self, mut outgoing: mpsc::Receiver<Reply>) {
        while let Some(reply) = outgoing.recv().await {
            if self.send(reply).await.is_err() {
                return;
            }
        }
        // Read to the end: closed with something unread, the system would take back what it has not sent yet.
        let close = async {
            let _ = self.socket.close(None).await;
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _ = timeout(CLOSE_WITHIN, close).await;
    }
}

/// One envelope, on a task of its own: it is finished whatever becomes of the connection.
struct Work {
    app: SlackApp,
    id: String,
    answerable: bool,
    replies: mpsc::Sender<Reply>,
    counter: Arc<Counter>,
}

impl Work {
    /// Commits, acknowledges, and does then what follows.
    async fn run(self, route: Route, inbound: Result<Inbound, PayloadError>, _permit: OwnedSemaphorePermit) {
        let ack = self.app.answer_from_socket(route, inbound).await;
        let text = acknowledgement(&self.id, self.answerable, &ack);
        let acknowledged = match text {
            Some(text) => say(self.replies, text).await,
            None => {
                drop(self.replies);
                false
            }
        };
        self.counter.count(|meter| if acknowledged { meter.acknowledged += 1 } else { meter.unacknowledged += 1 });
        if let Some(after) = ack.after {
            after.await;
        }
    }
}

/// Whether it was sent.
async fn say(replies: mpsc::Sender<Reply>, text: String) -> bool {
    let (sent, was_sent) = oneshot::channel();
    replies.send(Reply { text, sent }).await.is_ok() && {
        drop(replies);
        was_sent.await.is_ok()
    }
}
