//! A headless Chromium, driven by its own protocol over a pipe: messages are JSON, each ended by a zero byte.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a single answer may take; only a browser that hangs needs it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    next: u64,
    /// What the browser told without being asked.
    told: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts the browser that `WINDLASS_TEST_CHROMIUM` names; without it says that the test is skipped.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("WINDLASS_TEST_CHROMIUM") else {
            println!("skipped: WINDLASS_TEST_CHROMIUM names no browser");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // The browser reads its orders from descriptor 3 and answers on 4.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                "sh",
            ])
            .arg(program)
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--no-first-run",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-crash-reporter",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output
                .read_until(0, &mut bytes)
                .is_ok_and(|count| count > 0)
            {
                let message = serde_json::from_slice(
                    bytes.trim_ascii_end().strip_suffix(b"\0").unwrap_or(&bytes),
                );
                if message.is_ok_and(|message| sender.send(message).is_err()) {
                    return;
                }
                bytes.clear();
            }
        });
        let mut browser = Self {
            child,
            input,
            messages,
            session: None,
            next: 0,
            told: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = browser.call(
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Sends an order and waits for its answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        loop {
            let answer = self.hear();
            if answer["id"] == self.next {
                assert!(
                    answer.get("error").is_none(),
                    "{method}: {}",
                    answer["error"]
                );
                return answer["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let message = self
            .messages
            .recv_timeout(PATIENCE)
            .expect("the browser says nothing");
        if message.get("method").is_some() {
            self.told.push(message.clone());
        }
        message
    }

    /// Waits until the browser has told this.
    fn wait_for(&mut self, method: &str) {
        while !self.told.iter().any(|message| message["method"] == method) {
            self.hear();
        }
    }

    /// The size of the window, and the media features that the page sees.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({"media": "", "features": features}),
        );
    }

    /// Opens a page from a file and waits until it is loaded.
    pub(crate) fn open(&mut self, file: &Path) {
        self.told.clear();
        self.call(
            "Page.navigate",
            json!({"url": format!("file://{}", file.display())}),
        );
        self.wait_for("Page.loadEventFired");
    }

    /// What an expression of the page's script is; promises are waited for.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Presses and releases a key.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => "\r",
            key if key.len() == 1 => key,
            _ => "",
        };
        let mut params = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            params["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", params);
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// What the page complained about: errors, exceptions and refusals.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let wrong = |message: &&Value| match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => message["params"]["entry"]["level"] != "verbose",
            Some("Runtime.consoleAPICalled") => message["params"]["type"] != "log",
            _ => false,
        };
        self.told
            .iter()
            .filter(wrong)
            .map(Value::to_string)
            .collect()
    }

    /// What the page asked for beside itself.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = |message: &&Value| message["method"] == "Network.requestWillBeSent";
        let url = |message: &Value| {
            message["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let asked: Vec<String> = self.told.iter().filter(sent).map(url).collect();
        asked.into_iter().skip(1).collect()
    }

    /// Lets scripts of a test into the page, past its content policy; takes effect with the next page.
    pub(crate) fn bypass_policy(&mut self) {
        self.call("Page.setBypassCSP", json!({"enabled": true}));
    }

    /// What the page looks like, as PNG; the whole page or the window.
    pub(crate) fn picture(&mut self, whole: bool) -> Vec<u8> {
        let answer = self.call(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": whole}),
        );
        decoded(&answer)
    }

    /// The page on paper, as PDF.
    pub(crate) fn paper(&mut self) -> Vec<u8> {
        let answer = self.call(
            "Page.printToPDF",
            json!({"landscape": true, "printBackground": false}),
        );
        decoded(&answer)
    }
}

fn decoded(answer: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = answer["data"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        let bye = json!({"id": 0, "method": "Browser.close"}).to_string() + "\0";
        let _sent = self.input.write_all(bye.as_bytes());
        // It ends its own processes when asked; one that hangs is ended.
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
