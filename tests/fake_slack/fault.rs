//! Faults that tests ask for.

use std::collections::VecDeque;

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// `ok: false` with this error; nothing is performed.
    Error(&'static str),
    /// 429 with `Retry-After`; nothing is performed.
    RateLimited { seconds: u32 },
    /// This status and no JSON, before anything is performed.
    StatusBefore(u16),
    /// This status and no JSON, after it was performed.
    StatusAfter(u16),
    /// No answer, ever, before anything is performed.
    SilentBefore,
    /// No answer, ever, after it was performed.
    SilentAfter,
    /// The connection ends without an answer, before anything is performed.
    ResetBefore,
    /// The connection ends without an answer, after it was performed.
    ResetAfter,
    /// Status 200 and this body, after it was performed.
    BodyAfter(String),
}

impl Fault {
    /// Whether the call is performed all the same.
    pub(super) fn is_after(&self) -> bool {
        matches!(self, Self::StatusAfter(_) | Self::SilentAfter | Self::ResetAfter | Self::BodyAfter(_))
    }
}

/// The faults still to come, in the order asked for.
#[derive(Default)]
pub(super) struct Faults(VecDeque<(String, Option<String>, Fault)>);

impl Faults {
    pub(super) fn add(&mut self, method: &str, channel: Option<&str>, fault: Fault) {
        self.0.push_back((method.to_owned(), channel.map(str::to_owned), fault));
    }

    /// The fault for this call, used up.
    pub(super) fn take(&mut self, method: &str, channel: Option<&str>) -> Option<Fault> {
        let fits = |(of, only, _): &(String, Option<String>, Fault)| {
            of == method && only.as_deref().is_none_or(|only| Some(only) == channel)
        };
        let at = self.0.iter().position(fits)?;
        self.0.remove(at).map(|(_, _, fault)| fault)
    }
}
