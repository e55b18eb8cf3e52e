//! What is wrong with a policy, or with playbooks: every mistake at once, each with its key.

use std::fmt;

/// One mistake in a policy or a playbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    key: String,
    reason: String,
}

impl PolicyProblem {
    pub(crate) fn new(key: String, reason: String) -> Self {
        Self { key, reason }
    }

    /// The key it is about, such as `retry.first` or `apps.figma.grace`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong there.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

/// All the mistakes in a policy or in playbooks, at least one. Prints one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct PolicyProblems(Vec<PolicyProblem>);

impl PolicyProblems {
    /// `Err` with the problems, if there are any.
    pub(crate) fn unless_empty(problems: Vec<PolicyProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// The mistakes: those of all apps first, then app by app.
    pub fn iter(&self) -> impl Iterator<Item = &PolicyProblem> {
        self.0.iter()
    }
}

fn lines(problems: &[PolicyProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
