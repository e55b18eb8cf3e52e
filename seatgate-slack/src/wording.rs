//! The words of everything that Slack shows: templates that an embedder can replace, in another tone or language.
//!
//! A template is literal text with named slots, such as `{app}`. Its literal parts are trusted, also as markup; what fills
//! the slots is typed and escaped for the place where it goes, so that no template can forget that.
//!
//! # Examples
//! ```
//! use seatgate_slack::wording::{Phrase, Wording};
//!
//! let wording = Wording::english()
//!     .with(Phrase::ButtonKeep, "Lizenz behalten")?
//!     .with(Phrase::Cost, "{cost} im Monat")?;
//! assert!(wording.with(Phrase::Cost, "teuer").is_err(), "it would not say how much");
//! # Ok::<(), seatgate_slack::wording::WordingError>(())
//! ```

mod line;
mod outside;
mod phrase;
mod slot;
mod template;

use std::sync::Arc;

pub(crate) use line::{Form, Line, NAME, Value};
pub(crate) use outside::shortened;
pub use phrase::Phrase;
pub(crate) use slot::Slot;
pub use template::{WordingError, WordingFault};

use template::Template;

/// Words for everything. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wording {
    /// By the phrase's number.
    templates: Arc<[Template]>,
}

impl Default for Wording {
    fn default() -> Self {
        Self::english()
    }
}

impl Wording {
    /// English: what everything says unless it is replaced.
    #[must_use]
    pub fn english() -> Self {
        Self { templates: Phrase::ALL.iter().map(|phrase| Template::built_in(*phrase)).collect() }
    }

    /// The same with other words for one phrase. A template names each slot of the English one at least once, in any
    /// order; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// When a slot is unknown or missing, or when the words do not fit where they go, such as on a button.
    pub fn with(mut self, phrase: Phrase, template: &str) -> Result<Self, WordingError> {
        let template = Template::read(phrase, template)?;
        if let Some(at) = Arc::make_mut(&mut self.templates).get_mut(phrase as usize) {
            *at = template;
        }
        Ok(self)
    }

    /// What a line says, in that form.
    pub(crate) fn say(&self, line: &Line<'_>, form: Form) -> String {
        let mut said = String::new();
        self.write(line, form, &mut said);
        said
    }

    fn write(&self, line: &Line<'_>, form: Form, said: &mut String) {
        let pieces = self.templates.get(line.phrase as usize).map(Template::pieces).unwrap_or_default();
        for piece in pieces {
            match piece {
                template::Piece::Literal(text) => said.push_str(text),
                template::Piece::Slot(slot) => match line.value(*slot) {
                    Some(Value::Said(line)) => self.write(line, form, said),
                    Some(value) => said.push_str(&value.text(form)),
                    None => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
