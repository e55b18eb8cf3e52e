//! What is done in one go.

use crate::agenda::{Claimed, Item, News};

/// Claimed items that are done together: announcements of one kind to one audience, about one sweep or one card, which one message tells; any other
/// item is alone.
#[derive(Debug, Clone)]
pub struct Bundle {
    first: Claimed,
    others: Vec<Claimed>,
}

/// More than this many announcements make no readable message.
const MOST: usize = 16;
/// More is said of a task, in the target's words.
const MOST_TASKS: usize = 4;

impl Bundle {
    /// These items, each in one bundle.
    #[must_use]
    pub fn all_of(items: Vec<Claimed>) -> Vec<Self> {
        let mut bundles: Vec<Self> = Vec::with_capacity(items.len());
        for claimed in items {
            match bundles.iter_mut().find(|bundle| bundle.takes(&claimed)) {
                Some(bundle) => bundle.others.push(claimed),
                None => bundles.push(claimed.into()),
            }
        }
        bundles
    }

    fn takes(&self, claimed: &Claimed) -> bool {
        match (&self.first.item, &claimed.item) {
            (Item::Announce(ours), Item::Announce(other)) => {
                let same = ours.to == other.to && ours.under == other.under && ours.news == other.news;
                let most = if ours.news == News::Task { MOST_TASKS } else { MOST };
                same && self.others.len() + 1 < most
            }
            _ => false,
        }
    }

    /// Its first item.
    #[must_use]
    pub fn first(&self) -> &Claimed {
        &self.first
    }

    /// All of them.
    pub fn items(&self) -> impl Iterator<Item = &Claimed> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<Claimed> for Bundle {
    fn from(first: Claimed) -> Self {
        Self { first, others: Vec::new() }
    }
}
