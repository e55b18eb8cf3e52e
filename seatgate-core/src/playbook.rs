//! Playbooks: what people who leave are taken through. Data, validated as a whole.

mod order;
mod pattern;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};

pub use pattern::Pattern;

use crate::person::EmailAddress;
use crate::policy::{PolicyProblems, RetryTerms};
use crate::request::OnFailure;
use crate::seat::AppId;
use crate::time::Span;

/// Every playbook. Valid as soon as it exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Playbooks {
    by_name: BTreeMap<String, Playbook>,
    default: Option<String>,
}

/// One playbook: at least one task, no two of one name, and no task that waits for itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Playbook {
    /// What people call it.
    pub name: String,
    /// Whether another operator than the one who asks for an offboarding must approve it.
    pub four_eyes: bool,
    /// Its tasks, in the order of the file.
    pub tasks: Vec<PlannedTask>,
}

/// One task of a playbook.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PlannedTask {
    /// What people call it.
    pub name: String,
    /// The names of the tasks that come first.
    pub needs: Vec<String>,
    /// Whether whoever asks for an offboarding may leave it out.
    pub optional: bool,
    /// What it does.
    pub deed: Deed,
}

/// What a task of a playbook does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Deed {
    /// Calls a target.
    Call(Box<TargetCall>),
    /// Asks somebody to do it, and to say so.
    Manual {
        /// Whom.
        assignee: EmailAddress,
    },
}

/// How a task calls a target.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TargetCall {
    /// The target's name.
    pub target: String,
    /// The app that it is told.
    pub app: AppId,
    /// What else it is told: patterns for [`Pattern::of`].
    pub parameters: BTreeMap<String, String>,
    /// What follows when the target refuses.
    pub on_failure: OnFailure,
    /// How long the call may take, if not as long as the target's calls do.
    pub timeout: Option<Span>,
    /// How it is tried again, if not as the policy says.
    pub retry: Option<RetryTerms>,
}

impl Playbooks {
    /// The playbooks that a file's `[playbooks]` table says, of which `default` is meant where nobody says which. Tasks
    /// may call the targets of these names.
    ///
    /// # Errors
    /// All the mistakes, each with its key.
    ///
    /// # Examples
    /// ```
    /// use seatgate_core::playbook::Playbooks;
    /// use serde_json::json;
    ///
    /// let file = json!({"leaver": {"tasks": [{"name": "revoke-figma", "target": "figma"}]}});
    /// let targets = ["figma".to_owned()].into();
    /// let playbooks = Playbooks::read(file.as_object().unwrap(), None, &targets)?;
    /// assert_eq!(playbooks.get(None).unwrap().tasks[0].name, "revoke-figma");
    /// # Ok::<(), seatgate_core::policy::PolicyProblems>(())
    /// ```
    pub fn read(
        tables: &Map<String, Value>,
        default: Option<&str>,
        targets: &BTreeSet<String>,
    ) -> Result<Self, PolicyProblems> {
        let by_name = read::playbooks(tables, default, targets)?;
        let only = by_name.keys().next().filter(|_| by_name.len() == 1);
        let default = default.map(str::to_owned).or_else(|| only.cloned());
        Ok(Self { by_name, default })
    }

    /// The playbook of this name; without one, the default one.
    #[must_use]
    pub fn get(&self, name: Option<&str>) -> Option<&Playbook> {
        self.by_name.get(name.or(self.default.as_deref())?)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Playbook> {
        self.by_name.values()
    }

    /// The longest time that one of their tasks gives its call.
    #[must_use]
    pub fn longest_timeout(&self) -> Duration {
        let timeouts = self.iter().flat_map(|playbook| &playbook.tasks).filter_map(|task| match &task.deed {
            Deed::Call(call) => call.timeout,
            Deed::Manual { .. } => None,
        });
        timeouts.map(Span::duration).max().unwrap_or_default()
    }
}

impl Playbook {
    /// What must come before the task when some are left out: what a task needed that is left out comes first in its
    /// place.
    #[must_use]
    pub fn needs_without<'a>(&'a self, task: &'a PlannedTask, without: &[String]) -> BTreeSet<&'a str> {
        let mut needs = BTreeSet::new();
        let mut open: Vec<&str> = task.needs.iter().map(String::as_str).collect();
        while let Some(need) = open.pop() {
            if !without.iter().any(|name| name == need) {
                needs.insert(need);
            } else if let Some(left_out) = self.tasks.iter().find(|task| task.name == need) {
                open.extend(left_out.needs.iter().map(String::as_str));
            }
        }
        needs
    }
}

#[cfg(test)]
mod tests;
