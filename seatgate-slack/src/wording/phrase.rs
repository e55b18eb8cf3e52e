//! Everything that is ever said, in English.

/// Where a phrase goes, which limits its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Header,
    Button,
    ConfirmTitle,
    ConfirmText,
    ConfirmButton,
    ModalTitle,
    Text,
}

impl Place {
    /// How many characters fit.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Header => 150,
            Self::Button => 75,
            Self::ConfirmTitle => 100,
            Self::ConfirmText => 300,
            Self::ConfirmButton => 30,
            Self::ModalTitle => 24,
            Self::Text => 1000,
        }
    }
}

macro_rules! phrases {
    ($($phrase:ident = $label:literal, $place:ident, $english:literal;)+) => {
        /// Something that is said. What each says in English, with its slots, is in its description.
        ///
        /// Where one and many differ there is a phrase for each: the one whose name ends in `One`, and the other.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Phrase { $(#[doc = concat!("“", $english, "”")] $phrase,)+ }

        impl Phrase {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$phrase),+];

            /// The text that stands for it in files.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$phrase => $label,)+ }
            }

            /// What it says in English: a template.
            #[must_use]
            pub const fn english(self) -> &'static str {
                match self { $(Self::$phrase => $english,)+ }
            }

            pub(super) const fn place(self) -> Place {
                match self { $(Self::$phrase => Place::$place,)+ }
            }
        }
    };
}

phrases! {
    // A seat.
    Seat = "seat", Text, "{app}: {account}";
    SeatOfKind = "seat_of_kind", Text, "{app} ({kind}): {account}";
    Verbatim = "verbatim", Text, "{text}";
    AccountOfKind = "account_of_kind", Text, "{account} ({kind})";
    AppOfKind = "app_of_kind", Text, "{app} ({kind})";
    LabelApp = "label_app", Text, "App";
    LabelAccount = "label_account", Text, "Account";
    LabelUse = "label_use", Text, "Use";
    LabelCost = "label_cost", Text, "Cost";
    Idle = "idle", Text, "{days} days idle: last used on {date}, as of {observed}";
    IdleOne = "idle_one", Text, "{days} day idle: last used on {date}, as of {observed}";
    NeverUsed = "never_used", Text, "Never used, as of {observed}";
    Cost = "cost", Text, "{cost} a month";

    // Asking.
    HeadingAsk = "heading_ask", Header, "Is this seat still needed?";
    HeadingAskMany = "heading_ask_many", Header, "Are these seats still needed?";
    HeadingAskHolder = "heading_ask_holder", Header, "Do you still need this seat?";
    ForPerson = "for_person", Text, "{person}, this is for you to answer.";
    ForAbsent = "for_absent", Text, "{person} is asked, and cannot be reached in Slack: the web inbox takes the answer.";
    Repeated = "repeated", Text, "A reminder, or a copy: you may have seen this before. One answer is enough.";
    Test = "test", Text, "TEST: nothing will be removed.";
    WhyManager = "why_manager", Text, "You are asked because you are named as the holder's manager.";
    WhyFallback = "why_fallback", Text, "You are asked because the policy names you for seats whose manager cannot decide alone.";
    WhyOperator = "why_operator", Text, "You are asked because you operate seatgate, and nobody else could be asked.";
    WhyHolder = "why_holder", Text, "You are asked because the seat is yours, and your word is asked first.";
    WhyNextManager = "why_next_manager", Text, "You are asked because you are next above a manager who cannot be asked, or who has not answered.";
    WhyDelegate = "why_delegate", Text, "You are asked because you stand in for somebody who would be asked.";
    WhyOwner = "why_owner", Text, "You are asked because you own the app.";
    WhyReassigned = "why_reassigned", Text, "You are asked because it was handed to you.";
    Met = "met", Text, "{person} ({role}) {status}.";
    RoleHolder = "role_holder", Text, "the holder";
    RoleManager = "role_manager", Text, "the manager";
    RoleNextManager = "role_next_manager", Text, "the next manager above";
    RoleDelegate = "role_delegate", Text, "the stand-in";
    RoleOwner = "role_owner", Text, "an owner of the app";
    RoleFallback = "role_fallback", Text, "a fallback approver";
    RoleOperator = "role_operator", Text, "an operator";
    RoleReassigned = "role_reassigned", Text, "whom it was handed to";
    TurnAsked = "turn_asked", Text, "is asked";
    TurnStoodInFor = "turn_stood_in_for", Text, "has a stand-in";
    TurnAway = "turn_away", Text, "is away";
    TurnDisabled = "turn_disabled", Text, "has left";
    TurnBot = "turn_bot", Text, "is no human";
    TurnHolder = "turn_holder", Text, "holds the seat";
    TurnCycle = "turn_cycle", Text, "was met before";
    Reversible = "reversible", Text, "Approving removes the seat, which can be undone at the target.";
    Irreversible = "irreversible", Text, "Approving removes the seat, which cannot be undone.";
    HolderInforms = "holder_informs", Text, "Whatever you answer, the approver hears of it and decides.";
    HolderReversible = "holder_reversible", Text, "If you still need it, the approver hears why and decides. Releasing it removes the seat, which can be undone at the target.";
    HolderIrreversible = "holder_irreversible", Text, "If you still need it, the approver hears why and decides. Releasing it removes the seat, which cannot be undone.";
    VotesOfTotal = "votes_of_total", Text, "A removal needs {total} approvals; {count} so far.";
    VotedBy = "voted_by", Text, "Approved by {by}, {at}.";
    HandedOnBy = "handed_on_by", Text, "{by} handed it on to you.";
    HolderNeeds = "holder_needs", Text, "The holder still needs it.";
    HolderReleases = "holder_releases", Text, "The holder releases it.";
    YouNeed = "you_need", Text, "You said that you still need it.";
    YouRelease = "you_release", Text, "You released it.";
    Finally = "finally", Text, "Removing it cannot be undone.";
    NotFinally = "not_finally", Text, "Removing it can be undone at the target.";
    Pair = "pair", Text, "{first} · {second}";
    AnswerBy = "answer_by", Text, "Please answer by {until}.";

    // Buttons and what they ask again.
    ButtonApprove = "button_approve", Button, "Approve removal";
    ButtonKeep = "button_keep", Button, "Keep seat";
    ButtonUndo = "button_undo", Button, "Undo";
    ButtonStillNeed = "button_still_need", Button, "I still need it";
    ButtonRelease = "button_release", Button, "Release it";
    ButtonReassign = "button_reassign", Button, "Ask someone else";
    ButtonWhy = "button_why", Button, "Why me?";
    ButtonApproveRest = "button_approve_rest", Button, "Approve the rest ({count})";
    ButtonKeepRest = "button_keep_rest", Button, "Keep the rest ({count})";
    ButtonPrevious = "button_previous", Button, "Previous page";
    ButtonNext = "button_next", Button, "Next page";
    ButtonPage = "button_page", Button, "{page}";
    SpokenApprove = "spoken_approve", Button, "Approve removal: {seat}";
    SpokenKeep = "spoken_keep", Button, "Keep seat: {seat}";
    SpokenUndo = "spoken_undo", Button, "Undo the removal: {seat}";
    SpokenStillNeed = "spoken_still_need", Button, "I still need it: {seat}";
    SpokenRelease = "spoken_release", Button, "Release it: {seat}";
    SpokenReassign = "spoken_reassign", Button, "Ask someone else: {seat}";
    SpokenWhy = "spoken_why", Button, "Why am I asked: {seat}";
    ConfirmTitle = "confirm_title", ConfirmTitle, "Approve removal?";
    ConfirmReversible = "confirm_reversible", ConfirmText, "{seat}. The seat is removed; that can be undone at the target.";
    ConfirmIrreversible = "confirm_irreversible", ConfirmText, "{seat}. The seat is removed; that cannot be undone.";
    ConfirmYes = "confirm_yes", ConfirmButton, "Approve removal";
    ConfirmNo = "confirm_no", ConfirmButton, "Cancel";
    ConfirmReleaseTitle = "confirm_release_title", ConfirmTitle, "Release this seat?";
    ConfirmReleaseInforms = "confirm_release_informs", ConfirmText, "{seat}. The approver hears of it and decides.";
    ConfirmReleaseYes = "confirm_release_yes", ConfirmButton, "Release it";
    ConfirmRestTitle = "confirm_rest_title", ConfirmTitle, "Approve {count} removals?";
    ConfirmRest = "confirm_rest", ConfirmText, "This removes every seat on this page that is not decided: {count}.";
    ConfirmRestCost = "confirm_rest_cost", ConfirmText, "This removes every seat on this page that is not decided: {count}, for {cost} a month.";
    ConfirmRestUndoable = "confirm_rest_undoable", ConfirmText, "Can be undone at the target: {count}.";
    ConfirmRestFinal = "confirm_rest_final", ConfirmText, "Cannot be undone: {count}.";
    ConfirmKeepRestTitle = "confirm_keep_rest_title", ConfirmTitle, "Keep {count} seats?";
    ConfirmKeepRest = "confirm_keep_rest", ConfirmText, "This keeps every seat on this page that is not decided: {count}.";
    ConfirmKeepRestCost = "confirm_keep_rest_cost", ConfirmText, "This keeps every seat on this page that is not decided: {count}, for {cost} a month.";
    ConfirmKeepYes = "confirm_keep_yes", ConfirmButton, "Keep them";

    // How a request stands.
    Waiting = "waiting", Text, "Waiting for an answer.";
    WaitingUntil = "waiting_until", Text, "Waiting for an answer until {until}.";
    YourVote = "your_vote", Text, "Your approval is in: {count} of {total}.";
    MovedTo = "moved_to", Text, "Now asked in your place: {people}.";
    MovedOn = "moved_on", Text, "Now asked: {people}.";
    MovedAway = "moved_away", Text, "Somebody else is asked now.";
    InGrace = "in_grace", Text, "It can still be undone.";
    InGraceUntil = "in_grace_until", Text, "It can be undone until {until}.";
    Executing = "executing", Text, "Removing the seat.";
    Keeping = "keeping", Text, "Keeping the seat; filing the exception.";
    Stopping = "stopping", Text, "Stopping.";
    NeedsAttention = "needs_attention", Text, "Needs attention: the last step did not succeed.";
    Closed = "closed", Text, "Closed.";
    Reclaimed = "reclaimed", Text, "The seat is reclaimed.";
    PartlyReclaimed = "partly_reclaimed", Text, "The seat is partly reclaimed.";
    Kept = "kept", Text, "The seat is kept.";
    Expired = "expired", Text, "Nobody answered in time; nothing was done.";
    Withdrawn = "withdrawn", Text, "Withdrawn; nothing was done.";
    UsedAgain = "used_again", Text, "The seat was used again; nothing was done.";
    Stopped = "stopped", Text, "Stopped.";
    DryRun = "dry_run", Text, "A test; nothing was done.";
    MayBeRemoved = "may_be_removed", Text, "The removal may have happened all the same.";
    MayBeFiled = "may_be_filed", Text, "The exception may be filed all the same.";
    ApprovedBy = "approved_by", Text, "Removal approved by {by}, {at}.";
    KeptBy = "kept_by", Text, "Kept by {by}, {at}.";
    KeptUntilBy = "kept_until_by", Text, "Kept until {until} by {by}, {at}.";
    Reason = "reason", Text, "Reason: {reason}";
    HeadingApproved = "heading_approved", Header, "Removal approved";
    HeadingVoted = "heading_voted", Header, "Your approval is in";
    HeadingAnswered = "heading_answered", Header, "Your answer is in";
    HeadingMoved = "heading_moved", Header, "Somebody else is asked now";
    HeadingKept = "heading_kept", Header, "Seat kept";
    HeadingReclaimed = "heading_reclaimed", Header, "Seat reclaimed";
    HeadingAttention = "heading_attention", Header, "A seat needs attention";
    HeadingOver = "heading_over", Header, "No answer is needed any more";
    HeadingDecidedMany = "heading_decided_many", Header, "No answer is needed any more";

    // Several seats on one card.
    OpenOfTotal = "open_of_total", Text, "{count} of {total} seats wait for an answer.";
    OpenOfTotalOne = "open_of_total_one", Text, "{count} of {total} seats waits for an answer.";
    NoneOpen = "none_open", Text, "All {total} are answered or over.";
    OpenCost = "open_cost", Text, "Those that wait cost {cost} a month.";
    TotalCost = "total_cost", Text, "All together cost {cost} a month.";
    PageOfPages = "page_of_pages", Text, "Page {page} of {pages}";
    Group = "group", Text, "{app}: {count} seats";
    GroupOne = "group_one", Text, "{app}: {count} seat";
    GroupCost = "group_cost", Text, "{app}: {count} seats, {cost} a month";
    GroupCostOne = "group_cost_one", Text, "{app}: {count} seat, {cost} a month";

    // A sweep.
    HeadingSweep = "heading_sweep", Header, "Sweep of {date}";
    AtStake = "at_stake", Text, "At stake: {cost} a month";
    ReclaimedCost = "reclaimed_cost", Text, "Reclaimed: {cost} a month";
    SweepRows = "sweep_rows", Text, "What came in";
    SweepStanding = "sweep_standing", Text, "How it goes";
    SweepEmpty = "sweep_empty", Text, "Nobody is asked about any of it.";
    Tally = "tally", Text, "{status}: {count}";
    TallyCost = "tally_cost", Text, "{status}: {count} ({cost} a month)";
    RowAsked = "row_asked", Text, "Asked";
    RowDuplicate = "row_duplicate", Text, "Asked about already";
    RowExcepted = "row_excepted", Text, "Kept by an exception";
    RowFiltered = "row_filtered", Text, "Filtered by the policy";
    RowHeld = "row_held", Text, "Held back by a limit";
    RowRejected = "row_rejected", Text, "Unusable";
    RowSuppressed = "row_suppressed", Text, "Not asked in a test";
    RowReceived = "row_received", Text, "Received, not looked at yet";
    ShortWaiting = "short_waiting", Text, "Waiting for an answer";
    ShortInGrace = "short_in_grace", Text, "Approved, can be undone";
    ShortExecuting = "short_executing", Text, "Removing";
    ShortKeeping = "short_keeping", Text, "Keeping";
    ShortStopping = "short_stopping", Text, "Stopping";
    ShortAttention = "short_attention", Text, "In need of attention";
    ShortClosed = "short_closed", Text, "Closed";
    ShortReclaimed = "short_reclaimed", Text, "Reclaimed";
    ShortPartlyReclaimed = "short_partly_reclaimed", Text, "Partly reclaimed";
    ShortKept = "short_kept", Text, "Kept";
    ShortExpired = "short_expired", Text, "Not answered in time";
    ShortWithdrawn = "short_withdrawn", Text, "Withdrawn";
    ShortStopped = "short_stopped", Text, "Stopped, maybe in part";
    ShortDryRun = "short_dry_run", Text, "Tested";

    // The modal that asks about a keep.
    KeepTitle = "keep_title", ModalTitle, "Keep seat";
    KeepTitleMany = "keep_title_many", ModalTitle, "Keep {count} seats";
    KeepSubmit = "keep_submit", ModalTitle, "Keep";
    KeepCancel = "keep_cancel", ModalTitle, "Cancel";
    KeepReasonLabel = "keep_reason_label", Header, "Why is it needed?";
    KeepReasonHint = "keep_reason_hint", Header, "Whoever sees the request later will read this.";
    KeepUntilLabel = "keep_until_label", Header, "Keep until";
    KeepUntilHint = "keep_until_hint", Header, "From {earliest} to {latest}, its end in UTC.";
    AndMore = "and_more", Text, "And {count} more.";
    KeepNeedsReason = "keep_needs_reason", Text, "Please say why the seat is needed.";
    KeepReasonTooLong = "keep_reason_too_long", Text, "Please say it in at most {count} characters.";
    KeepNeedsDate = "keep_needs_date", Text, "Please choose a date.";
    KeepEndsInPast = "keep_ends_in_past", Text, "The date must be in the future.";
    KeepTooLong = "keep_too_long", Text, "The policy does not keep a seat for that long.";
    KeepTooLongUntil = "keep_too_long_until", Text, "The policy keeps a seat until {latest} at most.";

    // The other two modals: a holder's reason, and whom to ask.
    NeedTitle = "need_title", ModalTitle, "I still need it";
    NeedSubmit = "need_submit", ModalTitle, "Tell the approver";
    NeedReasonLabel = "need_reason_label", Header, "Why do you need it?";
    NeedReasonHint = "need_reason_hint", Header, "The approver reads this, and decides.";
    ReassignTitle = "reassign_title", ModalTitle, "Ask someone else";
    ReassignSubmit = "reassign_submit", ModalTitle, "Ask them";
    ReassignToLabel = "reassign_to_label", Header, "Who should answer?";
    ReassignNoteLabel = "reassign_note_label", Header, "Why them?";
    ReassignNoteHint = "reassign_note_hint", Header, "They read it, and it is kept with the request.";
    ReassignNeedsPerson = "reassign_needs_person", Text, "Please choose somebody.";
    ReassignNeedsNote = "reassign_needs_note", Text, "Please say why they should answer.";

    // What somebody is told below their card.
    NoteReminder = "note_reminder", Header, "Your answer is still waited for";
    NoteOverruled = "note_overruled", Header, "An operator has decided in your place";
    NoteUsedAgain = "note_used_again", Header, "A seat was used again: your answer is not needed any more";
    NoteStanding = "note_standing", Header, "Something has changed";
    NoteFor = "note_for", Text, "For {person}:";
    NoteRepeated = "note_repeated", Text, "You may have seen this before.";

    // An offboarding.
    OffboardingOf = "offboarding_of", Text, "{person}: offboarding by {playbook}";
    HeadingOffboarding = "heading_offboarding", Header, "Offboarding of {person}";
    HeadingAskOffboarding = "heading_ask_offboarding", Header, "May this offboarding begin?";
    HeadingSummary = "heading_summary", Header, "Summary";
    LabelTasks = "label_tasks", Text, "What is done";
    WhyFourEyes = "why_four_eyes", Text, "You are asked because you operate seatgate, and an offboarding needs a second operator.";
    FourEyesEffect = "four_eyes_effect", Text, "Approving begins these tasks at once. Declining ends it, and nothing is done.";
    OffboardingAskedBy = "offboarding_asked_by", Text, "By {playbook}, asked for by {by}.";
    DeclinedBy = "declined_by", Text, "Declined by {by}, {at}.";
    OffboardingWaits = "offboarding_waits", Text, "Waiting for a second operator.";
    OffboardingRuns = "offboarding_runs", Text, "Running.";
    OffboardingAttention = "offboarding_attention", Text, "Needs attention: a task did not succeed.";
    OffboardingDone = "offboarding_done", Text, "Every task is done.";
    OffboardingPartly = "offboarding_partly", Text, "Over; not every task is done.";
    OffboardingExpired = "offboarding_expired", Text, "No second operator answered in time; nothing was done.";
    OffboardingWithdrawn = "offboarding_withdrawn", Text, "Withdrawn or declined; nothing was done.";
    OffboardingDoubt = "offboarding_doubt", Text, "Something may have happened although it is not done.";
    TaskFor = "task_for", Text, "{task} (for {person})";
    TaskStands = "task_stands", Text, "{task}: {status}";
    TaskStandsSince = "task_stands_since", Text, "{task}: {status}, {at}";
    TaskWaiting = "task_waiting", Text, "waits for other tasks";
    TaskReady = "task_ready", Text, "about to begin";
    TaskToDo = "task_to_do", Text, "to be done by hand";
    TaskInFlight = "task_in_flight", Text, "under way";
    TaskProbing = "task_probing", Text, "being looked up";
    TaskPaused = "task_paused", Text, "waits for an answer";
    TaskDone = "task_done", Text, "done";
    TaskSkipped = "task_skipped", Text, "left out";
    TaskCancelled = "task_cancelled", Text, "cancelled";
    TaskByHand = "task_by_hand", Text, "This is done by hand: press the button when it is done.";
    TaskDoubtful = "task_doubtful", Text, "It may have happened all the same.";
    TaskDetail = "task_detail", Text, "The target said: {text}";
    TaskNote = "task_note", Text, "Note: {text}";
    TaskAttempts = "task_attempts", Text, "Attempts: {count}.";
    TaskDoneBy = "task_done_by", Text, "Said to be done by {by}.";
    TaskSkippedBy = "task_skipped_by", Text, "Left out by {by}.";
    TaskSkippedByPlan = "task_skipped_by_plan", Text, "Left out as the playbook says: the target refused it.";
    TaskAbsent = "task_absent", Text, "There was nothing left to do.";
    TaskScheduled = "task_scheduled", Text, "It takes effect {at}.";
    TaskStillBilled = "task_still_billed", Text, "It is still billed.";
    StoppedBy = "stopped_by", Text, "Stopped by {by}.";
    HeadingErrand = "heading_errand", Header, "Please do this by hand";
    HeadingErrandOver = "heading_errand_over", Header, "Nothing left for you to do";
    PauseRejected = "pause_rejected", Text, "The target refused it for good.";
    PauseGaveUp = "pause_gave_up", Text, "It is not done, and was tried long enough.";
    PauseUnknown = "pause_unknown", Text, "It may have been done, and nobody can tell.";
    PauseStillHeld = "pause_still_held", Text, "The target says that it is not done, after a call that may land late.";
    PauseExcepted = "pause_excepted", Text, "An exception was found just before the call.";
    PauseUsedAgain = "pause_used_again", Text, "It was used again just before the call.";
    PauseErased = "pause_erased", Text, "The person was erased: there is nobody to name to the target.";
    PauseNoTarget = "pause_no_target", Text, "No target serves it any more.";
    PauseIncomplete = "pause_incomplete", Text, "The target is to be told something that is not known of the person.";
    MoreToAnswer = "more_to_answer", Text, "{count} more wait: they show here as these are answered.";
    SummaryDone = "summary_done", Text, "Done: {count} of {total}.";
    SummarySkipped = "summary_skipped", Text, "Left out: {task}.";
    SummarySkippedBecause = "summary_skipped_because", Text, "Left out: {task}. Reason: {reason}";
    SummaryDoubtful = "summary_doubtful", Text, "Not done, though it may have happened: {task}.";
    SummaryNotDone = "summary_not_done", Text, "Not done: {task}.";
    ButtonRetry = "button_retry", Button, "Retry";
    ButtonSkip = "button_skip", ModalTitle, "Skip";
    ButtonConfirm = "button_confirm", ModalTitle, "Confirm";
    ButtonDone = "button_done", ModalTitle, "Done";
    ButtonStop = "button_stop", Button, "Stop";
    ButtonApproveOffboarding = "button_approve_offboarding", ConfirmButton, "Approve";
    ButtonDecline = "button_decline", ModalTitle, "Decline";
    SpokenRetry = "spoken_retry", Button, "Retry: {task}";
    SpokenSkip = "spoken_skip", Button, "Skip: {task}";
    SpokenConfirm = "spoken_confirm", Button, "Confirm that it happened: {task}";
    SpokenDone = "spoken_done", Button, "It is done: {task}";
    SpokenStop = "spoken_stop", Button, "Stop the offboarding: {person}";
    SpokenApproveOffboarding = "spoken_approve_offboarding", Button, "Approve: {seat}";
    SpokenDecline = "spoken_decline", Button, "Decline: {seat}";
    ConfirmStopTitle = "confirm_stop_title", ModalTitle, "Stop this offboarding?";
    ConfirmStop = "confirm_stop", Text, "{person}: nothing more begins. What is done stays done.";
    ConfirmStopYes = "confirm_stop_yes", ModalTitle, "Stop it";
    ConfirmOffboardingTitle = "confirm_offboarding_title", ConfirmTitle, "Approve this offboarding?";
    ConfirmOffboarding = "confirm_offboarding", ConfirmText, "{seat}. Its tasks begin at once.";
    SkipTitle = "skip_title", ModalTitle, "Skip a task";
    SkipEffect = "skip_effect", Text, "{task}: the offboarding goes on without it.";
    SkipReason = "skip_reason", Header, "Why is it left out?";
    ConfirmTaskTitle = "confirm_task_title", ModalTitle, "Confirm a task";
    ConfirmTaskEffect = "confirm_task_effect", Text, "{task}: it counts as done.";
    ConfirmTaskReason = "confirm_task_reason", Header, "How do you know that it happened?";
    DoneTitle = "done_title", ModalTitle, "Done by hand";
    DoneNote = "done_note", Header, "Is there anything to note?";
    StopReason = "stop_reason", Header, "Why is it stopped?";
    DeclineTitle = "decline_title", ModalTitle, "Decline";
    DeclineEffect = "decline_effect", Text, "{person}: the offboarding ends here, and nothing is done.";
    DeclineReason = "decline_reason", Header, "Why is it declined?";
    AnswerReasonHint = "answer_reason_hint", Header, "It is kept with the offboarding.";
    AnswerNeedsReason = "answer_needs_reason", Text, "Please say why.";
    OffboardTitle = "offboard_title", ModalTitle, "Start an offboarding";
    OffboardSubmit = "offboard_submit", ModalTitle, "Start";
    OffboardAtOnce = "offboard_at_once", Text, "These tasks begin at once:";
    OffboardFourEyes = "offboard_four_eyes", Text, "A second operator has to approve it. Then these tasks begin:";
    OffboardOptional = "offboard_optional", Header, "Optional tasks: untick what is to be left out";
    OffboardReason = "offboard_reason", Header, "Why?";
    TaskReversible = "task_reversible", Text, "{task}: can be undone at the target";
    TaskIrreversible = "task_irreversible", Text, "{task}: cannot be undone";

    // Why somebody is asked, and what comes.
    PolicyVersion = "policy_version", Text, "Version of the policy: {version}.";
    ReminderAt = "reminder_at", Text, "A reminder comes {at}.";
    EscalatesAt = "escalates_at", Text, "If nobody answers, further people are asked {at}.";
    EndsAsking = "ends_asking", Text, "If you do not answer by {until}, the approvers are asked.";
    EndsKeeping = "ends_keeping", Text, "If nobody answers by {until}, the seat is kept for a while.";
    EndsReclaiming = "ends_reclaiming", Text, "If nobody answers by {until}, the seat is removed.";
    EndsClosing = "ends_closing", Text, "If nobody answers by {until}, nothing is done.";

    // The home tab and lists.
    HeadingWaiting = "heading_waiting", Header, "Waiting for your answer";
    HeadingDecided = "heading_decided", Header, "Decided lately";
    NothingWaits = "nothing_waits", Text, "Nothing waits for your answer.";
    MoreWait = "more_wait", Text, "{count} more wait.";
    MoreWaitOne = "more_wait_one", Text, "{count} more waits.";
    HelpList = "help_list", Text, "`{command} list` shows what waits for your answer, and what you decided.";
    HelpHelp = "help_help", Text, "`{command} help` shows this.";

    // Short answers.
    SayDecided = "say_decided", Text, "This is decided already.";
    SayDecidedBy = "say_decided_by", Text, "This is decided already: {status}";
    SayNotAsked = "say_not_asked", Text, "You were not asked about this seat, so you cannot decide about it.";
    SayMoved = "say_moved", Text, "Somebody else is asked about this seat now, in your place.";
    SayAlreadyVoted = "say_already_voted", Text, "Your approval is recorded already; the policy wants another person's.";
    SayUsedAgain = "say_used_again", Text, "The seat was used again: the request is withdrawn, and nothing is removed.";
    SayAlreadyAsked = "say_already_asked", Text, "This person is asked already.";
    SayCannotBeAsked = "say_cannot_be_asked", Text, "This person cannot be asked about this seat.";
    SayOwnSeat = "say_own_seat", Text, "This is your own seat: keeping it needs somebody else.";
    SayHolderInforms = "say_holder_informs", Text, "This is your own seat: the approver decides about it.";
    SaySender = "say_sender", Text, "You handed this sweep in, so somebody else has to approve.";
    SayNotOperator = "say_not_operator", Text, "Only operators may do this.";
    SayReasonRequired = "say_reason_required", Text, "This needs a reason, which you can give in the inbox.";
    SayNobody = "say_nobody", Text, "You cannot do this.";
    SayWeakIdentity = "say_weak_identity", Text, "The policy knows people by their Slack user only, and does not know yours yet. Ask whoever operates seatgate.";
    SayNoOffboarding = "say_no_offboarding", Text, "Offboarding is not set up here.";
    SayOwnOffboarding = "say_own_offboarding", Text, "This is about your own offboarding, which is for somebody else.";
    SayOwnAsking = "say_own_asking", Text, "You asked for this offboarding, so another operator has to approve it.";
    SayNotAssignee = "say_not_assignee", Text, "This task is for somebody else to do.";
    SayTaskMovedOn = "say_task_moved_on", Text, "This task has moved on since: somebody has answered, or it was tried again. The message shows how it stands.";
    SayNothingToConfirm = "say_nothing_to_confirm", Text, "No attempt can have happened, so there is nothing to confirm.";
    SayNothingToStop = "say_nothing_to_stop", Text, "Nothing runs that could be stopped.";
    SayAlreadyLeaving = "say_already_leaving", Text, "This person is being offboarded already.";
    SayNoPlaybook = "say_no_playbook", Text, "There is no such playbook. There are: {people}.";
    SayWhichPlaybook = "say_which_playbook", Text, "Say by which playbook: {people}.";
    SayPlaybookChanged = "say_playbook_changed", Text, "The playbook has changed meanwhile. Please start again.";
    SayNothingLeft = "say_nothing_left", Text, "No task is left.";
    SayNoSuchPerson = "say_no_such_person", Text, "Slack does not know this person, or they are no member. An e-mail address works as well.";
    SayOffboardUsage = "say_offboard_usage", Text, "Say whom: `{command} @person playbook reason`. Playbook and reason can be left out.";
    SayOffboardBegun = "say_offboard_begun", Text, "The offboarding has begun.";
    SayOutsider = "say_outsider", Text, "Only members of this workspace can decide.";
    SayClosed = "say_closed", Text, "This is over: nothing is left to decide.";
    SayNothingToUndo = "say_nothing_to_undo", Text, "There is nothing to undo any more.";
    SayTooLate = "say_too_late", Text, "It is too late for that: the removal has begun.";
    SayStopping = "say_stopping", Text, "This is being stopped.";
    SaySuperseded = "say_superseded", Text, "This message was out of date. It shows now how things stand.";
    SayUnknown = "say_unknown", Text, "There is nothing like that here.";
    SayTryAgain = "say_try_again", Text, "That was not recorded. Please try again in a moment.";
    SayClickAgain = "say_click_again", Text, "That took too long, and nothing happened. Please click again.";
    SayOff = "say_off", Text, "Everything is switched off at the moment. Please try again later.";
    SayNotNow = "say_not_now", Text, "That is not possible as things stand.";
    SayApproved = "say_approved", Text, "Removals approved: {count}.";
    SayKept = "say_kept", Text, "Seats kept: {count}.";
    SayRefused = "say_refused", Text, "Not recorded: {count}. The message shows how they stand.";
    SaySample = "say_sample", Text, "This is a sample: it is about nobody's seat, and nothing was recorded. Your click arrived.";
    SayUndone = "say_undone", Text, "The approval is taken back. The seat stays.";
}
