//! What an address says besides its path.

use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;

use super::notice::Code;

/// The query of a page. Words that cannot be read ask for nothing: a link never leads to an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Words {
    /// The label of a [`Code`].
    notice: Option<String>,
    /// `all`: every card is selected.
    select: Option<String>,
    /// Where a list goes on.
    after: Option<String>,
    /// Where a list goes back.
    before: Option<String>,
    /// Which requests are listed.
    state: Option<String>,
    /// Who is looked for.
    address: Option<String>,
}

/// Words as they came.
pub(super) type Said = Result<Query<Words>, QueryRejection>;

impl Words {
    /// Those that could be read.
    pub(super) fn of(said: Said) -> Self {
        said.map(|Query(words)| words).unwrap_or_default()
    }

    /// What they ask to be said.
    pub(super) fn code(&self) -> Option<Code> {
        Code::read(self.notice.as_deref()?)
    }

    pub(super) fn selects_all(&self) -> bool {
        self.select.as_deref() == Some("all")
    }

    pub(super) fn after<T: FromStr>(&self) -> Option<T> {
        self.after.as_deref()?.parse().ok()
    }

    pub(super) fn before<T: FromStr>(&self) -> Option<T> {
        self.before.as_deref()?.parse().ok()
    }

    pub(super) fn state<T: FromStr>(&self) -> Option<T> {
        self.state.as_deref()?.parse().ok()
    }

    /// Without what surrounds it; nothing where nobody is looked for.
    pub(super) fn address(&self) -> Option<&str> {
        self.address.as_deref().map(str::trim).filter(|address| !address.is_empty())
    }
}
