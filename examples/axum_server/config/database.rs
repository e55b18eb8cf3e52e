//! Where everything is kept.

use std::path::{Path, PathBuf};

use super::Problems;
use super::settings::{Named, Settings};

/// What `DATABASE_URL` names.
#[derive(Clone)]
pub(crate) enum Database {
    /// A file: one server.
    Sqlite(PathBuf),
    /// A database that several servers may share. The URL may hold a password.
    Postgres(String),
}

impl Database {
    pub(super) fn read(settings: &mut Settings, problems: &mut Problems) -> Option<Self> {
        let named = settings.plain("DATABASE_URL", "database_url", problems);
        let named = named.unwrap_or_else(|| Named::new("DATABASE_URL", "sqlite://seatgate.db"));
        problems.keep(&named.name, Self::parse(named.text.trim()))
    }

    /// `sqlite://seatgate.db`, `sqlite:///var/lib/seatgate/seatgate.db` or `postgres://user:password@host/database`. The
    /// text is not repeated in the error: such addresses often hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() && !path.contains('?') => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Self::Postgres(url.to_owned())),
            _ => Err("expected sqlite://path, such as sqlite://seatgate.db, or postgres://user:password@host/database"),
        }
    }

    /// The file beside which the demo keeps its secrets: the database itself, or what it would be called here.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path,
            Self::Postgres(_) => Path::new("seatgate.db"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_or_a_server() {
        let file = |url| match Database::parse(url) {
            Ok(Database::Sqlite(path)) => Some(path.display().to_string()),
            _ => None,
        };
        assert_eq!(file("sqlite://seatgate.db").as_deref(), Some("seatgate.db"));
        assert_eq!(file("sqlite:///var/lib/seatgate.db").as_deref(), Some("/var/lib/seatgate.db"));
        for url in ["postgres://u:p@db/seatgate", "postgresql:///seatgate?host=/run/postgresql"] {
            assert!(matches!(Database::parse(url), Ok(Database::Postgres(kept)) if kept == url));
        }
        for url in ["", "seatgate.db", "sqlite://", "sqlite://a?mode=ro", "postgres://", "mysql://db/seatgate"] {
            assert!(Database::parse(url).is_err_and(|error| !error.contains("secret")), "{url}");
        }
    }
}
