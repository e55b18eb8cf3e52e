//! `doctor`: looks at everything that a server needs, changes nothing, and says what to do.

mod sample;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use seatgate_core::gate::Gate;
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Identity, IdentityError};
use seatgate_core::policy::{OnExpiry, Policy};
use seatgate_core::port::{OsEntropy, Router as Targets, SystemClock};
use seatgate_slack::doctor::{Check, Doctor, Verdict};
use seatgate_store_sqlx::{FileState, PgStore, SqliteStore};

use crate::client::chain;
use crate::config::{Access, Config, Configured, Database, Problems, TargetConfig, TargetKind};
use crate::output::{plain, say, say_table};
use crate::{slack, wire};

#[derive(Args)]
pub(crate) struct DoctorArguments {
    /// Instead of looking, send a sample card, and print the removal call that approving it would make.
    #[arg(long)]
    sample: bool,
    /// Who gets the sample: an e-mail address or slack:TEAM/USER; else the first operator.
    #[arg(long, value_name = "PERSON", requires = "sample", value_parser = person)]
    to: Option<Identity>,
}

fn person(text: &str) -> Result<Identity, IdentityError> {
    text.parse()
}

/// Looks, and prints what it saw; ends with 1 if something is missing.
pub(crate) async fn run(config: &Config, arguments: DoctorArguments) -> Result<ExitCode, Problems> {
    if arguments.sample {
        return sample::send(config, arguments.to).await;
    }
    let checks = examine(config).await?;
    print(&checks);
    let missing = checks.iter().any(|check| check.verdict == Verdict::Missing);
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn examine(config: &Config) -> Result<Vec<Check>, Problems> {
    let mut checks = vec![database(&config.database).await];
    match &config.access {
        Access::Demo => checks.push(Check::ok("demo", "nothing is configured: secrets and target are made up")),
        Access::Configured(configured) => checks.extend(configured_checks(config, configured)?),
    }
    checks.push(policy(&config.policy));
    checks.push(operators(config.operators.len()));
    match &config.slack {
        None => checks.push(Check::ok("slack", "not configured: people answer in the web inbox alone")),
        Some(slack) => match slack::workspace(slack) {
            Ok(workspace) => {
                let doctor = Doctor::new(workspace.client(), &SystemClock, slack.secrets.as_ref())
                    .channel(slack.channel.as_ref())
                    .reading_profiles(slack.manager_field.is_some());
                checks.extend(doctor.examine().await);
            }
            Err(error) => checks.push(Check::missing("slack", error.to_string(), "install CA certificates")),
        },
    }
    Ok(checks)
}

const DATABASE: &str = "database";

async fn database(database: &Database) -> Check {
    match database {
        Database::Sqlite(path) => file(path).await,
        Database::Postgres(url) => match PgStore::reach(url.as_str()).await {
            Ok(()) => Check::ok(DATABASE, "PostgreSQL answers".to_owned()),
            Err(error) => Check::missing(DATABASE, format!("PostgreSQL: {}", chain(&error)), "check DATABASE_URL"),
        },
    }
}

async fn file(path: &Path) -> Check {
    let file = path.display();
    match SqliteStore::inspect(path).await {
        Ok(FileState::Ready) => Check::ok(DATABASE, format!("{file}, every migration is in")),
        Ok(FileState::Behind { missing }) => {
            Check::ok(DATABASE, format!("{file}, {missing} migrations run at the next start"))
        }
        Ok(FileState::Absent) if folder_of(path).is_dir() => {
            Check::ok(DATABASE, format!("{file} is not there yet; the first start creates it"))
        }
        Ok(FileState::Absent) => {
            Check::missing(DATABASE, format!("{file}: there is no such folder"), "create it, or change DATABASE_URL")
        }
        Ok(_) => {
            let advice = "start the release that wrote it, or name another file in DATABASE_URL";
            Check::missing(DATABASE, format!("{file} was written by another release"), advice)
        }
        Err(error) => {
            Check::missing(DATABASE, format!("{file}: {}", chain(&error)), "check DATABASE_URL and who may read it")
        }
    }
}

/// The folder that a file is, or would be, in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn configured_checks(config: &Config, configured: &Configured) -> Result<Vec<Check>, Problems> {
    let secrets = configured.intake.iter().count();
    let mut checks = vec![Check::ok("intake secret", format!("{secrets} accepted"))];
    let client = wire::client(config.allowed.clone())?;
    if let Some(error) = client.https_problem() {
        let finding = format!("this machine cannot call by https: {}", chain(error));
        checks.push(Check::missing("targets", finding, "install CA certificates"));
    }
    if configured.targets.is_empty() {
        let advice = "set SEATGATE_DEPROVISION_URL and SEATGATE_DEPROVISION_SECRET, or [targets.NAME]";
        checks.push(Check::missing("targets", "there is none: every candidate is rejected", advice));
    }
    let mut targets = Targets::new();
    for target in &configured.targets {
        match wire::add(targets.clone(), target, &client) {
            Ok(more) => {
                targets = more;
                checks.push(target_check(target));
            }
            Err(problem) => {
                checks.push(Check::missing("target", problem.to_string().trim(), "see SEATGATE_ALLOW_PRIVATE_TARGETS"))
            }
        }
    }
    checks.extend(silence(targets, &config.policy));
    Ok(checks)
}

fn target_check(target: &TargetConfig) -> Check {
    let name = wire::name_of(target);
    match &target.kind {
        TargetKind::Pretend => Check::warning(
            "target",
            format!("{name} only pretends to remove seats"),
            "name a webhook before you go live",
        ),
        // The host alone: paths and queries may hold a token.
        TargetKind::Webhook { urls, .. } => {
            let hosts: Vec<&str> = urls.iter().filter_map(|(_, url)| url.host_str()).collect();
            Check::ok("target", format!("{name}: signed calls to {}, which the guard lets out", hosts.join(" and ")))
        }
    }
}

/// The gate refuses a policy that removes on silence what cannot be given back; here it is said before the start.
fn silence(targets: Targets, policy: &Policy) -> Option<Check> {
    let store = Arc::new(MemoryStore::with_system_clock());
    let gate = Gate::builder(store, Arc::new(SystemClock), Arc::new(OsEntropy)).router(targets).policy(policy.clone());
    let error = gate.build().err()?;
    Some(Check::missing("policy", error.to_string(), "set on_expiry to keep or close, or reversible where it is so"))
}

fn policy(policy: &Policy) -> Check {
    const NAME: &str = "policy";
    let all = [("every app", policy.default_terms())].into_iter().chain(policy.apps());
    let removing: Vec<&str> =
        all.filter(|(_, terms)| terms.on_expiry == OnExpiry::Reclaim).map(|(app, _)| app).collect();
    if removing.is_empty() {
        return Check::ok(NAME, format!("{}: silence removes nothing", policy.version()));
    }
    let finding = format!("on_expiry = \"reclaim\" for {}: silence removes seats there", removing.join(", "));
    Check::warning(NAME, finding, "leave it so only where nobody's answer is really needed")
}

fn operators(count: usize) -> Check {
    match count {
        0 => {
            let finding = "none: nobody can mend what fails, or answer for people who cannot be reached";
            Check::warning("operators", finding, "set SEATGATE_OPERATORS to e-mail addresses or slack:TEAM/USER")
        }
        count => Check::ok("operators", format!("{count} named")),
    }
}

fn print(checks: &[Check]) {
    let mut table = vec![["CHECK", "RESULT", "FINDING"].map(str::to_owned).to_vec()];
    let row = |check: &Check| vec![check.name.to_owned(), check.verdict.to_string(), check.finding.clone()];
    table.extend(checks.iter().map(row));
    say_table(&table);
    for check in checks {
        if let Some(advice) = &check.advice {
            say(&plain(&format!("{} ({}): {advice}", check.name, check.verdict)));
        }
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    say(&format!("{} missing, {} warnings", count(Verdict::Missing), count(Verdict::Warning)));
}
