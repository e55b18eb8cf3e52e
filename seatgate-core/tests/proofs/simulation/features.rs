//! What a schedule is made of. Each seed leaves out about half of everything and gives weights to the rest ("swarm
//! testing", Groce et al., ISSTA 2012): a mixture of everything hides what only happens when something is missing.

use seatgate_core::policy::{Policy, PolicyDraft};

use super::chance::Chance;

/// What somebody may do from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Sweep,
    Upload,
    Redeliver,
    Approve,
    Keep,
    Undo,
    Withdraw,
    Stop,
    Resolve,
    File,
    Revoke,
    Switch,
    Release,
    EditCard,
    Erase,
    UseSeats,
    Offboard,
    Reassign,
    ApplyPolicy,
    EditDirectory,
}

impl Doing {
    const ALL: [Self; 20] = [
        Self::Sweep,
        Self::Redeliver,
        Self::Approve,
        Self::Keep,
        Self::Undo,
        Self::Withdraw,
        Self::Stop,
        Self::Resolve,
        Self::File,
        Self::Revoke,
        Self::Switch,
        Self::Release,
        Self::EditCard,
        Self::Erase,
        Self::UseSeats,
        Self::Offboard,
        Self::Reassign,
        Self::ApplyPolicy,
        Self::EditDirectory,
        Self::Upload,
    ];
}

/// What a target promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It honours keys.
    Keyed,
    /// Removing twice does nothing twice, and it can be looked up.
    Natural,
    /// Nothing.
    Opaque,
    /// Nothing, but it can be looked up.
    Probeable,
    /// It accepts, and tells at a place of its own how it ended.
    Accepting,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Keyed, Self::Natural, Self::Opaque, Self::Probeable, Self::Accepting];
}

/// What one schedule is made of. Numbers named like a mishap say that it happens once in so many times; 0 is never.
#[derive(Debug, Clone)]
pub struct Features {
    pub servers: usize,
    /// How many steps it takes until the mishaps end.
    pub storm: u64,
    /// Somebody outside does something at one of so many steps.
    pub call: u32,
    pub crash: u32,
    pub hang_up: u32,
    pub store_before: u32,
    pub store_after: u32,
    pub notifier: u32,
    pub directory: u32,
    pub target: u32,
    pub probe: u32,
    pub jump: u32,
    pub early_lease: u32,
    pub pace_micros: usize,
    pub skewed: bool,
    pub burst: u32,
    pub finds_copies: bool,
    pub aliases: bool,
    pub dry_runs: bool,
    pub own_channel: bool,
    pub in_flight: usize,
    pub doings: Vec<Doing>,
    pub targets: [Kind; 3],
    pub reversible: bool,
    pub terms: Vec<(&'static str, &'static str)>,
    /// Servers that are started later have these as well: the policy was changed in between.
    pub later_terms: Vec<(&'static str, &'static str)>,
}

const KEYS: [(&str, &[&str]); 17] = [
    ("grace", &["0s", "5s", "1m", "24h"]),
    ("keep_reason", &["optional", "off"]),
    ("expire_after", &["1m", "2h"]),
    ("on_expiry", &["close"]),
    ("expiry_keep_for", &["1m", "2h"]),
    ("digest", &["10s", "1h"]),
    ("holder_release", &["suffices"]),
    ("max_requests_per_sweep", &["1", "2"]),
    ("sender_may_approve", &["true"]),
    ("strict_identity", &["true"]),
    ("fallback_approvers", &["lead@example.com"]),
    ("quorum", &["1", "1", "2", "3"]),
    ("ask_holder_first", &["true", "false"]),
    ("holder_wait", &["30s", "2h"]),
    ("remind_after", &["10s,40s", "1h", ""]),
    ("escalate_after", &["0s", "20s", "1h"]),
    ("cool_down", &["0s", "1m"]),
];

const RETRY_KEYS: [(&str, &[&str]); 2] =
    [("retry.attempts", &["1", "2", "3"]), ("retry.give_up_after", &["0s", "30s", "10m"])];

impl Features {
    pub fn draw(chance: &Chance) -> Self {
        let rarely = |often: &[u32]| if chance.one_in(2) { 0 } else { *chance.pick(often) };
        let terms = Self::draw_terms(chance);
        Self {
            servers: 1 + chance.below(3),
            storm: 300 + u64::try_from(chance.below(3_000)).unwrap(),
            call: *chance.pick(&[15, 30, 60, 100]),
            crash: rarely(&[100, 300, 1_000]),
            hang_up: rarely(&[80, 300]),
            store_before: rarely(&[30, 100, 300]),
            store_after: rarely(&[30, 100, 300]),
            notifier: rarely(&[2, 4, 10]),
            directory: rarely(&[20, 100]),
            target: *chance.pick(&[0, 1, 2, 3, 8]),
            probe: rarely(&[2, 5]),
            jump: rarely(&[100, 300, 1_000]),
            early_lease: rarely(&[60, 200, 600]),
            pace_micros: *chance.pick(&[0, 1_000, 10_000, 100_000, 400_000]),
            skewed: chance.one_in(3),
            burst: *chance.pick(&[0, 0, 2, 8]),
            finds_copies: !chance.one_in(3),
            aliases: chance.one_in(2),
            dry_runs: chance.one_in(8),
            own_channel: chance.one_in(2),
            in_flight: *chance.pick(&[1, 4, 64]),
            doings: Self::draw_doings(chance),
            targets: [*chance.pick(&Kind::ALL), *chance.pick(&Kind::ALL), *chance.pick(&Kind::ALL)],
            reversible: terms.contains(&("on_expiry", "reclaim")) || chance.one_in(2),
            terms,
            later_terms: Self::draw_later_terms(chance),
        }
    }

    /// Sweeps always; of the rest about half, each as often as its weight says.
    fn draw_doings(chance: &Chance) -> Vec<Doing> {
        let mut doings = vec![Doing::Sweep; 2];
        for doing in Doing::ALL {
            let approves = doing == Doing::Approve;
            if approves || chance.one_in(2) {
                let weight = 1 + chance.below(if approves { 12 } else { 3 });
                doings.extend(vec![doing; weight]);
            }
        }
        doings
    }

    fn draw_terms(chance: &Chance) -> Vec<(&'static str, &'static str)> {
        let mut terms = Vec::new();
        for (key, values) in KEYS.into_iter().chain(RETRY_KEYS) {
            if chance.one_in(2) {
                terms.push((key, *chance.pick(values)));
            }
        }
        if chance.one_in(6) {
            terms.retain(|(key, _)| *key != "on_expiry");
            terms.push(("on_expiry", "reclaim"));
        }
        terms
    }

    fn draw_later_terms(chance: &Chance) -> Vec<(&'static str, &'static str)> {
        const LATER: [(&str, &[&str]); 3] =
            [("quorum", &["1", "2"]), ("grace", &["0s", "1m"]), ("escalate_after", &["15s"])];
        if chance.one_in(2) { Vec::new() } else { LATER.map(|(key, values)| (key, *chance.pick(values))).into() }
    }

    /// The policy that the server with this number is started with.
    pub fn policy(&self, server: usize) -> Policy {
        let mut draft = PolicyDraft::default();
        let later = self.later_terms.iter().filter(|_| server % 2 == 1);
        self.terms.iter().chain(later).for_each(|(path, text)| draft.set(path, text));
        Policy::from_draft(&draft).expect("a policy")
    }
}
