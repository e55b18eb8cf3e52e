//! Clicks and modals: the JSON in the form field `payload`.

use serde::Deserialize;
use url::Url;

use super::input::{WireInput, WireState};
use super::who::{WireId, WireUser, id};
use super::{Caller, Input, Inputs, Install, PayloadError, ResponseUrl, TriggerId, TypeName};
use crate::id::{AppId, ChannelId, MessageTs, ViewId};

/// Something that a person did to a card, a modal or the home tab.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interaction {
    /// A click on a button, or a choice.
    Actions(BlockActions),
    /// A modal was submitted.
    Submission(ViewSubmission),
    /// A modal was closed without submitting it.
    Closed(ViewClosed),
    /// Something else: answer 200, count it.
    Unknown(TypeName),
}

/// A click on a card, on a control of a modal, or on the home tab.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockActions {
    /// Who clicked.
    pub by: Caller,
    /// Where the app is installed.
    pub install: Install,
    /// Which app.
    pub app: Option<AppId>,
    /// Where it was clicked.
    pub place: Place,
    /// What was clicked. Slack sends one.
    pub actions: Vec<Action>,
    /// What the other controls there hold.
    pub inputs: Inputs,
    /// The right to open a modal.
    pub trigger: Option<TriggerId>,
    /// Where to answer; not there in modals and on the home tab, and left out where it is not an address of Slack's.
    pub response_url: Option<ResponseUrl>,
}

/// Where something was clicked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// On a message.
    Message {
        /// Its channel.
        channel: ChannelId,
        /// Which one.
        ts: MessageTs,
        /// Whether only this person sees it; such a message cannot be updated but through the response URL.
        ephemeral: bool,
    },
    /// In a modal or on the home tab.
    View(View),
    /// Somewhere else.
    Elsewhere,
}

/// One control that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Action {
    /// The control's `action_id`.
    pub action_id: String,
    /// Its block's `block_id`.
    pub block_id: String,
    /// A button's value, or what was chosen.
    pub input: Input,
}

/// A modal or the home tab.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct View {
    /// Its id.
    pub id: ViewId,
    /// Which of our views it is.
    pub callback_id: String,
    /// What we gave it along: an id, never an authority. Authorise again.
    pub private_metadata: String,
    /// Its version, to update no newer one.
    pub hash: Option<String>,
}

/// A submitted modal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViewSubmission {
    /// Who submitted it.
    pub by: Caller,
    /// Where the app is installed.
    pub install: Install,
    /// Which app.
    pub app: Option<AppId>,
    /// The modal.
    pub view: View,
    /// What was entered.
    pub inputs: Inputs,
    /// The right to open another modal.
    pub trigger: Option<TriggerId>,
}

/// A modal that was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViewClosed {
    /// Who closed it.
    pub by: Caller,
    /// Where the app is installed.
    pub install: Install,
    /// Which app.
    pub app: Option<AppId>,
    /// The modal.
    pub view: View,
}

/// Every field that is used, of every type. `message` is left out on purpose.
#[derive(Deserialize)]
struct Wire {
    r#type: String,
    user: Option<WireUser>,
    team: Option<WireId>,
    enterprise: Option<WireId>,
    #[serde(default)]
    is_enterprise_install: bool,
    api_app_id: Option<String>,
    container: Option<WireContainer>,
    view: Option<WireView>,
    #[serde(default)]
    actions: Vec<WireAction>,
    state: Option<WireState>,
    trigger_id: Option<String>,
    response_url: Option<String>,
}

#[derive(Deserialize)]
struct WireContainer {
    message_ts: Option<String>,
    channel_id: Option<String>,
    #[serde(default)]
    is_ephemeral: bool,
}

#[derive(Deserialize)]
struct WireView {
    id: String,
    #[serde(default)]
    callback_id: String,
    #[serde(default)]
    private_metadata: String,
    hash: Option<String>,
    state: Option<WireState>,
}

#[derive(Deserialize)]
struct WireAction {
    action_id: String,
    #[serde(default)]
    block_id: String,
    #[serde(flatten)]
    input: WireInput,
}

/// What says of an unknown type that it is one.
#[derive(Deserialize)]
struct WireType {
    r#type: String,
}

impl Interaction {
    /// Reads the JSON of `payload`.
    pub(super) fn read(json: &str, also: Option<&Url>) -> Result<Self, PayloadError> {
        // By its type first: what we do not know may have any form.
        let kind: WireType = serde_json::from_str(json).map_err(|_| PayloadError::Json)?;
        if !["block_actions", "view_submission", "view_closed"].contains(&kind.r#type.as_str()) {
            return Ok(Self::Unknown(TypeName::read(&kind.r#type)));
        }
        let wire: Wire = serde_json::from_str(json).map_err(|_| PayloadError::Json)?;
        match wire.r#type.as_str() {
            "block_actions" => wire.actions(also).map(Self::Actions),
            "view_submission" => wire.submission().map(Self::Submission),
            _ => wire.closed().map(Self::Closed),
        }
    }
}

impl Wire {
    fn actions(mut self, also: Option<&Url>) -> Result<BlockActions, PayloadError> {
        let state = self.state.take().or_else(|| self.view.as_mut().and_then(|view| view.state.take()));
        Ok(BlockActions {
            by: self.by()?,
            install: self.install()?,
            app: self.app()?,
            place: self.place()?,
            actions: std::mem::take(&mut self.actions).into_iter().map(Action::from).collect(),
            inputs: state.into(),
            trigger: self.trigger(),
            response_url: self.response_url.as_deref().and_then(|text| ResponseUrl::read(text, also)),
        })
    }

    fn submission(mut self) -> Result<ViewSubmission, PayloadError> {
        let state = self.view.as_mut().and_then(|view| view.state.take());
        Ok(ViewSubmission {
            by: self.by()?,
            install: self.install()?,
            app: self.app()?,
            view: self.view()?,
            inputs: state.into(),
            trigger: self.trigger(),
        })
    }

    fn closed(mut self) -> Result<ViewClosed, PayloadError> {
        Ok(ViewClosed { by: self.by()?, install: self.install()?, app: self.app()?, view: self.view()? })
    }

    fn by(&mut self) -> Result<Caller, PayloadError> {
        self.user.take().ok_or(PayloadError::Missing { field: "user" })?.try_into()
    }

    fn install(&mut self) -> Result<Install, PayloadError> {
        Ok(Install {
            team: id(self.team.take().and_then(|team| team.id), "team.id")?,
            enterprise: id(self.enterprise.take().and_then(|enterprise| enterprise.id), "enterprise.id")?,
            org_wide: self.is_enterprise_install,
        })
    }

    fn app(&mut self) -> Result<Option<AppId>, PayloadError> {
        id(self.api_app_id.take(), "api_app_id")
    }

    fn trigger(&self) -> Option<TriggerId> {
        self.trigger_id.as_deref().and_then(TriggerId::read)
    }

    fn view(&mut self) -> Result<View, PayloadError> {
        self.view.take().ok_or(PayloadError::Missing { field: "view" })?.try_into()
    }

    fn place(&mut self) -> Result<Place, PayloadError> {
        if let Some(view) = self.view.take() {
            return view.try_into().map(Place::View);
        }
        let Some(container) = self.container.take() else { return Ok(Place::Elsewhere) };
        let channel = id(container.channel_id, "container.channel_id")?;
        let ts = id(container.message_ts, "container.message_ts")?;
        Ok(channel.zip(ts).map_or(Place::Elsewhere, |(channel, ts)| Place::Message {
            channel,
            ts,
            ephemeral: container.is_ephemeral,
        }))
    }
}

impl From<WireAction> for Action {
    fn from(wire: WireAction) -> Self {
        Self { action_id: wire.action_id, block_id: wire.block_id, input: wire.input.into() }
    }
}

impl TryFrom<WireView> for View {
    type Error = PayloadError;

    fn try_from(wire: WireView) -> Result<Self, PayloadError> {
        let id = wire.id.parse().map_err(|_| PayloadError::Malformed { field: "view.id" })?;
        Ok(Self { id, callback_id: wire.callback_id, private_metadata: wire.private_metadata, hash: wire.hash })
    }
}
