//! The worlds that are checked: each small enough to be walked whole, together everything that can be asked of a request and
//! every race that the rules are there for. With `SEATGATE_LONG` set, one more thing may go wrong in each.

use seatgate_core::policy::{Mode, OnExpiry};
use seatgate_core::request::CommandKind as C;
use seatgate_core::request::EventKind as E;
use seatgate_core::request::{Outcome as O, Resolution};

use super::scene::{ACCEPTING, IDEMPOTENT, OPAQUE, PROBEABLE, Scene, Start, Who, Wish};
use super::state::Race as R;

fn troubles(short: u8) -> u8 {
    short + u8::from(std::env::var_os("SEATGATE_LONG").is_some())
}

const RETRY: Wish = Wish::Answer(Resolution::Retry);
const CONFIRM: Wish = Wish::Answer(Resolution::Confirm);

/// Every scene.
pub(crate) fn all() -> Vec<Scene> {
    vec![
        decisions(),
        grace(),
        silence(),
        silence_about_what_cannot_be_given_back(),
        silence_keeps(),
        dry_run(),
        idempotent(),
        new_keys(),
        probeable(),
        opaque(),
        answers(),
        accepting(),
        checks(),
        filing(),
        quorum(),
        handing_on(),
        standing_in(),
        goes(),
        time_goes_by(),
        holder_first(),
        another_policy(),
        used_again(),
    ]
}

/// Approve against Keep against the deadline; the holder and the sender try what they may not.
pub(crate) fn decisions() -> Scene {
    Scene {
        wishes: vec![
            (Who::Mona, Wish::Approve),
            (Who::Mona, Wish::Keep),
            (Who::Ana, Wish::Keep),
            (Who::Sam, Wish::Approve),
        ],
        troubles: troubles(1),
        days: 1,
        outcomes: &[O::Reclaimed, O::Kept, O::Expired],
        commands: &[C::Approve, C::Keep, C::Wake, C::Begin, C::Settle, C::LoseLease],
        events: &[E::Decided, E::Expired, E::Begun, E::AttemptEnded, E::Closed],
        races: &[R::TwoClicks, R::ClickAndWake, R::LostAnswer, R::SaidTwice],
        ..Scene::new("decisions", Start::Asked, IDEMPOTENT)
    }
}

/// Undo and Withdraw against the end of the grace period and against Begin.
pub(crate) fn grace() -> Scene {
    Scene {
        wishes: vec![(Who::Mona, Wish::Approve), (Who::Mona, Wish::Undo), (Who::Olga, Wish::Withdraw)],
        troubles: troubles(1),
        days: 2,
        grace: true,
        checks: true,
        verifies: true,
        outcomes: &[O::Reclaimed, O::Withdrawn, O::Expired],
        commands: &[C::Undo, C::Withdraw, C::Wake, C::Begin, C::Block, C::Verify],
        events: &[E::GraceEnded, E::Undone, E::Withdrawn, E::Verified],
        races: &[R::TwoClicks, R::ClickAndWake, R::OvertakenBegin],
        ..Scene::new("grace", Start::Asked, PROBEABLE)
    }
}

/// Nobody answers in time, or a Keep in the last moment, or a Stop after; the policy removes what can be given back.
pub(crate) fn silence() -> Scene {
    Scene {
        wishes: vec![(Who::Mona, Wish::Keep), (Who::Olga, Wish::Stop)],
        on_expiry: OnExpiry::Reclaim,
        troubles: troubles(1),
        days: 2,
        grace: true,
        outcomes: &[O::Reclaimed, O::Kept, O::Stopped],
        commands: &[C::Keep, C::Wake, C::Stop],
        events: &[E::Decided, E::GraceEnded, E::StopAsked],
        races: &[R::ClickAndWake],
        ..Scene::new("silence", Start::Asked, IDEMPOTENT)
    }
}

/// The same policy over a target that cannot give back: silence keeps.
pub(crate) fn silence_about_what_cannot_be_given_back() -> Scene {
    Scene {
        wishes: vec![(Who::Mona, Wish::Approve)],
        on_expiry: OnExpiry::Reclaim,
        troubles: troubles(1),
        days: 2,
        outcomes: &[O::Reclaimed, O::Kept],
        commands: &[C::Approve, C::Wake],
        events: &[E::Decided],
        races: &[R::ClickAndWake],
        ..Scene::new("silence about what cannot be given back", Start::Asked, PROBEABLE)
    }
}

/// The policy keeps on silence.
pub(crate) fn silence_keeps() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, Wish::Approve), (Who::Olga, Wish::Withdraw)],
        on_expiry: OnExpiry::Keep,
        troubles: troubles(1),
        days: 2,
        outcomes: &[O::Reclaimed, O::Kept, O::Withdrawn],
        commands: &[C::Approve, C::Withdraw, C::Wake],
        events: &[E::Withdrawn],
        races: &[R::TwoClicks, R::ClickAndWake],
        ..Scene::new("silence keeps", Start::Asked, IDEMPOTENT)
    }
}

/// A dry run decides and does nothing.
pub(crate) fn dry_run() -> Scene {
    Scene {
        wishes: vec![(Who::Mona, Wish::Approve), (Who::Mona, Wish::Keep), (Who::Olga, Wish::Withdraw)],
        mode: Mode::DryRun,
        troubles: troubles(2),
        days: 1,
        outcomes: &[O::DryRun, O::Withdrawn],
        commands: &[C::Approve, C::Keep, C::Withdraw, C::Wake],
        events: &[E::Decided, E::Withdrawn, E::Expired],
        races: &[R::TwoClicks, R::ClickAndWake, R::SaidTwice],
        ..Scene::new("dry run", Start::Asked, IDEMPOTENT)
    }
}

/// Three attempts at a target that honours keys; Stop and Retry in between.
pub(crate) fn idempotent() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, Wish::Stop), (Who::Olga, RETRY)],
        troubles: troubles(3),
        outcomes: &[O::Reclaimed, O::Stopped],
        commands: &[C::Begin, C::Settle, C::LoseLease, C::Observe, C::Resolve, C::Stop, C::Probed],
        events: &[E::Begun, E::AttemptEnded, E::Observed, E::Resolved, E::StopAsked, E::Closed],
        races: &[
            R::OvertakenBegin,
            R::StolenLease,
            R::LateResult,
            R::CrashAfterBegin,
            R::CrashAfterCall,
            R::DuplicateCall,
            R::Exhausted,
            R::LateLanding,
            R::StalePause,
        ],
        ..Scene::new("idempotent", Start::Approved, IDEMPOTENT)
    }
}

/// Rejections, doubts and two Retries: when is a key new?
pub(crate) fn new_keys() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, RETRY), (Who::Olga, RETRY)],
        troubles: troubles(3),
        attempts: 1,
        outcomes: &[O::Reclaimed, O::Stopped],
        commands: &[C::Resolve, C::Begin],
        events: &[E::Resolved],
        races: &[R::DuplicateCall, R::StalePause],
        ..Scene::new("new keys", Start::Approved, IDEMPOTENT)
    }
}

/// A target that promises nothing and tells who holds a seat.
pub(crate) fn probeable() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, Wish::Stop), (Who::Olga, RETRY)],
        troubles: troubles(2),
        outcomes: &[O::Reclaimed, O::Stopped],
        commands: &[C::Probed, C::Stop, C::Resolve, C::Observe],
        events: &[E::Probed, E::StopAsked],
        races: &[R::StolenLease, R::LateResult, R::LateLanding, R::CrashAfterBegin],
        ..Scene::new("probeable", Start::Approved, PROBEABLE)
    }
}

/// A target that promises and tells nothing.
pub(crate) fn opaque() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, Wish::Stop), (Who::Olga, CONFIRM)],
        troubles: troubles(2),
        outcomes: &[O::Reclaimed, O::Stopped],
        commands: &[C::Probed, C::Stop, C::Resolve],
        events: &[E::Probed, E::Resolved],
        races: &[R::StolenLease, R::LateResult, R::LateLanding],
        ..Scene::new("opaque", Start::Approved, OPAQUE)
    }
}

/// Three people answer pauses, each of which may be over by then.
pub(crate) fn answers() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, RETRY), (Who::Olga, RETRY), (Who::Olga, CONFIRM)],
        troubles: troubles(2),
        outcomes: &[O::Reclaimed, O::Stopped],
        commands: &[C::Resolve],
        events: &[E::Resolved],
        races: &[R::TwoClicks, R::StalePause, R::DuplicateCall],
        ..Scene::new("answers", Start::Approved, OPAQUE)
    }
}

/// A target that accepts a removal and does it later, or never.
pub(crate) fn accepting() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, Wish::Stop)],
        troubles: troubles(2),
        days: 1,
        outcomes: &[O::Reclaimed, O::Stopped],
        commands: &[C::Probed, C::Stop],
        events: &[E::Probed],
        races: &[R::DuplicateCall, R::LateLanding],
        ..Scene::new("accepting", Start::Approved, ACCEPTING)
    }
}

/// The checks before Begin say no: before anything has begun, and after.
pub(crate) fn checks() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, RETRY), (Who::Olga, Wish::Withdraw)],
        troubles: troubles(2),
        checks: true,
        outcomes: &[O::Reclaimed, O::Withdrawn, O::Stopped],
        commands: &[C::Block, C::Withdraw, C::Resolve],
        events: &[E::Blocked, E::Withdrawn, E::Resolved],
        races: &[R::OvertakenBegin, R::CrashAfterBegin],
        ..Scene::new("checks", Start::Approved, IDEMPOTENT)
    }
}

/// Filing the exception of a seat that is kept, which nobody can stop.
pub(crate) fn filing() -> Scene {
    Scene {
        wishes: vec![(Who::Olga, Wish::Stop), (Who::Olga, Wish::Withdraw)],
        troubles: troubles(2),
        days: 1,
        outcomes: &[O::Kept, O::Stopped],
        commands: &[C::Begin, C::Settle, C::LoseLease, C::Observe],
        events: &[E::Begun, E::AttemptEnded],
        races: &[R::StolenLease, R::DuplicateCall],
        ..Scene::new("filing", Start::Kept, IDEMPOTENT)
    }
}

/// Two must approve, one can keep; one of them tries twice, and time runs out.
pub(crate) fn quorum() -> Scene {
    Scene {
        asked: &[Who::Mona, Who::Nora],
        quorum: 2,
        wishes: vec![
            (Who::Mona, Wish::Approve),
            (Who::Mona, Wish::Approve),
            (Who::Nora, Wish::Approve),
            (Who::Nora, Wish::Keep),
        ],
        days: 1,
        outcomes: &[O::Reclaimed, O::Kept, O::Expired],
        commands: &[C::Approve, C::Keep, C::Wake],
        events: &[E::Voted, E::Decided, E::Expired],
        races: &[R::TwoClicks, R::ClickAndWake],
        ..Scene::new("quorum", Start::Asked, IDEMPOTENT)
    }
}

/// Mona hands it on while she, Nora and whoever has it now approve.
pub(crate) fn handing_on() -> Scene {
    Scene {
        asked: &[Who::Mona, Who::Nora],
        quorum: 2,
        wishes: vec![
            (Who::Mona, Wish::Reassign(Who::Dan)),
            (Who::Mona, Wish::Approve),
            (Who::Dan, Wish::Approve),
            (Who::Nora, Wish::Approve),
        ],
        days: 1,
        outcomes: &[O::Reclaimed, O::Expired],
        commands: &[C::Reassign, C::Approve],
        events: &[E::Routed, E::Voted, E::Decided],
        races: &[R::TwoClicks, R::ClickAndWake],
        ..Scene::new("handing on", Start::Asked, IDEMPOTENT)
    }
}

/// Dan stands in for Mona until tomorrow, and both click around the end of it, as does Nora.
pub(crate) fn standing_in() -> Scene {
    Scene {
        asked: &[Who::Mona, Who::Nora],
        quorum: 2,
        delegated: Some((0, 1)),
        expires: 2,
        wishes: vec![(Who::Dan, Wish::Approve), (Who::Mona, Wish::Approve), (Who::Nora, Wish::Approve)],
        days: 2,
        outcomes: &[O::Reclaimed, O::Expired],
        commands: &[C::Approve, C::Wake],
        events: &[E::Routed, E::Voted, E::Decided, E::Expired],
        races: &[R::TwoClicks, R::ClickAndWake],
        ..Scene::new("standing in", Start::Asked, IDEMPOTENT)
    }
}

/// Dan stands in for Mona from tomorrow on, and then she leaves.
pub(crate) fn goes() -> Scene {
    Scene {
        delegated: Some((1, 3)),
        leaves: Some(2),
        expires: 2,
        wishes: vec![(Who::Mona, Wish::Approve), (Who::Dan, Wish::Keep), (Who::Nora, Wish::Approve)],
        troubles: troubles(0),
        days: 3,
        outcomes: &[O::Reclaimed, O::Kept],
        commands: &[C::Approve, C::Keep, C::Wake],
        events: &[E::Routed, E::Decided],
        races: &[R::ClickAndWake],
        ..Scene::new("goes", Start::Asked, IDEMPOTENT)
    }
}

/// A reminder, others who are asked as well, and the end of the time, against clicks.
pub(crate) fn time_goes_by() -> Scene {
    Scene {
        reminders: &[1, 2],
        escalates: 2,
        expires: 3,
        wishes: vec![(Who::Mona, Wish::Approve), (Who::Nora, Wish::Keep)],
        troubles: troubles(1),
        days: 3,
        outcomes: &[O::Reclaimed, O::Kept, O::Expired],
        commands: &[C::Approve, C::Keep, C::Wake],
        events: &[E::Reminded, E::Routed, E::Decided, E::Expired],
        races: &[R::TwoClicks, R::ClickAndWake, R::SaidTwice],
        ..Scene::new("time goes by", Start::Asked, IDEMPOTENT)
    }
}

/// Ana is asked about her own seat before Mona is.
pub(crate) fn holder_first() -> Scene {
    Scene {
        asked: &[Who::Ana],
        wishes: vec![(Who::Ana, Wish::Keep), (Who::Ana, Wish::Approve), (Who::Mona, Wish::Approve)],
        troubles: troubles(0),
        days: 2,
        outcomes: &[O::Reclaimed, O::Expired],
        commands: &[C::Approve, C::Keep, C::Wake],
        events: &[E::HolderAnswered, E::Routed, E::Decided],
        races: &[R::TwoClicks, R::ClickAndWake],
        ..Scene::new("holder first", Start::Asked, IDEMPOTENT)
    }
}

/// Two must approve, until an operator puts it under a policy that is content with one.
pub(crate) fn another_policy() -> Scene {
    Scene {
        asked: &[Who::Mona, Who::Nora],
        quorum: 2,
        grace: true,
        wishes: vec![(Who::Mona, Wish::Approve), (Who::Nora, Wish::Approve), (Who::Olga, Wish::Apply(1))],
        troubles: troubles(0),
        days: 2,
        outcomes: &[O::Reclaimed, O::Expired],
        commands: &[C::Approve, C::ApplyPolicy, C::Wake],
        events: &[E::Voted, E::PolicyApplied, E::Decided, E::GraceEnded],
        races: &[R::TwoClicks, R::ClickAndWake],
        ..Scene::new("another policy", Start::Asked, IDEMPOTENT)
    }
}

/// At one approval the target says that the seat is used again, at another it does not.
pub(crate) fn used_again() -> Scene {
    Scene {
        wishes: vec![(Who::Mona, Wish::ApproveUsed), (Who::Mona, Wish::Approve), (Who::Mona, Wish::Keep)],
        troubles: troubles(1),
        days: 1,
        outcomes: &[O::Reclaimed, O::Kept, O::Withdrawn, O::Expired],
        commands: &[C::ComeBack, C::Approve, C::Keep],
        events: &[E::Withdrawn, E::Decided],
        races: &[R::TwoClicks, R::ClickAndWake, R::LostAnswer],
        ..Scene::new("used again", Start::Asked, IDEMPOTENT)
    }
}
