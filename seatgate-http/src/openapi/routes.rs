//! Each route: what it takes, what it answers, and with which problems.

use serde_json::{Map, Value, json};

use crate::problem::CONTENT_TYPE;

/// The problems that routes answer with, by status.
const PROBLEMS: [(u16, &str); 10] = [
    (400, "The request as a whole cannot be read."),
    (401, "Nobody knows who asks."),
    (403, "They may not."),
    (404, "There is no such thing."),
    (408, "The body did not come in time."),
    (409, "Not in this state; where somebody has decided, it says who and when."),
    (413, "More than is read."),
    (415, "A format that is not read."),
    (422, "A field does not fit; `pointer` names it."),
    (503, "Later it may work: see `Retry-After`."),
];

/// Who may call.
#[derive(Clone, Copy)]
enum Caller {
    Anybody,
    Token,
    Webhook,
}

/// One operation.
struct Route {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    caller: Caller,
    /// Parameters of the query.
    query: Vec<Value>,
    /// By content type.
    bodies: Vec<(&'static str, Value)>,
    /// The status of success, and what it brings.
    answer: (u16, Vec<(&'static str, Value)>),
    problems: &'static [u16],
}

impl Route {
    fn new(method: &'static str, path: &'static str, summary: &'static str) -> Self {
        let (query, bodies, answer) = (Vec::new(), Vec::new(), (200, Vec::new()));
        Self { method, path, summary, caller: Caller::Token, query, bodies, answer, problems: &[] }
    }

    fn by(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    fn query(mut self, name: &str, schema: Value) -> Self {
        self.query.push(json!({ "name": name, "in": "query", "required": false, "schema": schema }));
        self
    }

    fn takes(self, body: Value) -> Self {
        self.takes_as("application/json", body)
    }

    fn takes_as(mut self, content_type: &'static str, body: Value) -> Self {
        self.bodies.push((content_type, body));
        self
    }

    fn answers(self, schema: Value) -> Self {
        self.answers_as("application/json", schema)
    }

    fn answers_as(mut self, content_type: &'static str, schema: Value) -> Self {
        self.answer.1.push((content_type, schema));
        self
    }

    fn with_status(mut self, status: u16) -> Self {
        self.answer.0 = status;
        self
    }

    fn problems(mut self, problems: &'static [u16]) -> Self {
        self.problems = problems;
        self
    }

    fn operation(&self) -> Value {
        let mut parameters = self.query.clone();
        let in_path = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        parameters.extend(
            in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })),
        );
        let mut operation = json!({
            "summary": self.summary,
            "operationId": operation_id(self.method, self.path),
            "parameters": parameters,
            "responses": self.responses(),
            "security": match self.caller {
                Caller::Anybody => json!([]),
                Caller::Token => json!([{ "token": [] }]),
                Caller::Webhook => json!([{ "webhook": [] }]),
            },
        });
        if !self.bodies.is_empty() {
            operation["requestBody"] = json!({ "content": contents(&self.bodies) });
        }
        operation
    }

    fn responses(&self) -> Value {
        let (status, contents) = &self.answer;
        let mut answer = json!({ "description": "As asked." });
        if !contents.is_empty() {
            answer["content"] = self::contents(contents);
        }
        let mut responses = Map::from_iter([(status.to_string(), answer)]);
        for status in self.problems {
            let reference = format!("#/components/responses/Problem{status}");
            responses.entry(status.to_string()).or_insert_with(|| json!({ "$ref": reference }));
        }
        Value::Object(responses)
    }
}

fn contents(contents: &[(&'static str, Value)]) -> Value {
    let contents = contents.iter().map(|(name, schema)| ((*name).to_owned(), json!({ "schema": schema })));
    Value::Object(contents.collect())
}

/// `get_v1_requests_id` for `GET /v1/requests/{id}`.
fn operation_id(method: &str, path: &str) -> String {
    let plain = path.replace(['{', '}'], "").replace(['/', '.'], "_");
    format!("{method}{plain}")
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn page_of(item: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": { "items": { "type": "array", "items": item }, "next": { "type": ["string", "null"] } },
    })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": 200 })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// What is wrong with a row.
fn row_problem() -> Value {
    json!({
        "type": "object",
        "required": ["title", "detail", "pointer"],
        "properties": { "title": text(), "detail": text(), "pointer": text() },
    })
}

/// The answer to a list of people.
fn imported() -> Value {
    let row = json!({
        "type": "object",
        "required": ["row", "status"],
        "properties": {
            "row": { "type": "integer", "minimum": 0 },
            "status": { "type": "string", "enum": ["saved", "rejected"] },
            "id": text(),
            "problem": row_problem(),
        },
    });
    json!({
        "type": "object",
        "required": ["results", "counts"],
        "properties": {
            "results": { "type": "array", "items": row },
            "counts": { "type": "object", "additionalProperties": { "type": "integer" } },
        },
    })
}

/// The answer to a sweep.
fn swept() -> Value {
    let row = json!({
        "type": "object",
        "required": ["row", "status"],
        "properties": {
            "row": { "type": "integer", "minimum": 0 },
            "status": schema("RowStatusLabel"),
            "request_id": text(),
            "problem": row_problem(),
        },
    });
    json!({
        "type": "object",
        "required": ["sweep_id", "results", "counts"],
        "properties": {
            "sweep_id": text(),
            "results": { "type": "array", "items": row },
            "counts": { "type": "object", "additionalProperties": { "type": "integer" } },
        },
    })
}

fn routes() -> Vec<Route> {
    let groups =
        [probes(), intake(), sweeps(), requests(), actions(), offboardings(), exceptions(), people(), administration()];
    groups.into_iter().flatten().collect()
}

fn probes() -> Vec<Route> {
    let get = |path, summary| Route::new("get", path, summary).by(Caller::Anybody);
    vec![
        get("/livez", "Whether the process lives.").answers_as("text/plain", text()),
        get(
            "/readyz",
            "Whether to send anybody here: database and tables answer, and the server is not about to stop.",
        )
        .answers(schema("Readiness"))
        .problems(&[503]),
        get("/metrics", "Numbers in Prometheus' text format.").answers_as("text/plain", text()).problems(&[503]),
        get("/openapi.json", "This document.").answers(json!({ "type": "object" })),
    ]
}

fn intake() -> Vec<Route> {
    let summary = "Hands in candidates: one signed delivery is a sweep of its own, or joins one.";
    vec![
        Route::new("post", "/v1/candidates", summary)
            .by(Caller::Webhook)
            .query("dry_run", json!({ "type": "boolean" }))
            .query("sweep", text())
            .query("mapping", text())
            .query("app_id", text())
            .takes(json!({ "type": ["object", "array"] }))
            .takes_as("application/x-ndjson", text())
            .takes_as("text/csv", text())
            .answers(swept())
            .with_status(202)
            .problems(&[400, 401, 404, 408, 409, 413, 415, 422, 503]),
    ]
}

fn sweeps() -> Vec<Route> {
    const RELEASE: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 415, 422, 503];
    let sweep = || {
        let mut sweep = swept();
        sweep["properties"]["submitted_by"] = text();
        sweep["properties"]["received_at"] = text();
        sweep["properties"]["state"] = json!({ "type": "string", "enum": ["open", "sealed", "answered"] });
        sweep["properties"]["received"] = count();
        sweep["properties"]["next"] = count();
        sweep
    };
    let opened = json!({ "type": "object", "required": ["sweep_id"], "properties": { "sweep_id": text() } });
    let sealed = json!({
        "type": "object",
        "required": ["sweep_id", "received"],
        "properties": { "sweep_id": text(), "received": count() },
    });
    vec![
        Route::new("post", "/v1/sweeps", "Opens a sweep of any length for its rows.")
            .query("dry_run", json!({ "type": "boolean" }))
            .takes(schema("OpenSweep"))
            .answers(opened)
            .with_status(201)
            .problems(&[400, 401, 408, 409, 413, 415, 422, 503]),
        Route::new(
            "post",
            "/v1/sweeps/{id}/rows",
            "Takes rows as they come, and answers line by line as they are durable.",
        )
        .query("from", count())
        .query("mapping", text())
        .query("app_id", text())
        .takes_as("application/x-ndjson", text())
        .takes_as("text/csv", text())
        .answers_as("application/x-ndjson", text())
        .problems(&[400, 401, 404, 409, 415, 503]),
        Route::new(
            "post",
            "/v1/sweeps/{id}/seal",
            "Ends the rows of a sweep: limits are applied, and people are asked.",
        )
        .takes(schema("SealSweep"))
        .answers(sealed)
        .with_status(202)
        .problems(&[400, 401, 404, 408, 409, 413, 415, 422, 503]),
        Route::new("get", "/v1/sweeps/{id}", "One sweep, row by row.")
            .query("from", count())
            .query("limit", json!({ "type": "integer", "minimum": 0, "maximum": 10_000 }))
            .answers(sweep())
            .problems(&[400, 401, 404, 503]),
        Route::new("post", "/v1/sweeps/{id}/release", "Asks about the rows that a limit held.")
            .takes(schema("Release"))
            .answers(sweep())
            .problems(RELEASE),
    ]
}

fn exceptions() -> Vec<Route> {
    const FILE: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 415, 422, 503];
    let route = Route::new;
    let skipped = json!({ "type": "array", "items": schema("Skipped") });
    vec![
        route("get", "/v1/exceptions", "Lists exceptions that hold, oldest first.")
            .query("cursor", text())
            .query("limit", number())
            .answers(page_of(&schema("Exception")))
            .problems(&[400, 401, 503]),
        route("post", "/v1/exceptions", "Files an exception by hand.")
            .takes(schema("ExceptionAsked"))
            .with_status(201)
            .answers(schema("Exception"))
            .problems(FILE),
        route("post", "/v1/exceptions/check", "Which of these seats to skip, in their order.")
            .takes(json!({ "type": "array", "items": schema("SeatAsked") }))
            .answers(skipped)
            .problems(&[400, 401, 408, 413, 415, 422, 503]),
        route("delete", "/v1/exceptions/{id}", "Revokes an exception.")
            .with_status(204)
            .problems(&[401, 403, 404, 503]),
    ]
}

fn requests() -> Vec<Route> {
    let get = |path, summary| Route::new("get", path, summary);
    vec![
        get("/v1/requests", "Lists requests, oldest first.")
            .query("state", schema("StateLabel"))
            .query("cursor", text())
            .query("limit", number())
            .answers(page_of(&schema("Request")))
            .problems(&[400, 401, 503]),
        get("/v1/requests/{id}", "One request.").answers(schema("Request")).problems(&[401, 404, 503]),
        get("/v1/requests/{id}/trail", "Its entries, each with its hash.")
            .answers(page_of(&json!({ "type": "object" })))
            .problems(&[401, 404, 503]),
    ]
}

fn actions() -> Vec<Route> {
    const PROBLEMS: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 415, 422, 503];
    let post = |path, summary, body: &str| {
        Route::new("post", path, summary).takes(schema(body)).answers(schema("Request")).problems(PROBLEMS)
    };
    vec![
        post("/v1/requests/{id}/decision", "Decides for the person in `as`.", "DecisionAsked"),
        post("/v1/requests/{id}/reassign", "Asks the person in `to` in place of those who are asked.", "ReassignAsked"),
        post("/v1/requests/{id}/undo", "Takes an approval back, within the grace period.", "ReasonGiven"),
        post("/v1/requests/{id}/withdraw", "Gives a request up, before anything has begun.", "ReasonGiven"),
        post("/v1/requests/{id}/stop", "Begins nothing more.", "ReasonGiven"),
        post(
            "/v1/requests/{id}/tasks/{task}",
            "Answers a pause, or says that a task for a person is done.",
            "TaskAnswer",
        ),
    ]
}

fn offboardings() -> Vec<Route> {
    const START: &[u16] = &[400, 401, 403, 408, 409, 413, 415, 422, 503];
    let time = || json!({ "type": "string", "format": "date-time" });
    vec![
        Route::new("post", "/v1/offboardings", "Takes somebody who leaves through a playbook.")
            .takes(schema("OffboardingAsked"))
            .with_status(202)
            .answers(schema("OffboardingStarted"))
            .problems(START),
        Route::new("get", "/v1/offboardings", "The offboarding table: one row a task, oldest first.")
            .query("from", time())
            .query("to", time())
            .query("person", text())
            .query("result", schema("TaskStatusLabel"))
            .query("format", json!({ "type": "string", "enum": ["json", "csv"] }))
            .query("cursor", text())
            .query("limit", number())
            .answers(page_of(&schema("OffboardingRow")))
            .answers_as("text/csv", text())
            .problems(&[400, 401, 503]),
    ]
}

fn people() -> Vec<Route> {
    const EDIT: &[u16] = &[400, 401, 403, 408, 413, 415, 422, 503];
    let route = Route::new;
    vec![
        route("get", "/v1/operators", "Lists operators: those of the configuration, and those who were appointed.")
            .answers(page_of(&schema("Operator")))
            .problems(&[401, 503]),
        route("post", "/v1/operators", "Appoints an operator, at once.")
            .takes(schema("OperatorAsked"))
            .with_status(201)
            .answers(schema("Operator"))
            .problems(EDIT),
        route("delete", "/v1/operators/{id}", "Dismisses an operator who was appointed.")
            .with_status(204)
            .problems(&[401, 403, 404, 409, 503]),
        route("get", "/v1/delegations", "Lists delegations that hold or will hold, oldest first.")
            .query("cursor", text())
            .query("limit", number())
            .answers(page_of(&schema("Delegation")))
            .problems(&[400, 401, 503]),
        route("post", "/v1/delegations", "Lets somebody stand in for somebody else.")
            .takes(schema("DelegationAsked"))
            .with_status(201)
            .answers(schema("Delegation"))
            .problems(EDIT),
        route("delete", "/v1/delegations/{id}", "Ends a delegation now.")
            .with_status(204)
            .problems(&[401, 403, 404, 503]),
        route("get", "/v1/people", "Lists people, with what the directory knows of them.")
            .query("email", text())
            .query("cursor", text())
            .query("limit", number())
            .answers(page_of(&schema("KnownPerson")))
            .problems(&[400, 401, 503]),
        route("put", "/v1/people", "Takes people in, each row for itself; what a row does not say stays as it is.")
            .takes(json!({ "oneOf": [schema("PersonAsked"), { "type": "array", "items": schema("PersonAsked") }] }))
            .takes_as("application/x-ndjson", text())
            .takes_as("text/csv", text())
            .answers(imported())
            .problems(&[400, 401, 403, 408, 413, 415, 503]),
        route("delete", "/v1/people/{id}", "Forgets a person; the trail stays, and still verifies.")
            .with_status(204)
            .problems(&[401, 403, 404, 503]),
    ]
}

fn administration() -> Vec<Route> {
    const CHANGE: &[u16] = &[400, 401, 403, 408, 413, 415, 422, 503];
    let route = Route::new;
    let switch =
        |method| route(method, "/v1/policy", "Switches the mode, at once and for good.").takes(schema("PolicyChange"));
    vec![
        route("get", "/v1/policy", "What is in force.").answers(schema("Policy")).problems(&[401]),
        switch("put").answers(schema("Policy")).problems(CHANGE),
        switch("patch").answers(schema("Policy")).problems(CHANGE),
        route("post", "/v1/policy/apply", "Puts open requests under the policy in force.")
            .takes(schema("PolicyApply"))
            .answers(schema("PolicyApplied"))
            .problems(CHANGE),
        route("post", "/v1/simulate", "What candidates, or a past sweep, would lead to. Asks nobody.")
            .takes(schema("SimulationAsked"))
            .answers(schema("Simulation"))
            .problems(&[400, 401, 404, 408, 413, 415, 422, 503]),
        route("get", "/v1/audit", "The whole trail: a header, the entries, and the counts of each stream.")
            .query("format", json!({ "type": "string", "enum": ["ndjson", "csv"] }))
            .answers_as("application/x-ndjson", text())
            .answers_as("text/csv", text())
            .problems(&[400, 401, 503]),
        route("get", "/v1/savings", "What was saved, by proof, month, app and currency.")
            .query("format", json!({ "type": "string", "enum": ["json", "csv"] }))
            .answers(schema("Savings"))
            .answers_as("text/csv", text())
            .problems(&[400, 401, 503]),
    ]
}

/// Every path, with its operations.
pub(super) fn paths() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = route.operation();
    }
    Value::Object(paths)
}

/// A response for each kind of problem.
pub(super) fn problems() -> Value {
    let described = PROBLEMS.map(|(status, description)| {
        let content = json!({ CONTENT_TYPE: { "schema": schema("Problem") } });
        (format!("Problem{status}"), json!({ "description": description, "content": content }))
    });
    Value::Object(described.into_iter().collect())
}
