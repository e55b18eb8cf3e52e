//! What whoever runs the server says about people from the command line.

use super::house::{Server, run};

fn output(directory: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (output, text) = run(directory, &[], arguments);
    (output.status.code(), text)
}

/// The first word of the line that holds `part`.
fn id<'a>(listed: &'a str, part: &str) -> &'a str {
    listed.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{listed}")).split(' ').next().unwrap()
}

const TABLE: &str = "email,name,manager_email,disabled,slack,owns,away_from,away_until\n\
    ana@example.com,Ana Ruiz,mona@example.com,,T1/U1,figma,,\n\
    bo@example.com,Bo Berg,mona@example.com,true,,,2026-12-21,2026-12-31\n\
    cy,,,,,,,\n";

#[tokio::test(flavor = "multi_thread")]
async fn people_are_taken_in_from_a_table_and_outlive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(at.join("people.csv"), TABLE).unwrap();
    let server = Server::start(at, &[]);
    let (code, said) = output(at, &["people", "import", "people.csv"]);
    assert!(code == Some(1) && said.contains("people: 1 rejected, 2 saved") && said.contains("(at /email)"), "{said}");
    std::fs::write(at.join("people.csv"), TABLE.rsplit_once("cy,").unwrap().0).unwrap();
    let (code, said) = output(at, &["people", "import", "people.csv"]);
    assert_eq!((code, said.trim()), (Some(0), "people: 2 saved"));
    server.kill();

    let server = Server::start(at, &[]);
    let (_, listed) = output(at, &["people", "list"]);
    let ana = listed.lines().find(|line| line.contains("ana@example.com")).unwrap();
    assert!(ana.contains("Ana Ruiz") && ana.contains("T1/U1") && ana.contains("mona@example.com"), "{ana}");
    assert!(ana.ends_with("figma"), "{ana}");
    let bo = listed.lines().find(|line| line.contains("bo@example.com")).unwrap();
    assert!(bo.contains("disabled, away from 2026-12-21T00:00:00"), "{bo}");
    assert!(!listed.contains("cy"), "{listed}");
    assert_eq!(output(at, &["people", "import", "missing.csv"]).0, Some(1));
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_stand_ins_come_and_go_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    let (code, said) = output(at, &["operators", "add", "olga@example.com"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(output(at, &["operators", "add", "olga"]).0, Some(1));
    let add = ["delegations", "add", "--from", "mona@example.com", "--to", "slack:T1/U7"];
    let (code, said) = output(at, &add);
    assert!(code == Some(0) && said.contains(": holds from "), "{said}");
    let (code, said) = output(at, &[&add[..], &["--ends", "2020-01-01"]].concat());
    assert!(code == Some(1) && said.contains("422") && said.contains("(at /ends_at)"), "{said}");
    server.kill();

    let server = Server::start(at, &[]);
    let (_, operators) = output(at, &["operators", "list"]);
    let olga = id(&operators, "olga@example.com");
    assert_eq!(output(at, &["operators", "remove", olga]).0, Some(0));
    let (code, said) = output(at, &["operators", "remove", olga]);
    assert!(code == Some(1) && said.starts_with("404"), "{said}");
    assert!(!output(at, &["operators", "list"]).1.contains("olga@example.com"));
    let (_, delegations) = output(at, &["delegations", "list"]);
    let delegation = id(&delegations, "mona@example.com");
    assert_eq!(output(at, &["delegations", "end", delegation]).0, Some(0));
    assert_eq!(output(at, &["delegations", "list"]).1.lines().count(), 1);
    let (code, said) = output(at, &["delegations", "end", delegation]);
    assert!(code == Some(1) && said.starts_with("404"), "{said}");
    assert!(server.stop().success());
}
