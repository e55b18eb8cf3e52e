//! Starting an offboarding: who leaves and by which playbook, then what would run, and only then the start.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::gate::{Gate, GateError, Offboard};
use seatgate_core::person::{EmailAddress, Identity, PersonDraft};
use seatgate_core::playbook::{Deed, PlannedTask, Playbook};
use seatgate_core::policy::Mode;

use super::Inbox;
use super::card::sentence;
use super::fields::{Fields, Sent};
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::page::{Frame, PageError, html};

/// What was written into the forms. Personal data: never log it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) playbook: String,
    pub(super) reason: String,
    /// The optional tasks that were left ticked.
    include: Vec<String>,
}

#[derive(Template)]
#[template(path = "inbox/start.html")]
struct StartPage {
    frame: Frame,
    draft: Draft,
    tasks: Vec<Line>,
    four_eyes: bool,
    /// How many of the calls cannot be undone.
    irreversible: usize,
    test: bool,
}

/// A task that would run.
struct Line {
    name: String,
    what: String,
    after: String,
    irreversible: bool,
    optional: bool,
}

const LONGEST_NAME: usize = 200;

pub(super) async fn start(State(inbox): State<Inbox>, headers: HeaderMap, form: Sent) -> Response {
    inbox.respond(taken(&inbox, &headers, form).await)
}

async fn taken(inbox: &Inbox, headers: &HeaderMap, form: Sent) -> Result<Response, PageError> {
    let fields = Fields::of(form)?;
    let draft = Draft::read(&fields);
    let viewer = inbox.sender(headers, fields.token()).await?;
    inbox.for_operators(&viewer, "offboard").await?;
    let settings = inbox.gate.settings();
    let Some(playbook) = settings.playbooks.get(Some(&draft.playbook)) else {
        return inbox.again(&viewer, draft, "Choose a playbook.").await;
    };
    let person = match draft.person() {
        Ok(person) => person,
        Err(problem) => return inbox.again(&viewer, draft, problem).await,
    };
    if !fields.confirmed() {
        return Ok(inbox.confirm_start(&viewer, draft, playbook));
    }
    let mut ask = Offboard::new(person).by(&playbook.name).without(draft.left_out(playbook));
    ask.reason = Some(draft.reason.clone()).filter(|reason| !reason.trim().is_empty());
    match inbox.gate.offboard(&ask, &viewer.submission()).await {
        Ok(request) => {
            let path = format!("/requests/{}?notice={}", request.id, Code::Started.label());
            Ok(Redirect::to(&inbox.path(&path)).into_response())
        }
        Err(error) => {
            let (status, notice) = refusal(error)?;
            inbox.offboardings_page(status, &viewer, Some(notice), (draft, None)).await
        }
    }
}

impl Draft {
    fn read(fields: &Fields) -> Self {
        let written = |name| fields.last(name).to_owned();
        Self {
            email: written("email"),
            name: written("name"),
            playbook: written("playbook"),
            reason: written("reason"),
            include: fields.all("include").map(str::to_owned).collect(),
        }
    }

    fn person(&self) -> Result<PersonDraft, &'static str> {
        let email = self.email.trim().parse::<EmailAddress>();
        let email = email.map_err(|_| "Write an e-mail address, such as ana@example.com.")?;
        let name = self.name.trim();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err("Write a name of at most 200 characters.");
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(PersonDraft::new(Identity::Email(email), name))
    }

    fn left_out<'a>(&'a self, playbook: &'a Playbook) -> impl Iterator<Item = &'a str> {
        let optional = playbook.tasks.iter().filter(|task| task.optional && !self.include.contains(&task.name));
        optional.map(|task| task.name.as_str())
    }
}

impl Inbox {
    /// The first page, with what was written.
    async fn again(&self, viewer: &Viewer, draft: Draft, problem: &str) -> Result<Response, PageError> {
        let notice = Notice::refused(format!("Nothing was started. {problem}"));
        self.offboardings_page(StatusCode::UNPROCESSABLE_ENTITY, viewer, Some(notice), (draft, None)).await
    }

    /// The second page: what would run, and what of it cannot be undone.
    fn confirm_start(&self, viewer: &Viewer, draft: Draft, playbook: &Playbook) -> Response {
        let tasks: Vec<Line> = playbook.tasks.iter().map(|task| Line::new(&self.gate, task)).collect();
        let page = StartPage {
            frame: self.frame(Some(viewer), None),
            irreversible: tasks.iter().filter(|task| task.irreversible).count(),
            tasks,
            four_eyes: playbook.four_eyes,
            test: self.gate.settings().mode != Mode::Live,
            draft,
        };
        html(StatusCode::OK, &page)
    }
}

impl Line {
    fn new(gate: &Gate, task: &PlannedTask) -> Self {
        let (what, irreversible) = match &task.deed {
            Deed::Call(call) => {
                let target = gate.router().named(&call.target);
                let undone = target.is_some_and(|target| target.reversible);
                (format!("calls {} for {}", call.target, call.app), !undone)
            }
            Deed::Manual { assignee } => (format!("asks {assignee}"), false),
            // Of what is not known here, nobody can promise that it can be undone.
            _ => (String::new(), true),
        };
        let (name, after) = (task.name.clone(), task.needs.join(", "));
        Self { name, what, after, irreversible, optional: task.optional }
    }
}

/// What to say about an offboarding that was not started; the errors that no word would mend stay errors.
fn refusal(error: GateError) -> Result<(StatusCode, Notice), PageError> {
    let status = match &error {
        GateError::Denied(_) => StatusCode::FORBIDDEN,
        GateError::BadOffboarding(_) | GateError::BadReason => StatusCode::UNPROCESSABLE_ENTITY,
        GateError::AlreadyLeaving(_) | GateError::Off => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    Ok((status, Notice::refused(format!("Nothing was started. {}", sentence(&error.to_string())))))
}
