//! What a body says about a seat: of a candidate as of an exception.

use seatgate_core::gate::SeatNames;
use seatgate_core::seat::{AccountDraft, AppDraft, CandidateError};

use crate::json::{Expected, TEXT};

/// The members of every body that is about a seat.
pub(crate) const SEAT: &[(&str, Expected)] = &[
    ("", Expected::Object),
    ("/app", Expected::Object),
    ("/app/id", TEXT),
    ("/app/name", TEXT),
    ("/account", Expected::Object),
    ("/account/id", TEXT),
    ("/account/email", TEXT),
    ("/account/name", TEXT),
    ("/entitlement", TEXT),
];

/// A seat, from what a body says about it.
pub(crate) fn seat(
    app: AppDraft,
    account: AccountDraft,
    entitlement: Option<String>,
) -> Result<SeatNames, CandidateError> {
    let (app, account) = (app.parse()?, account.parse()?);
    let entitlement = entitlement.unwrap_or_default().parse();
    let entitlement = entitlement.map_err(|error| CandidateError::new("/entitlement", error))?;
    Ok(SeatNames::new(app, account, entitlement))
}
