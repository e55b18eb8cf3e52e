//! Exceptions: listing, filing and revoking them, and asking which seats they cover.

pub(super) mod check;
pub(super) mod file;

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use seatgate_core::gate::Gate;
use seatgate_core::id::{AccountId, ExceptionId, PersonRef, RequestId, TextId};
use seatgate_core::person::PersonDetails;
use seatgate_core::port::{Exception, StoreError};
use seatgate_core::seat::AccountNames;
use seatgate_core::time::Timestamp;
use serde::Serialize;
use utoipa::openapi::ComponentsBuilder;

use super::auth::Caller;
use super::requests::{cursor, cut, limit};
use super::{Page, behalf};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{InPath, parameters};
use crate::server::App;
use crate::view::{AccountView, AppView, PersonView};

/// One exception. Personal data: never log it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Exception)]
pub(super) struct ExceptionView {
    #[schema(value_type = String)]
    id: ExceptionId,
    app: AppView,
    account: AccountView,
    entitlement: String,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    reason: Option<String>,
    filed_by: PersonView,
    #[schema(value_type = String, format = DateTime)]
    filed_at: Timestamp,
    #[schema(value_type = Option<String>)]
    request_id: Option<RequestId>,
}

/// The names and texts that exceptions refer to.
struct Names {
    accounts: BTreeMap<AccountId, AccountNames>,
    people: BTreeMap<PersonRef, PersonDetails>,
    texts: BTreeMap<TextId, String>,
}

/// What these routes send and read, for their description.
pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    let schemas = with::<check::Skipped>(with::<check::SeatBody>(schemas));
    with::<file::FileBody>(with::<ExceptionView>(schemas))
}

/// `GET /v1/exceptions`: those that hold now, oldest first.
pub(super) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<ExceptionView>>, Problem> {
    let parameters = parameters(query.as_deref(), &["cursor", "limit"])?;
    let (after, limit) = (cursor(parameters.get("cursor"))?, limit(parameters.get("limit"))?);
    let found = app.gate.exceptions().list(app.gate.now(), after, limit + 1).await?;
    let (exceptions, next) = cut(found, limit, |last| last.id.to_string());
    let names = Names::of(&app.gate, &exceptions).await?;
    Ok(Json(Page { items: exceptions.into_iter().map(|exception| names.join(exception)).collect(), next }))
}

/// `DELETE /v1/exceptions/{id}`: from now on the seat may be asked about again.
pub(super) async fn revoke(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    InPath(id): InPath<ExceptionId>,
) -> Result<StatusCode, Problem> {
    let by = behalf::operator(&app, &caller, None, "revoke_exception").await?;
    app.gate.revoke_exception(id, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Names {
    async fn of(gate: &Gate, exceptions: &[Exception]) -> Result<Self, StoreError> {
        let accounts: Vec<_> = exceptions.iter().map(|exception| exception.seat.account).collect();
        let people: Vec<_> = exceptions.iter().filter_map(|exception| exception.filed_by.person()).collect();
        let texts: Vec<_> = exceptions.iter().filter_map(|exception| Some(exception.reason?.id)).collect();
        let store = gate.people();
        Ok(Self {
            accounts: known(&accounts, store.account_names(&accounts).await?),
            people: known(&people, store.details(&people).await?),
            texts: known(&texts, store.texts(&texts).await?),
        })
    }

    fn join(&self, exception: Exception) -> ExceptionView {
        let person = |person| PersonView::of(self.people.get(&person));
        ExceptionView {
            id: exception.id,
            app: AppView::of(&exception.seat.app),
            account: AccountView::of(self.accounts.get(&exception.seat.account)),
            entitlement: exception.seat.entitlement.to_string(),
            until: exception.until,
            reason: exception.reason.and_then(|text| self.texts.get(&text.id).cloned()),
            filed_by: PersonView::acting(&exception.filed_by, person),
            filed_at: exception.filed_at,
            request_id: exception.request,
        }
    }
}

fn known<K: Ord + Copy, V>(keys: &[K], values: Vec<Option<V>>) -> BTreeMap<K, V> {
    keys.iter().zip(values).filter_map(|(key, value)| Some((*key, value?))).collect()
}
