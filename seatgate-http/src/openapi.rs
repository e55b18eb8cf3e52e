//! The description of the API: OpenAPI 3.1, made from the types that are really sent and read.
//!
//! Slack's routes (`POST /slack/interactions`, `/slack/commands`, `/slack/events`), which a server may merge in, are not in it:
//! Slack describes what it sends, and nobody else may call them. They stand in `seatgate-slack`, out of the test's sight.
//!
//! The document is committed as `openapi.json` beside this crate's manifest; a test compares the two, and another one
//! holds every route of the API to be described.

mod routes;

use axum::Json;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::ComponentsBuilder;

use crate::api;
use crate::probe::Readiness;
use crate::problem::Problem;
use crate::view::RequestView;

/// Labels, as the types that have them define them.
pub(crate) mod labels {
    use seatgate_core::{person, policy, port, request, route, savings};
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
    use utoipa::{PartialSchema, ToSchema};

    macro_rules! labelled {
        ($($name:ident: $type:ty;)*) => {$(
            /// See the type of the same name.
            pub(crate) enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let labels = <$type>::ALL.iter().map(|label| label.label());
                    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(labels)).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> std::borrow::Cow<'static, str> {
                    concat!(stringify!($name), "Label").into()
                }
            }
        )*};
    }

    labelled! {
        Decision: request::Decision;
        Mode: policy::Mode;
        Outcome: request::Outcome;
        Proof: request::Proof;
        Resolution: request::Resolution;
        RowStatus: port::RowStatus;
        Stage: request::Stage;
        Standing: savings::Standing;
        State: request::StateLabel;
        Surface: person::Surface;
        TaskStatus: request::TaskStatus;
        Turn: route::Turn;
        Why: request::Why;
    }
}

/// The document, as it is served and committed.
#[must_use]
pub fn describe() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "seatgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The human gate between \"this SaaS seat looks dormant\" and \"the seat is gone\".",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": routes::paths(),
        "components": components(),
    })
}

/// `GET /openapi.json`.
pub(crate) async fn document() -> Json<Value> {
    Json(describe())
}

/// Adds a type and those that it is made of.
pub(crate) fn with<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    components.schemas_from_iter(parts).schema_from::<T>()
}

fn components() -> Value {
    let schemas = with::<Problem>(with::<RequestView>(ComponentsBuilder::new()));
    let schemas = with::<labels::RowStatus>(with::<Readiness>(schemas));
    let mut components = serde_json::to_value(api::schemas(schemas).build()).unwrap_or_default();
    components["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer" },
        "webhook": { "type": "apiKey", "in": "header", "name": "webhook-signature",
            "description": "Standard Webhooks 1.0: beside it, `webhook-id` and `webhook-timestamp`." },
    });
    components["responses"] = routes::problems();
    components
}
