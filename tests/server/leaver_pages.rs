//! The pages of offboardings in a real browser: on a phone by clicking, with scripts switched off, and on a desktop by the
//! keyboard alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::browser::{button, focus_is_visible, is_sound};
use super::crash::target::Target;
use super::crash::{INTAKE, REMOVAL, TOKEN};
use super::house::{Server, eventually};
use super::proxy::{INBOX, PROXY_SECRET, PROXY_SECRET_HEADER};
use super::webdriver::{Browser, ENTER, TAB};

const PLAYBOOKS: &str = r#"
    [[playbooks.leaver.tasks]]
    name = "lock"
    target = "idp"
    [[playbooks.leaver.tasks]]
    name = "mail"
    target = "idp"
    needs = ["lock"]
    optional = true
    [[playbooks.leaver.tasks]]
    name = "figma"
    target = "idp"
    needs = ["lock"]
    [[playbooks.leaver.tasks]]
    name = "wiki"
    target = "idp"
    needs = ["lock"]
    [[playbooks.leaver.tasks]]
    name = "badge"
    kind = "manual"
    assignee = "ivo@example.com"
    needs = ["lock"]
"#;

/// A server behind a proxy, and a target that refuses `wiki` for good and `figma` until it is mended.
struct Place {
    server: Server,
    mended: Arc<AtomicBool>,
    _directory: tempfile::TempDir,
}

impl Place {
    async fn start() -> Self {
        let (directory, mended) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
        let is_mended = mended.clone();
        let target = Target::scripted(move |body, _| match body["offboarding"]["task"].as_str().unwrap() {
            "wiki" => 400,
            "figma" if !is_mended.load(Ordering::SeqCst) => 400,
            _ => 200,
        });
        let server = serve(directory.path(), &target.await);
        Self { server, mended, _directory: directory }
    }

    /// Opens the page of the offboarding again until it says this.
    async fn page_says(&self, browser: &Browser, words: &str) {
        let path = browser.ask("return location.pathname").await;
        eventually(|| async {
            browser.open(&self.server.url(path.as_str().unwrap())).await;
            browser.text().await.contains(words).then_some(())
        })
        .await;
    }

    /// Waits until both refused tasks wait for an answer.
    async fn paused(&self, email: &str) {
        eventually(|| async {
            let stands = self.stands(email).await;
            pairs(&[("figma", "paused"), ("wiki", "paused")]).iter().all(|pair| stands.contains(pair)).then_some(())
        })
        .await;
    }

    /// How the tasks of whoever leaves stand.
    async fn stands(&self, email: &str) -> Vec<(String, String)> {
        let (_, table) = self.server.get(&format!("/v1/offboardings?person={email}"), TOKEN).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        table["items"].as_array().unwrap().iter().map(|row| (text(&row["task"]), text(&row["status"]))).collect()
    }
}

fn serve(directory: &Path, target: &Target) -> Server {
    let url = target.url(0);
    let targets = format!("[targets.idp]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{REMOVAL}\"\n");
    std::fs::write(directory.join("seatgate.toml"), format!("{INBOX}{targets}{PLAYBOOKS}")).unwrap();
    std::fs::write(directory.join("proxy"), format!("{PROXY_SECRET}\n")).unwrap();
    let environment = [
        ("SEATGATE_INTAKE_SECRET", INTAKE),
        ("SEATGATE_API_TOKEN", TOKEN),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", target.address.as_str()),
        ("SEATGATE_OPERATORS", "olga@example.com"),
        ("SEATGATE_CONFIG", "seatgate.toml"),
    ];
    Server::start(directory, &environment)
}

async fn be(browser: &Browser, email: &str) {
    browser.send_headers(&[("x-forwarded-email", email), (PROXY_SECRET_HEADER, PROXY_SECRET)]).await;
}

/// The form with this button, on the card of a task.
fn form(task: &str, words: &str) -> String {
    format!("//section[@aria-label='Task {task}']//form[.//{}]", button(words))
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(task, status)| ((*task).to_owned(), (*status).to_owned())).collect()
}

/// Writes into the form who leaves, and goes on to what would run.
async fn ask_to_start(browser: &Browser, email: &str, name: &str) {
    for (field, text) in [("email", email), ("name", name), ("reason", "moves on")] {
        browser.write(&format!("//input[@id='{field}']"), text).await;
    }
    browser.click(&format!("//{}", button("Next"))).await;
    browser.says("It begins at once.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_offboarded_on_a_phone() {
    let Some(browser) = Browser::start().await else { return };
    let place = Place::start().await;
    browser.resize(390, 800).await;
    browser.forbid_scripts().await;
    be(&browser, "olga@example.com").await;
    browser.open(&place.server.base).await;
    browser.click("//nav//a[.='Offboardings']").await;
    browser.says("There is no offboarding here.").await;
    is_sound(&browser, "the start of an offboarding", "offboarding-start-phone").await;
    ask_to_start(&browser, "ana@example.com", "Ana Ruiz").await;
    browser.says("4 of these calls cannot be undone from here.").await;
    is_sound(&browser, "what an offboarding would do", "offboarding-confirm-phone").await;
    browser.click("//label[contains(., 'mail')]/input").await;
    browser.click(&format!("//{}", button("Start the offboarding"))).await;
    browser.says("Offboarding of Ana Ruiz").await;
    pauses_are_answered(&browser, &place).await;
    done_by_its_assignee(&browser, &place).await;
    be(&browser, "olga@example.com").await;
    browser.open(&place.server.url("/offboardings")).await;
    browser.says("Over; not every task is done.").await;
    is_sound(&browser, "the list of offboardings", "offboardings-phone").await;
    browser.click("//a[.='Ana Ruiz']").await;
    browser.says("Chain verified").await;
    is_sound(&browser, "an offboarding that is over", "offboarding-over-phone").await;
    let ends = [("lock", "done"), ("figma", "done"), ("wiki", "skipped"), ("badge", "done")];
    assert_eq!(place.stands("ana@example.com").await, pairs(&ends));
}

async fn pauses_are_answered(browser: &Browser, place: &Place) {
    place.paused("ana@example.com").await;
    place.page_says(browser, "Needs attention: a task did not succeed.").await;
    is_sound(browser, "an offboarding with pauses", "offboarding-paused-phone").await;
    place.mended.store(true, Ordering::SeqCst);
    browser.click(&format!("{}//button", form("figma", "Retry"))).await;
    browser.says("Your answer is recorded.").await;
    browser.write(&format!("{}//input[@name='reason']", form("wiki", "Skip")), "Removed by hand").await;
    browser.click(&format!("{}//button", form("wiki", "Skip"))).await;
    browser.says("Removed by hand").await;
}

/// Whoever is to do a task sees that one, and no other.
async fn done_by_its_assignee(browser: &Browser, place: &Place) {
    be(browser, "ivo@example.com").await;
    browser.open(&place.server.base).await;
    browser.click("//main//a[contains(., 'Ana Ruiz')]").await;
    browser.says("Offboarding of Ana Ruiz").await;
    assert!(!browser.text().await.contains("figma"), "the others' tasks are not theirs to see");
    is_sound(browser, "a task for a person", "offboarding-task-phone").await;
    browser.write(&format!("{}//input[@name='reason']", form("badge", "Done")), "It is in my drawer").await;
    browser.click(&format!("{}//button", form("badge", "Done"))).await;
    browser.says("Your answer is recorded.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offboarding_is_stopped_and_a_second_one_of_the_same_person_refused() {
    let Some(browser) = Browser::start().await else { return };
    let place = Place::start().await;
    browser.resize(1280, 800).await;
    be(&browser, "olga@example.com").await;
    let start = format!("//{}", button("Start the offboarding"));
    browser.open(&place.server.url("/offboardings")).await;
    ask_to_start(&browser, "ben@example.com", "").await;
    browser.click(&start).await;
    browser.says("Offboarding of ben@example.com").await;
    place.page_says(&browser, "Needs attention").await;
    let path = browser.ask("return location.pathname").await;
    browser.open(&place.server.url("/offboardings")).await;
    ask_to_start(&browser, "ben@example.com", "").await;
    browser.click(&start).await;
    browser.says("Nothing was started.").await;
    let said = browser.console().await;
    assert!(said.iter().all(|line| line["message"].as_str().unwrap().contains("409")), "{said:?}");
    is_sound(&browser, "an offboarding that was refused", "offboarding-refused-desktop").await;
    browser.open(&place.server.url(path.as_str().unwrap())).await;
    browser.write("//form[.//button[.='Stop']]//input[@name='reason']", "They stay").await;
    browser.click("//form[.//button[.='Stop']]//button").await;
    browser.says("Stopped: nothing more begins.").await;
    is_sound(&browser, "an offboarding that was stopped", "offboarding-stopped-desktop").await;
    let stands = place.stands("ben@example.com").await;
    assert!(stands.contains(&("badge".to_owned(), "cancelled".to_owned())), "{stands:?}");
}

/// Moves the focus on until it is here.
async fn tab_to(browser: &Browser, xpath: &str) {
    let script = format!(
        "return document.evaluate({}, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null).singleNodeValue \
         === document.activeElement",
        json!(xpath)
    );
    for _ in 0..60 {
        browser.press([TAB]).await;
        if browser.ask(&script).await == json!(true) {
            return;
        }
    }
    panic!("the keyboard does not get to {xpath}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_offboards_somebody() {
    let Some(browser) = Browser::start().await else { return };
    let place = Place::start().await;
    browser.resize(1280, 800).await;
    be(&browser, "olga@example.com").await;
    browser.open(&place.server.url("/offboardings")).await;
    focus_is_visible(&browser).await;
    browser.open(&place.server.url("/offboardings")).await;
    for (field, text) in [("email", "cyn@example.com"), ("name", "Cyn Oh"), ("reason", "moves on")] {
        tab_to(&browser, &format!("//input[@id='{field}']")).await;
        browser.press(text.chars()).await;
    }
    tab_to(&browser, &format!("//{}", button("Next"))).await;
    browser.press([ENTER]).await;
    browser.says("Offboard Cyn Oh").await;
    is_sound(&browser, "what an offboarding would do", "offboarding-confirm-desktop").await;
    tab_to(&browser, "//label[contains(., 'mail')]/input").await;
    browser.press([' ']).await;
    tab_to(&browser, &format!("//{}", button("Start the offboarding"))).await;
    browser.press([ENTER]).await;
    browser.says("Offboarding of Cyn Oh").await;
    place.paused("cyn@example.com").await;
    place.page_says(&browser, "Needs attention: a task did not succeed.").await;
    focus_is_visible(&browser).await;
    is_sound(&browser, "an offboarding with pauses", "offboarding-paused-desktop").await;
    place.mended.store(true, Ordering::SeqCst);
    answered_by_keyboard(&browser, &place).await;
    place.page_says(&browser, "Over; not every task is done.").await;
    is_sound(&browser, "an offboarding that is over", "offboarding-over-desktop").await;
    let ends = [("lock", "done"), ("figma", "done"), ("wiki", "skipped"), ("badge", "done")];
    assert_eq!(place.stands("cyn@example.com").await, pairs(&ends));
}

async fn answered_by_keyboard(browser: &Browser, place: &Place) {
    for (task, words, reason) in
        [("wiki", "Skip", "by hand"), ("badge", "Done", "in my drawer"), ("figma", "Retry", "")]
    {
        place.page_says(browser, "Needs attention: a task did not succeed.").await;
        if !reason.is_empty() {
            tab_to(browser, &format!("{}//input[@name='reason']", form(task, words))).await;
            browser.press(reason.chars()).await;
        }
        tab_to(browser, &format!("{}//button", form(task, words))).await;
        browser.press([ENTER]).await;
        browser.says("Your answer is recorded.").await;
    }
}
