//! What the query of a delivery asks for.

use seatgate_core::id::SweepId;
use seatgate_core::seat::AppId;

use super::field::Field;
use super::mapping::Mapping;
use super::plan::Chosen;
use crate::problem::Problem;
use crate::request;
use crate::server::HttpOptions;

/// The parameters of a delivery.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) dry_run: bool,
    /// The sweep that it joins.
    pub(super) sweep: Option<SweepId>,
    mapping: Option<String>,
    app_id: Option<AppId>,
}

impl Asked {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        Self::among(query, &["dry_run", "sweep", "mapping", "app_id"])
    }

    /// The same where only some of these, or others beside them, are known.
    pub(crate) fn among(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters = request::parameters(query, known)?;
        let dry_run = match parameters.get("dry_run").map(String::as_str) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::bad_request("expected `dry_run=true` or `dry_run=false`")),
        };
        // As in a path: whatever is no id of a sweep is not found.
        let sweep = parameters.remove("sweep").map(|id| id.parse::<SweepId>()).transpose();
        let sweep = sweep.map_err(|_| Problem::not_found("there is no such sweep"))?;
        let app_id = parameters.remove("app_id").map(|id| id.parse::<AppId>()).transpose();
        let app_id = app_id.map_err(|error| Problem::bad_request(error.to_string()).at("/app_id"))?;
        Ok(Self { dry_run, sweep, mapping: parameters.remove("mapping"), app_id })
    }

    /// The mapping, if one is named. The app is said once: by the mapping or by the query.
    pub(super) fn mapping<'a>(&self, options: &'a HttpOptions) -> Result<Option<Chosen<'a>>, Problem> {
        let app_id = |detail: &str| Err(Problem::bad_request(detail).at("/app_id"));
        let Some(name) = &self.mapping else {
            return match &self.app_id {
                Some(_) => app_id("only a mapping leaves the app to the query"),
                None => Ok(None),
            };
        };
        let Some(mapping) = options.mappings.get(name) else {
            let known: Vec<&str> = options.mappings.keys().map(String::as_str).collect();
            let detail = format!("there is no such mapping; known are {}", known.join(", "));
            return Err(Problem::bad_request(detail).at("/mapping"));
        };
        match (says_app(mapping), &self.app_id) {
            (Some(_), None) => Ok(Some(Chosen { mapping, app_id: None })),
            (Some(_), Some(_)) => app_id("this mapping says the app itself"),
            (None, None) => app_id("this mapping does not say whose seats these are: add `app_id`"),
            (None, Some(id)) => {
                let field = Field::all().find(|field| field.name() == "app_id");
                Ok(Some(Chosen { mapping, app_id: field.map(|field| (field, id.to_string())) }))
            }
        }
    }

    /// Stands before a body when its digest is made. No value in it holds a line break.
    pub(super) fn mark(&self) -> String {
        let mut mark = if self.dry_run { "dry_run\n".to_owned() } else { String::new() };
        let (sweep, app_id) = (self.sweep.map(|id| id.to_string()), self.app_id.as_ref().map(ToString::to_string));
        let pairs = [("sweep", sweep.as_deref()), ("mapping", self.mapping.as_deref()), ("app_id", app_id.as_deref())];
        for (name, value) in pairs {
            value.into_iter().for_each(|value| mark.push_str(&format!("{name}={value}\n")));
        }
        mark
    }
}

fn says_app(mapping: &Mapping) -> Option<Field> {
    mapping.sources().map(|(field, _)| field).find(|field| field.name() == "app_id")
}
