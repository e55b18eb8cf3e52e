//! Everything that is wrong is said at once, by its name, and without any secret.

use super::house::run;

const INTAKE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const REMOVAL: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "a-token-of-the-test";
const SECRETS: [(&str, &str); 3] =
    [("SEATGATE_INTAKE_SECRET", INTAKE), ("SEATGATE_API_TOKEN", TOKEN), ("SEATGATE_DEPROVISION_SECRET", REMOVAL)];

const BOT_TOKEN: (&str, &str) = ("SLACK_BOT_TOKEN", "xoxb-of-the-test");
const APP_TOKEN: (&str, &str) = ("SLACK_APP_TOKEN", "xapp-1");
const SIGNING: (&str, &str) = ("SLACK_SIGNING_SECRET", "8f742231b10e8888abcd99baac0ffee5");
const EVENTS: (&str, &str) = ("SEATGATE_EVENTS_SECRET", REMOVAL);
const TARGET: (&str, &str) = ("SEATGATE_DEPROVISION_URL", "https://idp.example.com/");

/// The file that the contract shows: it always loads.
const DOCUMENTED: &str = include_str!("documented.toml");

/// Exit code and text of `config check`.
fn check(file: &str, environment: &[(&str, &str)]) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("seatgate.toml"), file).unwrap();
    std::fs::write(directory.path().join("intake"), format!("{INTAKE}\n")).unwrap();
    let (output, text) = run(directory.path(), environment, &["--config", "seatgate.toml", "config", "check"]);
    (output.status.code().unwrap(), text)
}

fn with_secrets<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [SECRETS.as_slice(), more].concat()
}

#[test]
fn the_documented_file_loads() {
    assert_eq!(check(DOCUMENTED, &SECRETS), (0, "the configuration is sound\n".to_owned()));
    let example = include_str!("../../examples/axum_server/deploy/seatgate.toml");
    assert_eq!(check(example, &SECRETS).0, 0, "{}", check(example, &SECRETS).1);
}

/// The variables of the example, those that are commented out included.
fn example_environment() -> Vec<(&'static str, &'static str)> {
    let example = include_str!("../../examples/axum_server/deploy/.env.example");
    let lines = example.lines().map(|line| line.trim_start_matches("# "));
    let pairs = lines.filter_map(|line| line.split_once('='));
    let named = pairs.filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    named.collect()
}

#[test]
fn the_example_environment_loads_once_its_secrets_are_replaced() {
    let mut environment = example_environment();
    assert!(environment.len() >= 12, "{environment:?}");
    let file = include_str!("../../examples/axum_server/deploy/seatgate.toml");
    let (code, text) = check(file, &environment);
    assert_eq!(code, 2, "nobody runs with the example's secrets");
    for (name, _) in SECRETS.into_iter().chain([BOT_TOKEN, SIGNING, APP_TOKEN, EVENTS]) {
        assert!(text.contains(&format!("\n  {name}: ")), "{name} in {text}");
    }
    for (name, secret) in SECRETS.into_iter().chain([BOT_TOKEN, SIGNING, APP_TOKEN, EVENTS]) {
        environment.iter_mut().filter(|(known, _)| *known == name).for_each(|pair| pair.1 = secret);
    }
    assert_eq!(check(file, &environment), (0, "the configuration is sound\n".to_owned()));
}

#[test]
fn nothing_at_all_is_a_demo() {
    assert_eq!(check("", &[]).0, 0);
    let (code, text) = check("", &[("SEATGATE_LISTEN", "0.0.0.0:8080")]);
    assert!(code == 2 && text.contains("SEATGATE_LISTEN") && text.contains("loopback"), "{text}");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let file = r#"
        mode = "slow"
        lisen = "127.0.0.1:1"
        drain = "2h"
        [policy]
        min_idel = "30d"
        quorum = 0
        [targets.figma]
        kind = "webhook"
        [targets.okta]
        kind = "okta"
        [targets.zoom]
        kind = "webhook"
        url = "https://idp.example.com/hook?token=hidden"
        timeout = "1h"
        concurrency = 33
        status_url = "https://{account_id}.example.com/hidden"
        retries = 3
        [inbox]
        identity = "trusted_header"
        [playbooks.leaver]
        four_eyes = true
    "#;
    let environment = [
        ("DATABASE_URL", "mysql://ana:hidden@db/seatgate"),
        ("SEATGATE_INTAKE_SECRET", "whsec_hidden"),
        ("SEATGATE_API_TOKEN", "hidden"),
        ("SEATGATE_POLICY__GRACE", "soon"),
        ("SEATGATE_OPERATORS", "ana@example.com, somebody"),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", "host"),
        ("SEATGATE_LISTN", "127.0.0.1:1"),
        ("SLACK_BOT_TOKEN", "hidden"),
        ("SLACK_SIGNING_SECRET", "hidden, "),
        ("SLACK_APP_TOKEN", "xoxb-hidden"),
        ("SLACK_API_URL", "https://slack.com/hidden"),
        ("SEATGATE_SLACK_CHANNEL", "#hidden"),
        ("SLACK_MANAGER_FIELD", "hidden manager"),
        ("SEATGATE_CHECKPOINT_KEY", "hidden"),
    ];
    let (code, text) = check(file, &environment);
    assert_eq!(code, 2);
    for name in [
        "mode:",
        "lisen:",
        "drain:",
        "policy.min_idel:",
        "policy.quorum:",
        "policy.grace:",
        "targets.figma.url:",
        "targets.figma.secret:",
        "targets.okta.kind:",
        "targets.zoom.timeout:",
        "targets.zoom.concurrency:",
        "targets.zoom.status_url:",
        "targets.zoom.retries:",
        "targets.zoom.secret:",
        "inbox.header:",
        "inbox.secret:",
        "DATABASE_URL:",
        "SEATGATE_INTAKE_SECRET:",
        "SEATGATE_API_TOKEN:",
        "SEATGATE_OPERATORS:",
        "SEATGATE_ALLOW_PRIVATE_TARGETS:",
        "SEATGATE_LISTN:",
        "SLACK_BOT_TOKEN:",
        "SLACK_SIGNING_SECRET:",
        "SLACK_APP_TOKEN:",
        "SLACK_API_URL:",
        "SEATGATE_SLACK_CHANNEL:",
        "SLACK_MANAGER_FIELD:",
        "SEATGATE_CHECKPOINT_KEY:",
    ] {
        assert!(text.contains(&format!("\n  {name} ")), "{name} in {text}");
    }
    assert!(text.contains("seatgate.toml: playbooks.leaver.tasks: expected at least one task"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
}

#[test]
fn playbooks_are_judged_with_their_targets() {
    let file = r#"
        default_playbook = "leaver"
        [playbooks.leaver]
        four_eyes = true
        [[playbooks.leaver.tasks]]
        name = "lock"
        target = "demo"
        needs = ["wipe"]
        [[playbooks.leaver.tasks]]
        name = "wipe"
        target = "demo"
        needs = ["lock"]
    "#;
    let (code, text) = check(file, &[]);
    assert_eq!(code, 2);
    for task in ["lock", "wipe"] {
        assert!(text.contains(&format!(": playbooks.leaver.tasks.{task}.needs: it can never begin")), "{text}");
    }
    let (code, text) = check(&file.replace("\"wipe\"]", "]").replace("needs = [\"lock\"]", ""), &[]);
    assert_eq!(code, 0, "{text}");
    let (_, text) = check(&file.replace("\"demo\"", "\"okta\""), &[]);
    assert!(text.contains(": playbooks.leaver.tasks.lock.target: there is no target `okta`"), "{text}");
}

#[test]
fn half_of_a_pair_is_a_mistake() {
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&SECRETS[..1], "SEATGATE_API_TOKEN: is required"),
        (&SECRETS[1..2], "SEATGATE_INTAKE_SECRET: is required"),
        (&SECRETS, "SEATGATE_DEPROVISION_SECRET: is set, but"),
        (
            &[SECRETS[0], SECRETS[1], ("SEATGATE_DEPROVISION_URL", "https://idp.example.com/")],
            "targets.*.secret: is req",
        ),
    ];
    for (environment, expected) in cases {
        let (code, text) = check("", environment);
        assert!(code == 2 && text.contains(expected), "{expected}: {text}");
    }
    let (code, text) = check("[targets.figma]\nkind = \"pretend\"", &[]);
    assert!(code == 2 && text.contains("SEATGATE_INTAKE_SECRET") && text.contains("SEATGATE_API_TOKEN"), "{text}");
}

#[test]
fn half_of_events_is_a_mistake_wherever_it_stands() {
    let url = ("SEATGATE_EVENTS_URL", "https://sheets.example.com/seatgate");
    let in_file = |key: &str, value: &str| format!("[events]\n{key} = \"{value}\"\n");
    let sound = [&SECRETS[..], &[TARGET]].concat();
    let with = |half: &[(&'static str, &'static str)]| [&sound[..], half].concat();
    assert_eq!(check("", &with(&[url, EVENTS])).0, 0, "both halves");
    assert_eq!(check(&in_file("url", url.1), &with(&[EVENTS])).0, 0, "a half each");
    let cases = [
        (String::new(), with(&[url]), "SEATGATE_EVENTS_SECRET"),
        (String::new(), with(&[EVENTS]), "SEATGATE_EVENTS_URL"),
        (in_file("url", url.1), sound.clone(), "SEATGATE_EVENTS_SECRET"),
        (in_file("secret", REMOVAL), sound.clone(), "SEATGATE_EVENTS_URL"),
    ];
    for (file, environment, lacks) in cases {
        let (code, text) = check(&file, &environment);
        let says = format!("\n  {lacks}: is required, because the other half of events is set");
        assert!(code == 2 && text.contains(&says), "{lacks}: {text}");
        assert!(!text.contains(REMOVAL), "a secret is shown: {text}");
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("seatgate.toml"), &file).unwrap();
        let (output, text) = run(directory.path(), &environment, &["--config", "seatgate.toml"]);
        assert!(output.status.code() == Some(2) && text.contains(&says), "the server does not start: {text}");
    }
}

#[test]
fn slack_comes_whole_or_not_at_all() {
    let channel = ("SEATGATE_SLACK_CHANNEL", "C0123456789");
    let manager = ("SLACK_MANAGER_FIELD", "Xf0123456789");
    let sound = [&SECRETS[..], &[TARGET, BOT_TOKEN, SIGNING, channel, manager]].concat();
    assert_eq!(check("", &sound), (0, "the configuration is sound\n".to_owned()));
    let socket = [&SECRETS[..], &[TARGET, BOT_TOKEN, APP_TOKEN]].concat();
    assert_eq!(
        check("", &socket),
        (0, "the configuration is sound\n".to_owned()),
        "Socket Mode needs no signing secret"
    );
    let command = |name| ("SLACK_OFFBOARD_COMMAND", name);
    let cases: [(&[(&str, &str)], &str); 13] = [
        (&[BOT_TOKEN], "SLACK_SIGNING_SECRET: is required beside SLACK_BOT_TOKEN"),
        (&[SIGNING], "SLACK_BOT_TOKEN: is required beside SLACK_SIGNING_SECRET"),
        (&[channel], "SLACK_BOT_TOKEN: is required beside SEATGATE_SLACK_CHANNEL"),
        (&[manager], "SLACK_BOT_TOKEN: is required beside SLACK_MANAGER_FIELD"),
        (&[BOT_TOKEN, ("SLACK_APP_TOKEN", "xoxb-1")], "SLACK_APP_TOKEN: the app token does not start with `xapp-`"),
        (&[APP_TOKEN], "SLACK_BOT_TOKEN: is required beside SLACK_APP_TOKEN"),
        (&[("SLACK_BOT_TOKEN", " "), SIGNING], "SLACK_BOT_TOKEN: the bot token is blank"),
        (&[("SLACK_BOT_TOKEN", "xoxp-1"), SIGNING], "SLACK_BOT_TOKEN: expected a bot token"),
        (&[BOT_TOKEN, ("SLACK_SIGNING_SECRET", "a,")], "SLACK_SIGNING_SECRET: signing secret 2 is blank"),
        (&[BOT_TOKEN, SIGNING, ("SLACK_SIGNING_SECRET_FILE", "intake")], "which of them is meant"),
        (&[command("/leaver")], "SLACK_BOT_TOKEN: is required beside SLACK_OFFBOARD_COMMAND"),
        (&[BOT_TOKEN, SIGNING, command("leaver")], "SLACK_OFFBOARD_COMMAND: expected one word that starts with `/`"),
        (
            &[BOT_TOKEN, SIGNING, command("/a-command-that-is-far-too-long-here")],
            "SLACK_OFFBOARD_COMMAND: expected one word",
        ),
    ];
    for (slack, expected) in cases {
        let (code, text) = check("", &[&SECRETS[..], &[TARGET], slack].concat());
        assert!(code == 2 && text.contains(expected), "{expected}: {text}");
        assert_eq!(text.contains("is required beside"), expected.contains("is required beside"), "{text}");
    }
}

#[test]
fn slack_may_stand_in_the_file_and_is_no_demo() {
    let file = "[slack]\nbot_token = \"xoxb-1\"\nsigning_secret_file = \"intake\"\nchannel = \"C0SWEEP\"\noffboard_command = \"/leaver\"";
    assert_eq!(check(file, &with_secrets(&[TARGET])), (0, "the configuration is sound\n".to_owned()));
    let (code, text) = check(&format!("{file}\nchanel = \"C1\""), &with_secrets(&[TARGET]));
    assert!(code == 2 && text.contains("slack.chanel: unknown key"), "{text}");
    let (code, text) = check("[slack]\nsigning_secret = \"s\"\nchannel = \"sweeps\"", &with_secrets(&[TARGET]));
    let named = text.contains("beside slack.signing_secret") && text.contains("slack.channel: expected");
    assert!(code == 2 && named, "{text}");
    for slack in [BOT_TOKEN, SIGNING, APP_TOKEN, ("SLACK_BOT_TOKEN", "")] {
        let (code, text) = check("", &[slack]);
        assert!(code == 2 && text.contains("SEATGATE_INTAKE_SECRET: is required"), "{slack:?}: {text}");
    }
    let example = include_str!("../../examples/axum_server/deploy/seatgate.toml");
    let (_, commented) = example.split_once("\n# [slack]").unwrap();
    let file = format!("[slack]{}", commented.split("\n\n").next().unwrap().replace("\n# ", "\n"));
    let (_, text) = check(&file, &with_secrets(&[TARGET]));
    assert!(text.lines().count() == 3 && text.matches("_file: ").count() == 2, "only the files are missing: {text}");
}

#[test]
fn a_trusted_header_comes_with_a_secret() {
    let url = ("SEATGATE_DEPROVISION_URL", "https://idp.example.com/");
    let cases: [(&str, &str); 8] = [
        ("identity = \"trusted_header\"\nheader = \"x-email\"", "inbox.secret: is required"),
        ("identity = \"trusted_header\"\nsecret = \"hidden-hidden-hidden\"", "inbox.header: is required"),
        ("header = \"x-email\"", "inbox.header: is set, but"),
        ("identity = \"off\"\nsecret = \"hidden-hidden-hidden\"", "inbox.secret: is set, but"),
        ("identity = \"trusted_header\"\nheader = \"x-email\"\nsecret = \"hidden\"", "inbox.secret: the token has 6"),
        ("identity = \"trusted_header\"\nheader = \"cookie\"\nsecret_file = \"intake\"", "inbox.header: expected"),
        ("identity = \"sso\"", "inbox.identity: expected"),
        ("identity = \"off\"\nheaders = \"x-email\"", "inbox.headers: unknown key"),
    ];
    for (keys, expected) in cases {
        let (code, text) = check(&format!("[inbox]\n{keys}"), &with_secrets(&[url]));
        assert!(code == 2 && text.contains(expected) && !text.contains("hidden-"), "{expected}: {text}");
    }
    let whole = "[inbox]\nidentity = \"trusted_header\"\nheader = \"x-email\"\nsecret_file = \"intake\"";
    assert_eq!(check(whole, &with_secrets(&[url])), (0, "the configuration is sound\n".to_owned()));
    let (code, text) = check(whole, &[]);
    assert!(code == 2 && text.contains("inbox.identity: nothing else is configured"), "{text}");
}

#[test]
fn mappings_are_judged_with_everything_else() {
    let file = r#"
        lisen = "127.0.0.1:1"
        [intake]
        mapings = 1
        [intake.mappings."a b"]
        preset = "torii"
        [intake.mappings.one]
        preset = "tori"
        dates = "d.m.yyyy"
        empty_is_never_used = "no"
        account_email = { column = "Email", value = "x" }
        app_id = { valeu = "figma" }
        last_activity_at = "Last"
        currency = { value = "dollars" }
        acount_id = { column = "Id" }
        [intake.mappings.two]
        account_id = { column = "Id" }
        [intake.mappings.three]
        account_id = { column = ["Id", "Id2"] }
        last_activity_at = { column = ["A", "B"], pointer = "a" }
        manager_name = { column = "Boss" }
    "#;
    let (code, text) = check(file, &[]);
    assert_eq!(code, 2);
    for name in [
        "lisen:",
        "intake.mapings:",
        "intake.mappings.a b:",
        "intake.mappings.one.preset:",
        "intake.mappings.one.dates:",
        "intake.mappings.one.empty_is_never_used:",
        "intake.mappings.one.account_email:",
        "intake.mappings.one.app_id:",
        "intake.mappings.one.app_id.valeu:",
        "intake.mappings.one.last_activity_at:",
        "intake.mappings.one.currency:",
        "intake.mappings.one.acount_id:",
        "intake.mappings.two: lacks `last_activity_at` or `never_used`",
        "intake.mappings.three.account_id:",
        "intake.mappings.three.last_activity_at:",
    ] {
        assert!(text.contains(&format!("\n  {name}")), "{name} in {text}");
    }
    let lonely = "[intake.mappings.x]\npreset = \"okta\"\nmanager_name = { column = \"Boss\" }";
    let (code, text) = check(lonely, &[]);
    assert!(code == 2 && text.contains("intake.mappings.x.manager_name: needs `manager_email`"), "{text}");
}

#[test]
fn the_documented_mapping_loads() {
    let page = include_str!("../../seatgate-http/docs/mappings.md");
    let block = page.lines().skip_while(|line| !line.starts_with("    [intake")).take_while(|line| !line.is_empty());
    let file: Vec<&str> = block.collect();
    assert!(file.len() >= 8, "{file:?}");
    assert_eq!(check(&file.join("\n"), &[]), (0, "the configuration is sound\n".to_owned()));
    let example = include_str!("../../examples/axum_server/deploy/seatgate.toml");
    let (_, commented) = example.split_once("# [intake.").unwrap();
    let file = format!("# [intake.{commented}").replace("\n# ", "\n").replacen("# ", "", 1);
    assert_eq!(check(&file, &[]), (0, "the configuration is sound\n".to_owned()));
}

#[test]
fn the_environment_beats_the_file_and_secrets_may_be_files() {
    let file = "mode = \"nonsense\"\n[policy]\ngrace = \"nonsense\"";
    assert_eq!(check(file, &[("SEATGATE_MODE", "off"), ("SEATGATE_POLICY__GRACE", "2d")]).0, 0);
    let url = ("SEATGATE_DEPROVISION_URL", "https://idp.example.com/");
    let from_file = [("SEATGATE_INTAKE_SECRET_FILE", "intake"), SECRETS[1], SECRETS[2], url];
    assert_eq!(check("", &from_file), (0, "the configuration is sound\n".to_owned()));
    let (code, text) = check("", &[("SEATGATE_API_TOKEN_FILE", "missing"), SECRETS[0], SECRETS[2], url]);
    assert!(code == 2 && text.contains("SEATGATE_API_TOKEN_FILE: "), "{text}");
    let (code, text) = check("", &with_secrets(&[url, ("SEATGATE_INTAKE_SECRET_FILE", "intake")]));
    assert!(code == 2 && text.contains("which of them is meant"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (code, text) = check("mode = ", &[]);
    assert!(code == 2 && text.contains("seatgate.toml"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    let (output, text) = run(directory.path(), &[("SEATGATE_CONFIG", "missing.toml")], &["config", "check"]);
    assert!(output.status.code() == Some(2) && text.contains("missing.toml"), "{text}");
}

#[test]
fn a_target_inside_the_house_must_be_listed() {
    let directory = tempfile::tempdir().unwrap();
    let url = ("SEATGATE_DEPROVISION_URL", "http://127.0.0.1:9/");
    let environment = with_secrets(&[url, ("SEATGATE_LISTEN", "127.0.0.1:0")]);
    let (output, text) = run(directory.path(), &environment, &[]);
    assert!(output.status.code() == Some(2) && text.contains("targets.*.url:"), "{text}");
}

#[test]
fn silence_never_removes_what_cannot_be_given_back() {
    let file = "[policy]\non_expiry = \"reclaim\"\n[targets.\"*\"]\nkind = \"pretend\"";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("seatgate.toml"), file).unwrap();
    let environment = [&SECRETS[..2], &[("SEATGATE_LISTEN", "127.0.0.1:0")]].concat();
    let (output, text) = run(directory.path(), &environment, &["--config", "seatgate.toml"]);
    assert!(output.status.code() == Some(2) && text.contains("reclaim"), "{text}");
}
