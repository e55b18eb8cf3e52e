/// Why a signed body cannot be read: answered 400. Holds no part of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The content type is not the one of this route.
    #[error("the content type is not `{expected}`")]
    ContentType {
        /// What the route takes.
        expected: &'static str,
    },
    /// A field that decides something came more than once.
    #[error("the field `{field}` is repeated")]
    Repeated {
        /// Its name.
        field: &'static str,
    },
    /// A field that is needed is not there.
    #[error("the field `{field}` is missing")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field holds something that it cannot hold.
    #[error("the field `{field}` is malformed")]
    Malformed {
        /// Its name.
        field: &'static str,
    },
    /// The body, or the field `payload`, is no JSON of the expected form.
    #[error("the JSON is malformed")]
    Json,
}
