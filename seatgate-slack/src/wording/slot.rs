//! What templates leave open.

macro_rules! slots {
    ($($slot:ident = $name:literal,)+) => {
        /// A place in a template that is filled in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Slot { $($slot,)+ }

        impl Slot {
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$slot => $name,)+ }
            }

            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$slot),)+ _ => None }
            }
        }
    };
}

slots! {
    Account = "account",
    App = "app",
    At = "at",
    By = "by",
    Command = "command",
    Cost = "cost",
    Count = "count",
    Date = "date",
    Days = "days",
    Earliest = "earliest",
    First = "first",
    Kind = "kind",
    Latest = "latest",
    Observed = "observed",
    Page = "page",
    Pages = "pages",
    People = "people",
    Person = "person",
    Playbook = "playbook",
    Reason = "reason",
    Role = "role",
    Seat = "seat",
    Second = "second",
    Status = "status",
    Task = "task",
    Text = "text",
    Total = "total",
    Until = "until",
    Version = "version",
}
