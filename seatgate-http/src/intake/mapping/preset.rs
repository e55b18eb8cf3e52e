//! Exports that many have. `docs/mappings.md` says where each name comes from, and which are not confirmed.

use super::{Field, Mapping, Source};

/// A field, its columns in the table, and its pointers in JSON.
type Line = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The columns of `getOffice365ActiveUserDetail`, and the properties of its JSON.
const MICROSOFT_365: &[Line] = &[
    ("account_email", &["User Principal Name"], &["/userPrincipalName"]),
    ("account_name", &["Display Name"], &["/displayName"]),
    (
        "last_activity_at",
        &[
            "Exchange Last Activity Date",
            "OneDrive Last Activity Date",
            "SharePoint Last Activity Date",
            "Skype For Business Last Activity Date",
            "Yammer Last Activity Date",
            "Teams Last Activity Date",
        ],
        &[
            "/exchangeLastActivityDate",
            "/oneDriveLastActivityDate",
            "/sharePointLastActivityDate",
            "/skypeForBusinessLastActivityDate",
            "/yammerLastActivityDate",
            "/teamsLastActivityDate",
        ],
    ),
    ("observed_at", &["Report Refresh Date"], &["/reportRefreshDate"]),
];
/// The report of current assignments.
const OKTA: &[Line] = &[
    ("app_id", &["Application name"], &[]),
    ("account_email", &["Login"], &[]),
    ("account_name", &["User"], &[]),
    ("last_activity_at", &["Last login"], &[]),
];
/// The users of one app.
const TORII: &[Line] =
    &[("account_email", &["Email"], &["/email"]), ("last_activity_at", &["Last used date"], &["/lastUsedDate"])];
/// The users of one subscription.
const ZYLO: &[Line] = &[("account_email", &["Email"], &[]), ("last_activity_at", &["Last Login"], &[])];

const PRESETS: [(&str, &[Line]); 4] =
    [("microsoft365", MICROSOFT_365), ("okta", OKTA), ("torii", TORII), ("zylo", ZYLO)];

pub(super) fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

pub(super) fn find(name: &str) -> Option<Mapping> {
    let (_, lines) = PRESETS.iter().find(|(preset, _)| *preset == name)?;
    let mut mapping = Mapping::new();
    for (field, columns, pointers) in *lines {
        let source = Source::default().columns(columns.iter().copied()).pointers(pointers.iter().copied());
        mapping.sources.insert(field.parse::<Field>().ok()?, source);
    }
    Some(mapping)
}
