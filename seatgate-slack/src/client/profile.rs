//! Profiles: `users.profile.get`.

use serde::Deserialize;
use serde_json::Value;

use super::{SlackClient, SlackError};
use crate::id::{ProfileFieldId, UserId};

#[derive(Deserialize)]
struct Found {
    profile: Wire,
}

#[derive(Deserialize)]
struct Wire {
    /// An object by the fields' ids; where somebody has filled in nothing, `[]` or `null` as well.
    #[serde(default)]
    fields: Value,
}

impl Found {
    fn value(&self, field: &ProfileFieldId) -> Option<String> {
        let value = self.profile.fields.get(field.as_str())?.get("value")?.as_str()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }
}

impl SlackClient {
    /// `users.profile.get`: what a custom field of a user's profile says; nothing where it is empty. Needs the scope
    /// `users.profile:read`; `users.info` does not say it.
    ///
    /// # Errors
    /// `user_not_found` when there is no such user.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn users_profile_field(
        &self,
        user: &UserId,
        field: &ProfileFieldId,
    ) -> Result<Option<String>, SlackError> {
        let found: Found = self.form("users.profile.get", "user", user.as_str()).await?.read()?;
        Ok(found.value(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(profile: &str) -> Option<String> {
        let found: Found = serde_json::from_str(&format!(r#"{{"ok": true, "profile": {profile}}}"#)).unwrap();
        found.value(&"Xf1".parse().unwrap())
    }

    #[test]
    fn a_field_is_read_and_whatever_holds_none_is_empty() {
        assert_eq!(
            field(r#"{"fields": {"Xf1": {"value": " U2 ", "alt": ""}, "Xf2": {"value": "x"}}}"#),
            Some("U2".into())
        );
        for empty in [
            r#"{"fields": {"Xf2": {"value": "U2", "alt": ""}}}"#,
            r#"{"fields": {"Xf1": {"value": " ", "alt": ""}}}"#,
            r#"{"fields": {"Xf1": {"value": null}}}"#,
            r#"{"fields": []}"#,
            r#"{"fields": null}"#,
            "{}",
        ] {
            assert_eq!(field(empty), None, "{empty}");
        }
    }
}
