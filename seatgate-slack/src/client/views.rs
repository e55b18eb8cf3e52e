//! Modals and the home tab: `views.*`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SlackClient, SlackError};
use crate::id::{UserId, ViewId};
use crate::payload::TriggerId;

/// A modal that is open, or a home tab.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct OpenView {
    /// Its id.
    pub id: ViewId,
    /// Its version.
    pub hash: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_id: Option<&'a ViewId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
    view: &'a Value,
}

#[derive(Deserialize)]
struct Shown {
    view: OpenView,
}

impl SlackClient {
    /// `views.open`: opens a modal for the person who clicked. At once: the right to do so lasts three seconds.
    ///
    /// # Errors
    /// [`SlackError::asks_for_a_new_click`] when it came too late or was used before.
    ///
    /// # Cancel safety
    /// Not cancel safe: the trigger may be used up. Ask for another click.
    pub async fn views_open(&self, trigger: &TriggerId, view: &Value) -> Result<OpenView, SlackError> {
        let trigger_id = Some(trigger.expose());
        self.show("views.open", &Body { trigger_id, view_id: None, user_id: None, hash: None, view }).await
    }

    /// `views.update`: replaces what a modal shows; with a `hash` only the version that has it.
    ///
    /// # Errors
    /// `hash_conflict` when the modal has changed since, `not_found` when it is closed.
    ///
    /// # Cancel safety
    /// Not cancel safe; without a `hash`, calling it again is harmless.
    pub async fn views_update(&self, id: &ViewId, hash: Option<&str>, view: &Value) -> Result<OpenView, SlackError> {
        self.show("views.update", &Body { trigger_id: None, view_id: Some(id), user_id: None, hash, view }).await
    }

    /// `views.publish`: replaces what the home tab shows this user.
    ///
    /// # Errors
    /// Repeating it is safe.
    ///
    /// # Cancel safety
    /// Not cancel safe, yet calling it again is harmless.
    pub async fn views_publish(&self, user: &UserId, view: &Value) -> Result<OpenView, SlackError> {
        let user_id = Some(user);
        self.show("views.publish", &Body { trigger_id: None, view_id: None, user_id, hash: None, view }).await
    }

    async fn show(&self, method: &'static str, body: &Body<'_>) -> Result<OpenView, SlackError> {
        let shown: Shown = self.json(method, body).await?.read()?;
        Ok(shown.view)
    }
}
