//! `GET /v1/savings`: what was saved, by proof, with what is only hoped for apart.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use seatgate_core::money::Totals;
use seatgate_core::request::Proof;
use seatgate_core::savings::{LineKey, Savings, Standing, Tally};
use seatgate_core::time::Timestamp;
use serde::Serialize;
use utoipa::openapi::ComponentsBuilder;

use crate::openapi::{labels, with};
use crate::problem::Problem;
use crate::request::parameters;
use crate::server::App;

/// The account. Its fields are a public contract.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Savings)]
struct SavingsView {
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    verified: ProvenView,
    projected: TallyView,
    kept: TallyView,
    /// Approved, and nothing was saved: not done, still billed, gone before, or given again.
    unsaved: TallyView,
    /// The share of the decided requests that were kept, from 0 to 1.
    kept_rate: Option<f64>,
    items: Vec<LineView>,
}

/// A number of requests, and what their seats cost a month: an amount a currency.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SavingsTally)]
struct TallyView {
    requests: u64,
    #[schema(value_type = Vec<Object>)]
    monthly: Totals,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ProvenSavings)]
struct ProvenView {
    #[serde(flatten)]
    all: TallyView,
    #[schema(value_type = BTreeMap<String, TallyView>)]
    by_proof: BTreeMap<Proof, TallyView>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SavingsLine)]
struct LineView {
    month: String,
    app: String,
    #[schema(value_type = labels::Standing)]
    standing: Standing,
    #[schema(value_type = Option<labels::Proof>)]
    proof: Option<Proof>,
    #[serde(flatten)]
    tally: TallyView,
}

/// `GET /v1/savings`, also as a table.
pub(super) async fn show(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let parameters = parameters(query.as_deref(), &["format"])?;
    let now = app.gate.now();
    match parameters.get("format").map(String::as_str) {
        None | Some("json") => {
            let savings = app.gate.queries().savings(now).await?;
            Ok(([(header::CACHE_CONTROL, "no-store")], Json(SavingsView::of(&savings, now))).into_response())
        }
        Some("csv") => Ok(table(&app.gate.queries().savings(now).await?)),
        Some(_) => Err(Problem::bad_request("`format`: expected `json` or `csv`")),
    }
}

/// The account as a file.
pub(crate) fn table(savings: &Savings) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"seatgate-savings.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, savings.to_csv()).into_response()
}

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<SavingsView>(schemas)
}

impl SavingsView {
    fn of(savings: &Savings, as_of: Timestamp) -> Self {
        let standing = |standing| TallyView::of(savings.total(|key| key.standing == standing));
        let proven = |proof| (proof, TallyView::of(savings.total(|key| key.proof == Some(proof))));
        Self {
            as_of,
            verified: ProvenView {
                all: standing(Standing::Verified),
                by_proof: Proof::ALL.iter().copied().map(proven).collect(),
            },
            projected: standing(Standing::Projected),
            kept: standing(Standing::Kept),
            unsaved: standing(Standing::Unsaved),
            kept_rate: savings.kept_rate(),
            items: savings.lines().map(|(key, tally)| LineView::of(key, tally)).collect(),
        }
    }
}

impl TallyView {
    fn of(Tally { requests, monthly, .. }: Tally) -> Self {
        Self { requests, monthly }
    }
}

impl LineView {
    fn of(key: &LineKey, tally: &Tally) -> Self {
        Self {
            month: key.month.clone(),
            app: key.app.to_string(),
            standing: key.standing,
            proof: key.proof,
            tally: TallyView::of(tally.clone()),
        }
    }
}
