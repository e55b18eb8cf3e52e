//! Checking a trail that is read in order, whatever its length.

use seatgate_core::trail::{Broken, Chain, Entry, Stream};

/// Follows one chain after the other.
#[derive(Default)]
pub(crate) struct TrailCheck {
    /// The chain that is being followed.
    open: Option<Chain>,
    pub(crate) streams: u64,
    pub(crate) entries: u64,
}

impl TrailCheck {
    /// Takes the next entry of the trail, which stands under `stream`. Answers the chain that ended before it, if one did.
    pub(crate) fn follow(&mut self, stream: Stream, entry: &Entry) -> Result<Option<Chain>, Broken> {
        let ended = self.open.take_if(|chain| chain.stream != stream);
        let chain = self.open.get_or_insert_with(|| Chain::empty(stream));
        self.streams += u64::from(chain.version == 0);
        chain.follow(entry)?;
        self.entries += 1;
        Ok(ended)
    }

    /// The chain that nothing has ended but the end of the trail.
    pub(crate) fn last(&mut self) -> Option<Chain> {
        self.open.take()
    }
}
