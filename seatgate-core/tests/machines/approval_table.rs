//! The first machine, pair by pair.

use std::collections::BTreeSet;

use seatgate_core::request::{ApprovalInput, ApprovalState, Refusal};

use ApprovalInput::{Approve, Keep, Lapse, Undo, Withdraw};
use ApprovalState::{Approved, Cancelled, Kept, Lapsed, Open};

const STATES: [ApprovalState; 5] = [Open, Approved, Kept, Lapsed, Cancelled];
const INPUTS: [ApprovalInput; 5] = [Approve, Keep, Lapse, Withdraw, Undo];

type Answer = Result<ApprovalState, Refusal>;

#[rustfmt::skip]
const TABLE: [(ApprovalState, ApprovalInput, Answer); 25] = [
    (Open,      Approve,  Ok(Approved)),
    (Open,      Keep,     Ok(Kept)),
    (Open,      Lapse,    Ok(Lapsed)),
    (Open,      Withdraw, Ok(Cancelled)),
    (Open,      Undo,     Err(Refusal::NothingToUndo)),

    (Approved,  Approve,  Err(Refusal::AlreadyDecided)),
    (Approved,  Keep,     Err(Refusal::AlreadyDecided)),
    (Approved,  Lapse,    Err(Refusal::AlreadyDecided)),
    (Approved,  Withdraw, Ok(Cancelled)),
    (Approved,  Undo,     Ok(Cancelled)),

    (Kept,      Approve,  Err(Refusal::AlreadyDecided)),
    (Kept,      Keep,     Err(Refusal::AlreadyDecided)),
    (Kept,      Lapse,    Err(Refusal::AlreadyDecided)),
    (Kept,      Withdraw, Err(Refusal::AlreadyKept)),
    (Kept,      Undo,     Err(Refusal::AlreadyKept)),

    (Lapsed,    Approve,  Err(Refusal::Closed)),
    (Lapsed,    Keep,     Err(Refusal::Closed)),
    (Lapsed,    Lapse,    Err(Refusal::Closed)),
    (Lapsed,    Withdraw, Err(Refusal::Closed)),
    (Lapsed,    Undo,     Err(Refusal::Closed)),

    (Cancelled, Approve,  Err(Refusal::Closed)),
    (Cancelled, Keep,     Err(Refusal::Closed)),
    (Cancelled, Lapse,    Err(Refusal::Closed)),
    (Cancelled, Withdraw, Err(Refusal::Closed)),
    (Cancelled, Undo,     Err(Refusal::Closed)),
];

/// Fails to compile when a state or an input is added, so that the table grows with them.
fn is_known(state: ApprovalState, input: ApprovalInput) {
    match state {
        Open | Approved | Kept | Lapsed | Cancelled => {}
    }
    match input {
        Approve | Keep | Lapse | Withdraw | Undo => {}
    }
}

#[test]
fn every_pair_is_what_the_table_says() {
    for (state, input, answer) in TABLE {
        is_known(state, input);
        assert_eq!(state.next(input), answer, "{state:?} x {input:?}");
    }
}

#[test]
fn the_table_is_total() {
    let pairs: BTreeSet<String> = TABLE.iter().map(|(state, input, _)| format!("{state:?} {input:?}")).collect();
    assert_eq!(pairs.len(), STATES.len() * INPUTS.len());
}

#[test]
fn nothing_is_decided_twice() {
    let decided = [Approved, Kept, Lapsed, Cancelled];
    for (state, input) in decided.into_iter().flat_map(|state| [Approve, Keep, Lapse].map(|input| (state, input))) {
        assert!(state.next(input).is_err(), "{state:?} x {input:?}");
    }
}
