//! Where the app is installed, and so who belongs to us.

use std::collections::BTreeSet;

use crate::client::{SlackUser, Whoami};
use crate::id::{AppId, EnterpriseId, TeamId};
use crate::payload::{Caller, Install};

/// Where the app is installed: what comes from elsewhere is refused, and so is whoever belongs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Installed {
    app: Option<AppId>,
    teams: BTreeSet<TeamId>,
    enterprise: Option<EnterpriseId>,
}

/// Whether somebody belongs to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// They do.
    Here,
    /// They belong to another organisation, and came through Slack Connect.
    Elsewhere,
    /// It cannot be told from what came with the click: ask Slack.
    Perhaps,
}

impl Installed {
    /// In these workspaces.
    #[must_use]
    pub fn in_teams(teams: impl IntoIterator<Item = TeamId>) -> Self {
        Self { teams: teams.into_iter().collect(), ..Self::default() }
    }

    /// Takes what is meant for this app only: for a signing secret that several apps should not have, yet might.
    #[must_use]
    pub fn as_app(mut self, app: AppId) -> Self {
        self.app = Some(app);
        self
    }

    /// In this Enterprise Grid organisation: everybody in one of its workspaces belongs to us.
    #[must_use]
    pub fn in_enterprise(mut self, enterprise: EnterpriseId) -> Self {
        self.enterprise = Some(enterprise);
        self
    }

    /// As the token says.
    pub(crate) fn of(whoami: Whoami) -> Self {
        Self { app: None, teams: whoami.team.into_iter().collect(), enterprise: whoami.enterprise }
    }

    /// Whether something that came through `install`, for `app`, is meant for us; else why not.
    pub(crate) fn refuses(&self, install: &Install, app: Option<&AppId>) -> Option<&'static str> {
        if self.app.is_some() && self.app.as_ref() != app {
            return Some("wrong_app");
        }
        let team_fits = install.team.as_ref().is_some_and(|team| self.teams.contains(team));
        let enterprise_fits = self.enterprise.is_some() && install.enterprise == self.enterprise;
        (!team_fits && !enterprise_fits).then_some("wrong_team")
    }

    /// Whether a member whom somebody named may belong to us.
    pub(crate) fn may_hold(&self, user: &SlackUser) -> bool {
        let named = Caller { user: user.id.clone(), team: user.team.clone() };
        self.belongs(&named) != Belongs::Elsewhere
    }

    /// Whether somebody of this workspace or organisation may belong to us.
    pub(crate) fn may_reach(&self, team: &str) -> bool {
        self.enterprise.is_some() || self.teams.iter().any(|ours| ours.as_str() == team)
    }

    /// Whether Slack shows us everybody of this workspace: whom it does not know is not there.
    pub(crate) fn sees_all_of(&self, team: &str) -> bool {
        let org_wide = self.enterprise.is_some() && self.teams.is_empty();
        org_wide || self.teams.iter().any(|ours| ours.as_str() == team)
    }

    /// Whether `caller` belongs to us.
    pub(crate) fn belongs(&self, caller: &Caller) -> Belongs {
        match &caller.team {
            Some(team) if self.teams.contains(team) => Belongs::Here,
            // On Enterprise Grid people bear the id of any of its workspaces; and the home tab names none.
            Some(_) if self.enterprise.is_none() => Belongs::Elsewhere,
            _ => Belongs::Perhaps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(team: Option<&str>) -> Caller {
        Caller { user: "U1".parse().unwrap(), team: team.map(|team| team.parse().unwrap()) }
    }

    fn through(team: Option<&str>, enterprise: Option<&str>) -> Install {
        Install {
            team: team.map(|team| team.parse().unwrap()),
            enterprise: enterprise.map(|enterprise| enterprise.parse().unwrap()),
            org_wide: team.is_none(),
        }
    }

    #[test]
    fn a_workspace_takes_its_own_and_nobody_else() {
        let here = Installed::in_teams(["T1".parse().unwrap()]);
        assert_eq!(here.refuses(&through(Some("T1"), None), None), None);
        assert_eq!(here.refuses(&through(Some("T9"), None), None), Some("wrong_team"));
        assert_eq!(here.refuses(&through(None, Some("E1")), None), Some("wrong_team"));
        let pinned = here.clone().as_app("A1".parse().unwrap());
        let (ours, other) = ("A1".parse().unwrap(), "A2".parse().unwrap());
        assert_eq!(pinned.refuses(&through(Some("T1"), None), Some(&ours)), None);
        for app in [None, Some(&other)] {
            assert_eq!(pinned.refuses(&through(Some("T1"), None), app), Some("wrong_app"));
        }
        assert!(here.may_reach("T1") && here.sees_all_of("T1") && !here.may_reach("T9") && !here.sees_all_of("T9"));
        let belongs = [Some("T1"), Some("T9"), None].map(|team| here.belongs(&caller(team)));
        assert_eq!(belongs, [Belongs::Here, Belongs::Elsewhere, Belongs::Perhaps]);
    }

    #[test]
    fn an_organisation_takes_all_of_its_workspaces() {
        let everywhere = Installed::default().in_enterprise("E1".parse().unwrap());
        assert_eq!(everywhere.refuses(&through(None, Some("E1")), None), None);
        assert_eq!(everywhere.refuses(&through(Some("T7"), Some("E1")), None), None);
        assert_eq!(everywhere.refuses(&through(None, Some("E2")), None), Some("wrong_team"));
        assert_eq!(everywhere.belongs(&caller(Some("T7"))), Belongs::Perhaps, "Slack knows who is a stranger");
        assert!(everywhere.may_reach("T7") && everywhere.sees_all_of("T7"));
        let in_one = Installed::in_teams(["T1".parse().unwrap()]).in_enterprise("E1".parse().unwrap());
        assert!(in_one.may_reach("T7") && in_one.sees_all_of("T1") && !in_one.sees_all_of("T7"));
        assert_eq!(Installed::default().refuses(&through(None, None), None), Some("wrong_team"), "nowhere is nowhere");
    }
}
