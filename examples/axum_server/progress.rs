//! How far something has come, on stderr.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Body;

/// Small enough that a slow line shows movement.
const PART: usize = 64 * 1024;
const TICK: Duration = Duration::from_millis(100);

/// A bar of this length, with these words beside it. Nothing at all where stderr is no terminal.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// A bar while bytes are sent, then a word on what is waited for.
pub(crate) struct Progress {
    bar: ProgressBar,
    rows: usize,
}

impl Progress {
    /// Nothing is sent yet, of so many bytes with so many rows in them.
    pub(crate) fn new(bytes: usize, rows: usize) -> Self {
        Self { bar: bar(bytes as u64, "{wide_bar} {bytes} of {total_bytes}  {msg}"), rows }
    }

    /// The same bytes, which move the bar as they are taken to be sent.
    pub(crate) fn body(&self, bytes: Vec<u8>) -> Body {
        let (bar, waiting) = (self.bar.clone(), format!("the server judges {} rows", self.rows));
        let parts: Vec<Vec<u8>> = bytes.chunks(PART).map(<[u8]>::to_vec).collect();
        Body::wrap_stream(stream::iter(parts.into_iter().map(move |part| {
            bar.inc(part.len() as u64);
            if bar.length() == Some(bar.position()) {
                bar.set_message(waiting.clone());
            }
            Ok::<_, Infallible>(part)
        })))
    }

    /// Clears the line: the answer speaks for itself.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
