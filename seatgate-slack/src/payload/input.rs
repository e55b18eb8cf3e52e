use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What one control of a modal or card holds: a typed text, a date, the values of what was chosen.
///
/// `Debug` does not show it: a reason is somebody's own words.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Input(Vec<String>);

impl Input {
    /// The one value, `None` where nothing was entered or several things were chosen.
    #[must_use]
    pub fn one(&self) -> Option<&str> {
        match self.0.as_slice() {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Every value.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} values)", self.0.len())
    }
}

/// What every control holds, by block and action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs(BTreeMap<String, BTreeMap<String, Input>>);

impl Inputs {
    /// What the control holds, `None` where there is no such control.
    #[must_use]
    pub fn at(&self, block_id: &str, action_id: &str) -> Option<&Input> {
        self.0.get(block_id)?.get(action_id)
    }

    /// Every control: its block, its action, what it holds.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Input)> {
        self.0.iter().flat_map(|(block, inputs)| in_block(block, inputs))
    }
}

fn in_block<'a>(
    block: &'a str,
    inputs: &'a BTreeMap<String, Input>,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Input)> {
    inputs.iter().map(move |(action, input)| (block, action.as_str(), input))
}

/// `state` of a view or message.
#[derive(Deserialize)]
pub(super) struct WireState {
    values: Option<BTreeMap<String, BTreeMap<String, WireInput>>>,
}

/// The parts of a control's value that our controls have.
#[derive(Deserialize)]
pub(super) struct WireInput {
    value: Option<String>,
    selected_date: Option<String>,
    selected_user: Option<String>,
    selected_option: Option<WireOption>,
    selected_options: Option<Vec<WireOption>>,
    selected_users: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WireOption {
    value: String,
}

impl From<WireInput> for Input {
    fn from(wire: WireInput) -> Self {
        let single = wire.value.or(wire.selected_date).or(wire.selected_user);
        let chosen = wire.selected_option.into_iter().chain(wire.selected_options.into_iter().flatten());
        let chosen = chosen.map(|option| option.value);
        Self(single.into_iter().chain(chosen).chain(wire.selected_users.into_iter().flatten()).collect())
    }
}

impl From<Option<WireState>> for Inputs {
    fn from(wire: Option<WireState>) -> Self {
        let blocks = wire.and_then(|state| state.values).unwrap_or_default();
        let inputs = |controls: BTreeMap<String, WireInput>| {
            controls.into_iter().map(|(action, input)| (action, input.into())).collect()
        };
        Self(blocks.into_iter().map(|(block, controls)| (block, inputs(controls))).collect())
    }
}
