//! How the cells of one delivery become candidates: the default columns, or a mapping.

use std::borrow::Cow;
use std::collections::BTreeMap;

use seatgate_core::port::Problem as RowProblem;
use seatgate_core::seat::{Candidate, CandidateDraft};

use super::field::Field;
use super::mapping::{Dates, Mapping, Source};
use super::rows::{self, invalid};
use crate::problem::Problem;

/// A cell of every row.
pub(super) struct Place {
    /// What its sender calls it.
    pub(super) pointer: String,
    /// Which column, in a table.
    pub(super) column: usize,
}

/// Where every field comes from.
#[derive(Default)]
pub(super) struct Plan {
    places: Vec<(Field, Vec<Place>)>,
    constants: Vec<(Field, String)>,
    /// How times are written; as we write them, where nothing is said.
    dates: Option<Dates>,
    empty_is_never_used: bool,
    /// What the sender calls the members of a candidate.
    names: BTreeMap<String, String>,
}

impl Plan {
    /// The fields of the default table, each in its column.
    pub(super) fn of_columns(fields: impl IntoIterator<Item = Field>) -> Self {
        let place =
            |(column, field): (usize, Field)| (field, vec![Place { pointer: field.pointer().to_owned(), column }]);
        Self { places: fields.into_iter().enumerate().map(place).collect(), ..Self::default() }
    }

    /// What a mapping says. `find` finds the cells of a field: nothing where it has none in this form.
    ///
    /// # Errors
    /// When a field that every row needs has no cell, or `find` fails.
    pub(super) fn of_mapping(
        chosen: &Chosen<'_>,
        mut find: impl FnMut(&Source) -> Result<Vec<Place>, Problem>,
    ) -> Result<Self, Problem> {
        let mapping = chosen.mapping;
        let mut plan = Self {
            dates: Some(mapping.dates()),
            empty_is_never_used: mapping.empty_is_never_used(),
            constants: chosen.app_id.iter().cloned().collect(),
            ..Self::default()
        };
        for (field, source) in mapping.sources() {
            if let Some(value) = source.constant() {
                plan.constants.push((field, value.to_owned()));
                continue;
            }
            let places = find(source)?;
            if !places.is_empty() {
                plan.places.push((field, places));
            }
        }
        let fields: Vec<Field> = plan.fields().collect();
        if let Some(choice) = Field::lacking(&fields) {
            let detail = format!("this mapping says nothing of `{}` for this form", choice.join("` or `"));
            return Err(Problem::bad_request(detail).at("/mapping"));
        }
        plan.names = plan.names();
        Ok(plan)
    }

    pub(super) fn into_names(self) -> BTreeMap<String, String> {
        self.names
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.places.iter().map(|(field, _)| *field).chain(self.constants.iter().map(|(field, _)| *field))
    }

    /// A field that the latest of several cells fills keeps our name: which of them it was differs from row to row.
    fn names(&self) -> BTreeMap<String, String> {
        let mut names = BTreeMap::new();
        for (field, places) in &self.places {
            let [Place { pointer, .. }] = places.as_slice() else { continue };
            if field.pointer().starts_with("/account/") {
                names.entry("/account".to_owned()).or_insert_with(|| pointer.clone());
            }
            names.insert(field.pointer().to_owned(), pointer.clone());
        }
        names
    }

    /// A row, whose cells `cell` reads.
    pub(super) fn candidate<'a>(
        &self,
        cell: impl Fn(&Place) -> Result<Cow<'a, str>, RowProblem>,
    ) -> Result<Candidate, RowProblem> {
        let mut draft = CandidateDraft::default();
        for (field, value) in &self.constants {
            field.fill(&mut draft, value.clone())?;
        }
        for (field, places) in &self.places {
            if let Some(text) = self.read(*field, places, &cell)? {
                field.fill(&mut draft, text).map_err(|problem| self.named(problem))?;
            }
        }
        if self.empty_is_never_used && draft.last_activity_at.is_none() && draft.never_used.is_none() {
            draft.never_used = Some(true);
        }
        // A column of currencies is often filled in where there is no cost.
        draft.monthly_cost = draft.monthly_cost.filter(|cost| !cost.amount.is_empty());
        rows::parsed(draft).map_err(|problem| self.named(problem))
    }

    /// What fills a field, if any of its cells holds something: the latest, where there are several.
    fn read<'a>(
        &self,
        field: Field,
        places: &[Place],
        cell: impl Fn(&Place) -> Result<Cow<'a, str>, RowProblem>,
    ) -> Result<Option<String>, RowProblem> {
        let mut found = None;
        for place in places {
            let text = cell(place)?;
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            found = found.max(Some(match self.dates.filter(|_| field.is_time()) {
                // Equal instants have equal texts, and later ones greater.
                Some(dates) => {
                    let at = dates.read(text).ok_or_else(|| invalid(place.pointer.clone(), dates.expected()))?;
                    at.to_string()
                }
                None => text.to_owned(),
            }));
        }
        Ok(found)
    }

    fn named(&self, mut problem: RowProblem) -> RowProblem {
        if let Some(name) = self.names.get(&problem.pointer) {
            problem.pointer.clone_from(name);
        }
        problem
    }
}

/// The mapping of one delivery, with the app where the mapping does not say it.
pub(super) struct Chosen<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) app_id: Option<(Field, String)>,
}
