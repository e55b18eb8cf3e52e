//! The inbox in a real browser, at the width of a phone and of a desktop, with scripts switched off.

use super::house::{Server, eventually};
use super::webdriver::Browser;

/// The button with these words, on the card of this seat.
fn on_card(seat: &str, what: &str) -> String {
    format!("//article[contains(., '{seat}')]//{what}")
}

fn button(words: &str) -> String {
    format!("button[normalize-space()='{words}']")
}

/// Nothing sticks out at the side, and nothing was refused or went wrong.
async fn is_sound(browser: &Browser, page: &str) {
    let overhang = browser.ask("return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(overhang.as_i64().unwrap() <= 0, "{page} is {overhang} pixels too wide");
    let said = browser.console().await;
    assert!(said.is_empty(), "{page}: {said:?}");
}

async fn is_named(browser: &Browser, name: &str) {
    browser.click(&format!("//li/button[contains(., '{name}')]")).await;
    browser.says(&format!("You are {name}")).await;
}

/// Every stop of the Tab key on this page shows where it is, and has a name.
async fn focus_is_visible(browser: &Browser) {
    let mut stops = 0;
    loop {
        browser.tab().await;
        let script = "const at = document.activeElement; if (!at || at === document.body) return null; \
                      const style = getComputedStyle(at); \
                      return [at.outerHTML, style.outlineStyle, parseFloat(style.outlineWidth), \
                              (at.innerText || (at.labels && at.labels.length && at.labels[0].innerText) || '').trim()]";
        let at = browser.ask(script).await;
        if at.is_null() || stops > 40 {
            break;
        }
        stops += 1;
        assert!(at[1] != "none" && at[2].as_f64().unwrap() >= 2.0, "the focus does not show on {}", at[0]);
        assert_ne!(at[3], "", "no name: {}", at[0]);
    }
    assert!(stops >= 8, "only {stops} stops");
}

/// The main job, from the first page to the end of a request, and many at once.
async fn the_main_job(width: u32, name: &str) {
    let Some(browser) = Browser::start().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[("SEATGATE_OPERATORS", "olga@example.com")]);
    browser.resize(width, 800).await;
    browser.forbid_scripts().await;
    browser.open(&server.base).await;
    browser.click(&format!("//{}", button("Send the sample sweep"))).await;
    browser.says("The sample sweep is in.").await;
    is_sound(&browser, "the choice of a person").await;
    browser.picture(&format!("pick-{name}")).await;
    is_named(&browser, "Mona Li").await;
    is_sound(&browser, "the inbox").await;
    focus_is_visible(&browser).await;
    browser.open(&server.base).await;
    browser.picture(&format!("inbox-{name}")).await;
    browser.prefer("dark").await;
    browser.picture(&format!("inbox-{name}-dark")).await;
    browser.prefer("light").await;
    one_by_one(&browser, &server, name).await;
    many_at_once(&browser, name).await;
    as_operator(&browser, &server, name).await;
}

async fn one_by_one(browser: &Browser, server: &Server, name: &str) {
    browser.write(&on_card("Zoom: Ben Okafor", "input[@name='reason']"), "On leave until spring").await;
    browser.click(&on_card("Zoom: Ben Okafor", &button("Keep seat"))).await;
    browser.says("Your answer is recorded: keep the seat.").await;
    browser.says("On leave until spring").await;
    is_sound(browser, "a request that is kept").await;
    browser.open(&server.base).await;
    browser.click(&on_card("Figma: Ana Ruiz", &button("Approve removal"))).await;
    browser.says("Your approval is recorded.").await;
    let path = browser.ask("return location.pathname").await;
    eventually(|| async {
        browser.open(&server.url(path.as_str().unwrap())).await;
        browser.text().await.contains("The seat is reclaimed.").then_some(())
    })
    .await;
    browser.says("Chain verified").await;
    is_sound(browser, "a request that is reclaimed").await;
    browser.picture(&format!("request-{name}")).await;
    browser.click(&format!("//{}", button("Be somebody else"))).await;
}

async fn many_at_once(browser: &Browser, name: &str) {
    is_named(browser, "Omar Diaz").await;
    browser.click("//a[.='Select all']").await;
    browser.says("Select none").await;
    browser.picture(&format!("select-{name}")).await;
    browser.click(&format!("//{}", button("Approve removal of selected"))).await;
    browser.says("Together they cost 16.00 EUR + 21.00 USD a month.").await;
    is_sound(browser, "the question whether").await;
    browser.picture(&format!("confirm-{name}")).await;
    browser.click(&format!("//{}", button("Approve removal of 2 seats"))).await;
    browser.says("2 of 2 removals approved").await;
    is_sound(browser, "the results").await;
    browser.picture(&format!("results-{name}")).await;
    browser.click(&format!("//{}", button("Be somebody else"))).await;
}

async fn as_operator(browser: &Browser, server: &Server, name: &str) {
    is_named(browser, "olga@example.com").await;
    browser.click("//a[contains(., 'Figma: Omar Diaz')]").await;
    browser.says("You operate seatgate; others were asked.").await;
    is_sound(browser, "a request of somebody else").await;
    browser.picture(&format!("operator-{name}")).await;
    browser.click(&format!("//{}", button("Withdraw"))).await;
    browser.says("The request is withdrawn").await;
    browser.open(&server.url("/exceptions")).await;
    browser.says("Zoom: Ben Okafor").await;
    is_sound(browser, "the exceptions").await;
    browser.picture(&format!("exceptions-{name}")).await;
    browser.click(&format!("//{}", button("Revoke"))).await;
    browser.says("There is no exception.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_a_phone() {
    the_main_job(390, "phone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_a_desktop() {
    the_main_job(1280, "desktop").await;
}
