//! Hearing what is published, through lost connections.

use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::prelude::{ClientLike, EventInterface, PubsubInterface};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

/// Between two tries to subscribe on a connection that is there.
const PAUSE: Duration = Duration::from_millis(500);

/// What a subscription hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// A message.
    Message {
        /// Where it was published.
        channel: String,
        /// What was.
        text: String,
    },
    /// From here on everything is heard, but what was published before may have been missed: the subscription has
    /// just begun, at first or anew, or more came than could be handled.
    Gap,
}

impl Push {
    /// The same with the channel as it is called here.
    pub(super) fn without(self, prefix: &str) -> Self {
        match self {
            Self::Message { channel, text } => {
                let channel = channel.strip_prefix(prefix).map(str::to_owned).unwrap_or(channel);
                Self::Message { channel, text }
            }
            Self::Gap => Self::Gap,
        }
    }
}

/// Subscribes whenever a connection is made, and passes on what comes.
pub(super) async fn listen(client: SubscriberClient, channels: Vec<String>, receive: impl Fn(Push)) {
    let (mut messages, mut connections) = (client.message_rx(), client.reconnect_rx());
    drop(client.connect());
    loop {
        tokio::select! {
            connected = connections.recv() => match connected {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    while let Err(error) = client.subscribe(channels.clone()).await {
                        tracing::debug!(%error, "subscribe to channels of Redis");
                        sleep(PAUSE + PAUSE.mul_f64(fastrand::f64())).await;
                    }
                    receive(Push::Gap);
                }
                Err(RecvError::Closed) => return,
            },
            message = messages.recv() => match message {
                Ok(message) => {
                    let text = message.value.convert::<String>().unwrap_or_default();
                    receive(Push::Message { channel: message.channel.to_string(), text });
                }
                Err(RecvError::Lagged(_)) => receive(Push::Gap),
                Err(RecvError::Closed) => return,
            },
        }
    }
}
