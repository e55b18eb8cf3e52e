//! The suites: a case for each clause of a port's contract, named like it.
//!
//! A store is checked by writing a [`StoreHarness`] for it and handing that to
//! [`store_conformance!`](crate::store_conformance), which makes a test of each case. Every case starts with a harness of
//! its own, whose store must be empty.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "cases fail by panicking, and their names say what they check"
)]

pub mod agenda;
pub mod bulk;
pub mod cards;
pub mod claims;
pub mod directory;
pub mod exceptions;
pub mod lanes;
pub mod offboardings;
pub mod people;
pub mod requests;
pub mod savings;
mod scene;
pub mod seats;
pub mod sweeps;

use std::future::Future;
use std::time::Duration;

use crate::port::{Directory, DirectoryQueries, ExceptionStore, PeopleStore, RequestQueries, RequestStore};
use scene::Scene;

/// A store under test, behind all of its ports.
pub trait StoreHarness: Send + Sync {
    /// It as a request store.
    fn requests(&self) -> &dyn RequestStore;

    /// It as what lists and pages ask.
    fn queries(&self) -> &dyn RequestQueries;

    /// It as a people store.
    fn people(&self) -> &dyn PeopleStore;

    /// It as an exception store.
    fn exceptions(&self) -> &dyn ExceptionStore;

    /// It as a directory.
    fn directory(&self) -> &dyn Directory;

    /// It as what lists a directory.
    fn directory_queries(&self) -> &dyn DirectoryQueries;

    /// Moves on the clock by which the store judges leases.
    fn advance(&self, by: Duration);

    /// The same store in another process: closed (or better, killed) and opened again. One that does not survive its
    /// process answers itself.
    fn reopen(self) -> impl Future<Output = Self> + Send
    where
        Self: Sized;
}

/// Makes one test of each case of the store suites.
///
/// The first argument is what makes an async function a test, such as `tokio::test`; the second is an expression that
/// makes a [`StoreHarness`](crate::testing::conformance::StoreHarness), evaluated in an async function for each case.
///
/// # Examples
/// ```ignore
/// seatgate_core::store_conformance!(tokio::test, Harness::new().await);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($test:meta, $make:expr) => {
        $crate::store_conformance! { @cases $test, $make;
            requests {
                rs_01_a_change_lands_whole
                rs_01_a_refused_change_leaves_nothing
                rs_01_answers_come_in_the_order_of_the_changes
                rs_01_a_known_card_keeps_its_receipt
                rs_02_only_the_expected_version_lands
                rs_02_one_of_64_racing_changes_lands
                rs_03_a_repeated_change_is_known
                rs_03_a_known_change_is_known_whatever_else_it_says
                rs_03_a_change_is_known_by_its_stream
                rs_04_two_changes_of_a_stream_never_land_out_of_order
                rs_10_what_was_answered_is_there_after_a_restart
                rs_10_tokens_rise_across_a_restart
                rs_11_a_bad_change_spoils_no_other
                unknown_things_are_nothing
                requests_load_in_the_order_of_the_question
                lists_are_filtered_and_paged
                lists_go_newest_first_too
                requests_are_counted_by_state
                everybody_who_was_asked_is_listed_with_what_waits
                what_waits_for_somebody_follows_votes_and_moves
                lists_leave_out_what_somebody_was_asked
                lists_know_until_when_a_seat_is_kept
                streams_are_listed_by_name_and_read_in_parts
                the_depth_of_the_agenda_is_known
            }
            offboardings {
                rs_05_one_open_offboarding_has_a_person
                rs_05_one_of_64_racing_offboardings_takes_a_person
                rs_05_another_offboarding_takes_a_person_who_was_released
                rs_05_a_seat_says_whether_its_holder_leaves
                the_offboarding_table_has_a_row_a_task_with_its_times
                the_offboarding_table_is_filtered_and_paged
                the_offboarding_table_says_what_was_said_of_a_task_and_why_it_was_left_out
                requests_are_listed_by_who_holds_the_seat
                offboardings_are_listed_apart_and_for_whoever_does_a_task
                under_four_eyes_it_is_on_the_list_of_the_second_and_then_of_whoever_does_a_task
            }
            savings {
                savings_are_added_up_by_month_app_standing_proof_and_currency
                savings_follow_their_request
            }
            sweeps {
                rs_01_a_delivery_is_kept_once
                rs_01_sweeps_without_a_delivery_do_not_collide
                rs_01_one_of_64_racing_deliveries_is_kept
                rs_01_a_row_is_answered_once
                rs_01_a_refused_row_refuses_its_request
                rs_12_a_held_row_is_answered_again_once
                rs_12_one_of_64_racing_releases_lands
                rs_12_a_row_that_is_not_held_refuses_its_request
                rs_13_deliveries_join_one_after_the_other
                rs_13_one_of_64_racing_joins_comes_first
                sweeps_are_found_by_their_ids
            }
            bulk {
                rs_15_batches_come_one_after_the_other
                rs_15_a_batch_comes_back_as_it_was_received
                rs_15_one_of_64_racing_batches_is_kept
                rs_15_only_a_sweep_in_bulk_takes_batches
                rs_15_batches_and_answers_are_there_after_a_restart
                rs_16_a_seal_ends_the_rows_once
                rs_16_a_seal_and_a_batch_never_cross
                a_sweep_in_bulk_is_found_as_it_was_opened
                batches_are_forgotten_once_all_of_their_rows_are_before
                rows_are_read_by_their_numbers
                requests_are_counted_by_app
            }
            cards {
                rs_14_requests_join_a_card_that_is_there
                rs_14_a_card_may_be_about_a_sweep
                rs_14_an_edit_schedules_a_sync_and_touches_no_receipt
                rs_14_an_edit_of_no_card_does_nothing
                a_sweeps_rows_and_requests_are_counted
            }
            directory {
                di_01_whom_the_directory_does_not_know_can_be_asked
                di_01_people_come_in_the_order_of_the_question
                di_01_racing_questions_are_answered_each_on_its_own
                di_02_an_edit_says_the_one_thing_that_it_is_about
                di_02_absences_that_are_over_do_not_hold
                di_02_a_delegation_holds_until_it_ends
                di_02_owners_are_asked_in_their_order
                di_02_operators_are_appointed_and_dismissed
                di_02_what_was_edited_is_there_after_a_restart
                rs_01_edits_land_with_their_change_or_not_at_all
                ps_03_an_erased_person_is_gone_from_the_directory
                known_people_and_delegations_are_paged
                ps_01_a_new_identity_under_a_known_reference_is_one_more_of_that_person
            }
            seats {
                rs_05_an_unknown_seat_has_generation_0
                rs_05_take_refuses_a_taken_seat
                rs_05_take_refuses_a_raised_generation
                rs_05_release_frees_the_seat_and_raises_its_generation
                rs_05_release_keeps_until_when_the_seat_is_left_alone
                rs_05_release_without_a_seat_lands_and_frees_no_other
                rs_05_filing_raises_the_generation_of_a_taken_seat_and_leaves_it_taken
                rs_05_entitlements_are_seats_of_their_own
                rs_05_one_of_64_racing_requests_takes_the_seat
                rs_05_two_requests_in_one_batch_do_not_share_a_seat
                rs_05_filing_and_asking_never_cross
            }
            agenda {
                rs_06_a_change_lands_under_its_lease
                rs_06_a_lease_that_ran_out_still_fences
                rs_06_a_later_claim_takes_the_item_away
                rs_06_a_removed_item_is_nobodys
                rs_06_a_replaced_item_is_nobodys
                rs_06_a_settled_item_is_no_longer_ours
                rs_06_a_settlement_without_the_item_changes_nothing
                rs_06_a_settlement_brings_everything_that_goes_with_it
                rs_06_a_card_keeps_its_first_delivery
                rs_06_settlements_are_judged_one_by_one
                rs_09_an_earlier_due_time_counts
                rs_09_what_is_wanted_meanwhile_keeps_the_item
                rs_09_done_ends_an_item_that_is_wanted_no_more
                rs_09_failures_in_a_row_are_counted
                rs_09_a_settled_item_is_due_when_it_says
                rs_09_a_change_settles_the_item_it_is_fenced_by
                rs_09_a_refused_change_settles_nothing
                rs_09_other_items_are_replaced
                rs_09_edits_apply_in_their_order
                rs_09_edits_of_absent_items_do_nothing
            }
            claims {
                rs_07_an_item_under_a_lease_is_given_to_nobody_else
                rs_07_a_lost_lease_is_given_again_and_shows
                rs_07_tokens_rise_also_when_the_item_was_gone
                rs_07_due_times_are_judged_by_the_callers_clock
                rs_07_leases_are_judged_by_the_stores_clock
                rs_07_what_is_due_first_is_claimed_first
                rs_07_the_earliest_are_claimed_however_many_are_in_one_lane
                rs_07_a_lease_is_as_long_as_the_claim_says
                rs_07_hold_sets_the_lease_anew_and_keeps_the_token
                rs_07_racing_claims_share_without_overlap
            }
            lanes {
                rs_08_a_closed_lane_holds_its_items_and_no_others
                rs_08_a_closing_stands_though_the_lane_works
                rs_08_a_lane_stays_closed_as_long_as_anybody_said
                rs_08_an_item_due_after_its_lane_opens_is_due_when_it_says
                rs_08_what_has_begun_is_not_held
                rs_08_hold_lifts_the_gate
                rs_08_while_removals_are_closed_none_begins
                rs_08_messages_are_left_where_they_are_not_meant
                rs_08_a_lane_has_a_quota
                rs_08_a_lane_may_have_a_cap_of_its_own
                rs_08_what_is_in_no_lane_has_no_quota
                rs_08_failures_in_a_row_are_counted_by_lane
                rs_08_a_refused_change_says_nothing_about_its_lane
                rs_08_a_settlement_reports_on_its_lane
            }
            people {
                ps_01_one_identity_is_one_person
                ps_01_a_missing_name_is_taken_up_and_a_known_one_stays
                ps_01_64_racing_questions_add_one_person
                ps_02_an_account_is_found_by_either_name
                ps_02_apps_have_accounts_of_their_own
                ps_02_an_email_only_account_adopts_the_first_id
                ps_02_an_account_with_an_id_takes_up_its_address
                ps_02_newer_names_are_shown
                ps_02_an_address_moves_between_accounts_with_ids
                ps_02_both_keys_lead_to_the_one_seat_after_a_merge
                ps_02_of_two_open_requests_the_older_keeps_the_seat
                ps_02_exceptions_follow_a_merge
                ps_02_a_merge_of_a_merge_is_followed
                ps_02_64_racing_reports_of_both_names_end_as_one_seat
                ps_03_an_erased_person_resolves_to_nothing
                ps_03_a_text_about_several_people_goes_with_any_of_them
                ps_03_erasing_forgets_account_names_with_their_addresses
                ps_04_answers_come_in_the_order_of_the_question
                ps_04_one_question_may_name_the_same_account_twice
                ps_05_known_accounts_are_those_that_would_be_found
            }
            exceptions {
                es_01_filing_again_changes_nothing
                es_01_filing_a_revoked_id_does_nothing
                es_01_64_racing_filings_file_once
                es_02_what_was_filed_is_found_in_full
                es_02_what_was_filed_is_found_after_a_restart
                es_02_an_exception_covers_its_seat_and_no_other
                es_03_filing_raises_the_generation_of_the_seat
                es_04_an_exception_holds_until_its_end
                es_04_an_older_exception_that_holds_is_found_behind_one_that_does_not
                es_04_answers_come_in_the_order_of_the_question
                es_05_revoking_ends_an_exception_and_says_whether_it_held
                es_05_one_of_64_racing_revocations_ended_it
                exceptions_are_listed_by_id_and_paged
            }
        }
    };
    (@cases $test:meta, $make:expr; $($suite:ident { $($case:ident)* })*) => {$($(
        #[$test]
        async fn $case() {
            let harness = $make;
            $crate::testing::conformance::$suite::$case(harness).await;
        }
    )*)*};
}
