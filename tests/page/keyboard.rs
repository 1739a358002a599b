//! The page without a mouse: what Tab reaches, filters, arrow keys, opening a host.

use super::browser::Browser;
use super::{Page, night};

/// What has the focus: the text of a link, button or heading, or the name and value of a control.
const FOCUSED: &str = "(() => {
    const it = document.activeElement;
    return it.name ? it.name + '=' + it.value : it.id && it.tagName !== 'BUTTON' && !it.href ? '#' + it.id : it.textContent;
})()";

fn open(hosts: usize) -> Option<(Browser, Page)> {
    let page = Page::of(&night::events(hosts));
    let mut browser = Browser::start()?;
    browser.look(1_440, 900, "light");
    browser.open(&page.file);
    Some((browser, page))
}

fn focused(browser: &mut Browser) -> String {
    browser.value(FOCUSED).as_str().unwrap().to_owned()
}

fn shown(browser: &mut Browser) -> String {
    browser
        .value("document.querySelector('#shown').textContent")
        .as_str()
        .unwrap()
        .to_owned()
}

fn tab_to(browser: &mut Browser, wanted: &str) -> usize {
    for count in 1..80 {
        browser.press("Tab");
        if focused(browser) == wanted {
            return count;
        }
    }
    panic!("Tab does not reach {wanted}");
}

#[test]
fn a_host_is_found_and_opened_by_keys_alone() {
    let Some((mut browser, _page)) = open(200) else {
        return;
    };
    browser.press("Tab");
    assert_eq!(focused(&mut browser), "Skip to the outcome");
    browser.press("Tab");
    assert_eq!(focused(&mut browser), "Skip to the hosts");
    browser.press("Enter");
    assert_eq!(focused(&mut browser), "#hosts");
    browser.press("Tab");
    assert_eq!(focused(&mut browser), "host=");
    for key in ["0", "8", "2"] {
        browser.press(key);
    }
    assert_eq!(shown(&mut browser), "1 of 200 hosts");
    tab_to(&mut browser, "worker-082.rack04.example.org");
    assert_eq!(
        browser.value("document.querySelectorAll('tr.detail').length"),
        0
    );
    browser.press("Enter");
    assert_eq!(
        browser.value("document.activeElement.getAttribute('aria-expanded')"),
        "true"
    );
    let detail = browser.value("document.querySelector('tr.detail').innerText");
    let detail = detail.as_str().unwrap();
    for expected in [
        "Drain the node",
        "3 pods evicted",
        "replace /usr/local/bin/kubelet",
        "ok,",
    ] {
        assert!(detail.contains(expected), "{expected}: {detail}");
    }
    browser.press("Enter");
    assert_eq!(
        browser.value("document.querySelectorAll('tr.detail').length"),
        0
    );
}

#[test]
fn arrow_keys_go_from_host_to_host_and_tab_leaves_them() {
    let Some((mut browser, _page)) = open(200) else {
        return;
    };
    tab_to(&mut browser, "control-1");
    browser.press("ArrowDown");
    assert_eq!(focused(&mut browser), "control-2");
    browser.press("End");
    assert!(focused(&mut browser).starts_with("worker-"));
    browser.press("Home");
    assert_eq!(focused(&mut browser), "control-1");
    browser.press("Tab");
    assert!(
        !focused(&mut browser).starts_with("control-"),
        "Tab stays among the hosts"
    );
}

#[test]
fn hosts_are_filtered_by_state_and_batch_and_put_in_order() {
    let Some((mut browser, _page)) = open(200) else {
        return;
    };
    let states = "[...document.querySelectorAll('#fleet tr[id^=h]:not([hidden]) td:nth-of-type(1)')].map((it) => it.textContent)";
    tab_to(&mut browser, "state=3");
    browser.press(" ");
    let found: Vec<String> = serde_json::from_value(browser.value(states)).unwrap();
    assert_eq!(found, ["rolled back"; 4], "{}", shown(&mut browser));
    assert_eq!(shown(&mut browser), "4 of 200 hosts");
    let headed =
        "[...document.querySelectorAll('tbody:not([hidden]) tr.play')].map((it) => it.textContent)";
    assert_eq!(
        browser.value(headed),
        serde_json::json!(["Upgrade the kubelets, a few at a time"])
    );
    tab_to(&mut browser, "batch=");
    for key in ["ArrowDown", "ArrowDown"] {
        browser.press(key);
    }
    browser.value("document.querySelector('#controls button[type=reset]').click()");
    browser.value("new Promise((done) => setTimeout(done, 50))");
    assert_eq!(shown(&mut browser), "200 hosts");
    browser.value("(() => { const it = document.querySelector('[name=order]'); it.value = 'time'; it.dispatchEvent(new Event('input', {bubbles: true})); })()");
    let first = browser.value("document.querySelector('#fleet tbody:not([hidden]) tr[id^=h] td:nth-of-type(4)').textContent");
    assert!(first.as_str().unwrap().contains("min"), "{first}");
    browser.value("(() => { const it = document.querySelector('[name=order]'); it.value = 'run'; it.dispatchEvent(new Event('input', {bubbles: true})); })()");
    let first = browser
        .value("document.querySelector('#fleet tbody:not([hidden]) tr[id^=h] th').textContent");
    assert_eq!(first, "control-1");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_link_to_a_host_opens_it_even_where_the_filter_hides_it() {
    let Some((mut browser, _page)) = open(200) else {
        return;
    };
    browser.value("(() => { const it = document.querySelector('[name=host]'); it.value = 'control'; it.dispatchEvent(new Event('input', {bubbles: true})); })()");
    assert_eq!(shown(&mut browser), "3 of 200 hosts");
    browser.value("document.querySelector('.failures a[href^=\"#h\"]').click()");
    browser.value("new Promise((done) => setTimeout(done, 200))");
    assert_eq!(shown(&mut browser), "200 hosts");
    let wrong = browser.value("document.querySelector('tr.detail tr.wrong').innerText");
    assert!(wrong.as_str().unwrap().contains("failed"), "{wrong}");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_colours_follow_the_system_until_one_chooses() {
    let Some((mut browser, _page)) = open(10) else {
        return;
    };
    let dark = "(() => { const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/[0-9.]+/g).map(Number); return r + g + b < 200; })()";
    assert_eq!(browser.value(dark), false);
    browser.look(1_440, 900, "dark");
    assert_eq!(browser.value(dark), true);
    browser.value("document.querySelector('#theme [value=light]').click()");
    assert_eq!(browser.value(dark), false);
    browser.value("document.querySelector('#theme [value=dark]').click()");
    browser.look(1_440, 900, "light");
    assert_eq!(browser.value(dark), true);
}
