//! The API: sweeps, requests, decisions, tasks, offboardings, exceptions, operators, delegations, people, policy, audit and
//! savings, for whoever has a token.
//!
//! A token is nobody: it hands in what a person decides (`as`), and the person is authorised. For reassign, undo, withdraw,
//! stop and tasks an administrator's token counts as an operator.

mod act;
mod audit;
mod auth;
mod behalf;
mod bulk;
mod delegations;
mod download;
mod exceptions;
pub(crate) mod offboardings;
mod operators;
mod people;
mod period;
mod policy;
mod requests;
pub(crate) mod savings;
mod simulate;
mod sweeps;
mod who;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use seatgate_core::authorize::Action;
use seatgate_core::gate::Ask;
use utoipa::openapi::ComponentsBuilder;

use crate::server::App;

/// The largest body of an API call.
const BODY_LIMIT: usize = 64 * 1024;

pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/v1/requests", get(requests::list))
        .route("/v1/requests/{id}", get(requests::one))
        .route("/v1/requests/{id}/trail", get(requests::trail))
        .route("/v1/requests/{id}/decision", post(act::decide))
        .route("/v1/requests/{id}/reassign", post(act::reassign))
        .route("/v1/requests/{id}/undo", act::plainly(Ask::Undo, Action::Undo))
        .route("/v1/requests/{id}/withdraw", act::plainly(Ask::Withdraw, Action::Withdraw))
        .route("/v1/requests/{id}/stop", act::plainly(Ask::Stop, Action::Stop))
        .route("/v1/requests/{id}/tasks/{task}", post(act::resolve))
        .route("/v1/sweeps", post(bulk::open))
        .route("/v1/sweeps/{id}", get(sweeps::one))
        .route("/v1/sweeps/{id}/rows", post(bulk::rows))
        .route("/v1/sweeps/{id}/seal", post(bulk::seal))
        .route("/v1/sweeps/{id}/release", post(sweeps::release))
        .route("/v1/exceptions", get(exceptions::list).post(exceptions::file::file))
        .route("/v1/exceptions/check", post(exceptions::check::check))
        .route("/v1/exceptions/{id}", delete(exceptions::revoke))
        .route("/v1/offboardings", get(offboardings::list).post(offboardings::start))
        .route("/v1/delegations", get(delegations::list).post(delegations::add))
        .route("/v1/delegations/{id}", delete(delegations::end))
        .route("/v1/operators", get(operators::list).post(operators::appoint))
        .route("/v1/operators/{id}", delete(operators::dismiss))
        .route("/v1/people", get(people::list).put(people::import))
        .route("/v1/people/{id}", delete(people::erase))
        .route("/v1/policy", get(policy::show).put(policy::switch).patch(policy::switch))
        .route("/v1/policy/apply", post(policy::apply))
        .route("/v1/simulate", post(simulate::simulate))
        .route("/v1/audit", get(audit::export))
        .route("/v1/savings", get(savings::show))
        .route_layer(from_fn_with_state(app.clone(), auth::authenticate))
}

/// What is sent and read here, for the API's description.
pub(crate) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    let schemas = people::schemas(delegations::schemas(operators::schemas(schemas)));
    let schemas = bulk::schemas(simulate::schemas(offboardings::schemas(savings::schemas(schemas))));
    policy::schemas(exceptions::schemas(sweeps::schemas(act::schemas(schemas))))
}

/// One page of a list.
#[derive(serde::Serialize)]
struct Page<T> {
    items: Vec<T>,
    /// The cursor of the next page; nothing on the last one.
    next: Option<String>,
}
