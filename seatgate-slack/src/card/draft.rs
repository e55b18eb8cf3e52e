//! A message in the making: what it shows, and beside it the same as text.

use crate::card::Rendered;
use crate::card::block::{BESIDE, Blocks, Control};
use crate::wording::{Form, Line, Phrase, Wording, shortened};

/// Blocks and text grow together, so that no fact is in one of them only.
pub(super) struct Draft<'w> {
    pub(super) wording: &'w Wording,
    pub(super) blocks: Blocks,
    text: Vec<String>,
}

impl<'w> Draft<'w> {
    /// Nothing said yet; each block's id will start with `of`.
    pub(super) fn new(wording: &'w Wording, of: impl ToString) -> Self {
        Self { wording, blocks: Blocks::new(of), text: Vec::new() }
    }

    pub(super) fn header(&mut self, line: &Line<'_>) {
        self.blocks.header(&self.wording.say(line, Form::Plain));
        self.tell(line);
    }

    pub(super) fn section(&mut self, name: &str, lines: &[Line<'_>]) {
        self.blocks.section(name, &self.markup(lines));
        lines.iter().for_each(|line| self.tell(line));
    }

    /// A line in bold, and others below it.
    pub(super) fn titled(&mut self, name: &str, title: &Line<'_>, lines: &[Line<'_>]) {
        let mut markup = vec![format!("*{}*", self.wording.say(title, Form::Markup))];
        markup.extend(self.markup(lines));
        self.blocks.section(name, &markup);
        self.tell(title);
        lines.iter().for_each(|line| self.tell(line));
    }

    pub(super) fn context(&mut self, name: &str, lines: &[Line<'_>]) {
        self.blocks.context(name, &self.markup(lines));
        lines.iter().for_each(|line| self.tell(line));
    }

    /// Labelled facts, which the text says without their labels.
    pub(super) fn fields(&mut self, name: &str, fields: &[(Phrase, Line<'_>)]) {
        let say = |line: &Line<'_>| self.wording.say(line, Form::Markup);
        let field = |(label, line): &(Phrase, Line<'_>)| (say(&Line::new(*label)), say(line));
        let said: Vec<_> = fields.iter().map(field).collect();
        self.blocks.fields(name, &said);
    }

    pub(super) fn actions(&mut self, name: &str, controls: impl IntoIterator<Item = impl Into<Control>>) {
        let controls: Vec<Control> = controls.into_iter().map(Into::into).collect();
        if !controls.is_empty() {
            self.blocks.actions(name, controls);
        }
    }

    /// Says it in the text only, because blocks show it in another way.
    pub(super) fn tell(&mut self, line: &Line<'_>) {
        self.text.push(self.wording.say(line, Form::Text));
    }

    /// Takes up another draft, as it is.
    pub(super) fn append(&mut self, other: Self) {
        self.blocks.append(other.blocks);
        self.text.extend(other.text);
    }

    /// How many blocks it has, how many characters are in them, and how many in the text beside them.
    pub(super) fn size(&self) -> [usize; 3] {
        let told = self.text.iter().map(|line| line.chars().count() + 1).sum();
        [self.blocks.len(), self.blocks.characters(), told]
    }

    /// The message.
    pub(super) fn finish(self) -> Rendered {
        let text = shortened(&self.text.join("\n"), BESIDE);
        Rendered { text, blocks: self.blocks.message() }
    }

    fn markup(&self, lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(|line| self.wording.say(line, Form::Markup)).collect()
    }
}
