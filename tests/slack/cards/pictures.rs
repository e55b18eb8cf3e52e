//! Pictures of the cards, drawn from the very JSON that Slack gets: for the documents, and for the eye after a change.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use seatgate_slack::card::Renderer;
use serde_json::Value;

use super::samples::samples;

const PICTURES: [&str; 4] = ["ask", "decided", "digest", "sweep"];
const WIDTH: u32 = 640;
const STYLE: &str = "
    body { margin: 0; padding: 16px 20px; background: #fff; color: #1d1c1d; font: 15px/1.46 'Lato', 'DejaVu Sans', sans-serif }
    header { font-weight: bold; margin-bottom: 4px } header small { background: #ddd; border-radius: 2px; padding: 1px 3px;
    font-size: 10px; color: #555 } h3 { font-size: 18px; margin: 8px 0 4px } p { margin: 8px 0 } .fields { display: grid;
    grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 8px 0 } .context { font-size: 12px; color: #616061 }
    button { font: bold 13px 'Lato', 'DejaVu Sans', sans-serif; padding: 6px 12px; margin: 2px 8px 2px 0; border-radius: 4px;
    border: 1px solid #bbb; background: #fff } button.primary { background: #007a5a; border-color: #007a5a; color: #fff }
    .mention { background: #e8f5fa; color: #1264a3 }";

/// Markup as Slack shows it; what is escaped for Slack is escaped for a page as well.
fn shown(object: &Value) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    if object["type"] == "plain_text" {
        return text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    }
    let mut shown = String::new();
    for (number, part) in text.split('<').enumerate() {
        match part.split_once('>').filter(|_| number > 0) {
            Some((token, rest)) => {
                shown.push_str(token.split_once('|').map_or("", |(_, fallback)| fallback));
                shown.push_str(rest);
            }
            None => shown.push_str(part),
        }
    }
    let bold = shown.split('*').enumerate();
    let bold: String =
        bold.map(|(number, part)| if number % 2 == 1 { format!("<b>{part}</b>") } else { part.to_owned() }).collect();
    bold.replace('\n', "<br>")
}

fn block(block: &Value, page: &mut String) {
    let all = |name: &str| block[name].as_array().into_iter().flatten();
    match block["type"].as_str().unwrap_or_default() {
        "header" => write!(page, "<h3>{}</h3>", shown(&block["text"])),
        "section" if block["fields"].is_array() => {
            let fields: String = all("fields").map(|field| format!("<div>{}</div>", shown(field))).collect();
            write!(page, "<div class=fields>{fields}</div>")
        }
        "section" => write!(page, "<p>{}</p>", shown(&block["text"])),
        "context" => {
            write!(page, "<p class=context>{}</p>", all("elements").map(shown).collect::<Vec<_>>().join(" "))
        }
        "actions" => {
            let button = |button: &Value| {
                if button["type"] == "overflow" {
                    return "<button>⋯</button>".to_owned();
                }
                let style = button["style"].as_str().unwrap_or_default();
                format!("<button class='{style}'>{}</button>", shown(&button["text"]))
            };
            write!(page, "<div>{}</div>", all("elements").map(button).collect::<String>())
        }
        _ => write!(page, "<hr>"),
    }
    .unwrap();
}

fn page(body: &Value) -> String {
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><style>{STYLE}</style><header>seatgate <small>APP</small></header>"
    );
    body["blocks"].as_array().unwrap().iter().for_each(|one| block(one, &mut page));
    page + "<script>document.body.dataset.height = document.documentElement.scrollHeight</script>"
}

fn chromium(arguments: &[String]) -> String {
    let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
    ];
    let output = Command::new(program).args(quiet).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn picture(folder: &Path, name: &str, body: &Value) {
    let work = tempfile::tempdir().unwrap();
    let html = work.path().join("page.html");
    std::fs::write(&html, page(body)).unwrap();
    let url = format!("file://{}", html.display());
    let profile = format!("--user-data-dir={}", work.path().join("profile").display());
    let size = |height: &str| format!("--window-size={WIDTH},{height}");
    let drawn = chromium(&[profile.clone(), size("100"), "--dump-dom".to_owned(), url.clone()]);
    let height =
        drawn.split("data-height=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("the page has a height");
    let to = std::path::absolute(folder).unwrap().join(format!("{name}.png"));
    chromium(&[profile, size(height), format!("--screenshot={}", to.display()), url]);
    assert!(to.is_file());
}

#[test]
fn pictures_are_drawn_where_they_are_wanted() {
    let samples = samples(&Renderer::default());
    let wanted = samples.iter().filter(|sample| PICTURES.contains(&sample.name));
    let wanted: Vec<_> = wanted.map(|sample| (sample, page(&sample.body))).collect();
    assert!(wanted.len() == PICTURES.len() && wanted.iter().all(|(_, page)| !page.contains("<!date")));
    let Some(folder) = std::env::var_os("SEATGATE_SCREENSHOTS") else {
        eprintln!("no pictures: SEATGATE_SCREENSHOTS names no folder");
        return;
    };
    std::fs::create_dir_all(&folder).unwrap();
    wanted.iter().for_each(|(sample, _)| picture(Path::new(&folder), sample.name, &sample.body));
}
