//! A browser, driven through the WebDriver protocol: as much of a client as the tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::house::PATIENCE;

/// By which the protocol marks a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A headless Chromium with a profile of its own, which goes with it.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    http: reqwest::Client,
    _profile: tempfile::TempDir,
}

/// The programs that are needed: Chromium and its driver. `CHROMIUM` and `CHROMEDRIVER` name others than those on PATH.
fn programs() -> Result<(PathBuf, PathBuf), String> {
    Ok((program("CHROMIUM", "chromium")?, program("CHROMEDRIVER", "chromedriver")?))
}

fn program(variable: &str, name: &str) -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(variable) {
        return Ok(named.into());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("there is no `{name}` on PATH, and {variable} names none"))
}

impl Browser {
    /// A browser; nothing, said plainly, where this machine has none.
    ///
    /// Fails instead where `SEATGATE_REQUIRE_ALL=1` wants every test to run.
    pub(crate) async fn start() -> Option<Self> {
        match programs() {
            Ok((chromium, driver)) => Some(Self::run(&chromium, &driver).await),
            Err(missing) => {
                assert_ne!(std::env::var("SEATGATE_REQUIRE_ALL").as_deref(), Ok("1"), "{missing}");
                // Past the test harness, which would hide it.
                let mut told = std::io::stderr();
                writeln!(told, "skipped a browser test: {missing}").unwrap();
                None
            }
        }
    }

    async fn run(chromium: &PathBuf, driver: &PathBuf) -> Self {
        let mut driver = Command::new(driver).arg("--port=0").stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(driver.stdout.take().unwrap());
        let mut lines = out.lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("started successfully on port")).expect("the driver starts");
        let port = line.trim_end_matches('.').rsplit(' ').next().unwrap().parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut arguments = FLAGS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let mut browser = Self { driver, port, session: String::new(), http, _profile: profile };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.send("POST", "", &wanted).await;
        browser.session = format!("/{}", session["sessionId"].as_str().unwrap());
        // A click may come back before the page that it leads to is there.
        browser.send("POST", "/timeouts", &json!({ "implicit": PATIENCE.as_millis() })).await;
        browser
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}/session{}{path}", self.port, self.session);
        let call = self.http.request(method.parse().unwrap(), url);
        let call = if method == "POST" { call.json(body) } else { call };
        let response = call.send().await.unwrap();
        let (sound, answer) = (response.status().is_success(), response.json::<Value>().await.unwrap());
        assert!(sound, "{method} {path} {body}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        self.send("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await;
    }

    /// A window of this size, which may be narrower than a desktop's can be.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// From now on no page may run a script.
    pub(crate) async fn forbid_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Sends these with every call, as a proxy in between would.
    pub(crate) async fn send_headers(&self, headers: &[(&str, &str)]) {
        let headers: Value = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setExtraHTTPHeaders", json!({ "headers": headers })).await;
    }

    /// Whether the reader likes pages light or dark.
    pub(crate) async fn prefer(&self, colours: &str) {
        let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.devtools("Emulation.setEmulatedMedia", feature).await;
    }

    pub(crate) async fn open(&self, url: &str) {
        self.send("POST", "/url", &json!({ "url": url })).await;
    }

    /// Asks the page something; a script of ours, from outside the page.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        self.send("POST", "/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// What a reader sees; nothing while the page is being changed for another.
    pub(crate) async fn text(&self) -> String {
        self.ask("return document.body ? document.body.innerText : ''").await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    pub(crate) async fn says(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text().await;
            if text.contains(words) {
                return;
            }
            assert!(Instant::now() < deadline, "\"{words}\" in {text}");
        }
    }

    /// Brings the element into view, and answers with the path of what can be done with it.
    async fn find(&self, xpath: &str) -> String {
        let found = self.send("POST", "/element", &json!({ "using": "xpath", "value": xpath })).await;
        let script = "arguments[0].scrollIntoView({ block: 'center' })";
        self.send("POST", "/execute/sync", &json!({ "script": script, "args": [found] })).await;
        format!("/element/{}", found[ELEMENT].as_str().unwrap())
    }

    pub(crate) async fn click(&self, xpath: &str) {
        let element = self.find(xpath).await;
        self.send("POST", &format!("{element}/click"), &json!({})).await;
    }

    pub(crate) async fn write(&self, xpath: &str, text: &str) {
        let element = self.find(xpath).await;
        self.send("POST", &format!("{element}/value"), &json!({ "text": text })).await;
    }

    /// Presses these keys, one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: impl IntoIterator<Item = char>) {
        let press = |key| ["keyDown", "keyUp"].map(|what| json!({ "type": what, "value": String::from(key) }));
        let press: Vec<Value> = keys.into_iter().flat_map(press).collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keys", "actions": press }] });
        self.send("POST", "/actions", &actions).await;
    }

    /// What the console has said since it was asked last, but for what the browser says of pages of its own.
    pub(crate) async fn console(&self) -> Vec<Value> {
        let said = self.send("POST", "/se/log", &json!({ "type": "browser" })).await;
        let is_ours = |line: &&Value| !line["message"].as_str().unwrap().starts_with("chrome://");
        said.as_array().unwrap().iter().filter(is_ours).cloned().collect()
    }

    /// Saves what is in the window, where `SEATGATE_SCREENSHOTS` names a folder.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SEATGATE_SCREENSHOTS") else { return };
        let picture = self.send("GET", "/screenshot", &Value::Null).await;
        let bytes = STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), bytes).unwrap();
    }
}

/// The driver ends the browser when its session ends; when the driver is killed the browser would stay.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            let end = format!(
                "DELETE /session{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
                self.session, self.port
            );
            let _ = driver.set_read_timeout(Some(PATIENCE));
            let _ = driver.write_all(end.as_bytes()).and_then(|()| driver.read(&mut [0; 512]));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
