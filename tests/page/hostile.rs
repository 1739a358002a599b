//! Names and outputs that try to be markup or script stay text.

use super::browser::Browser;
use super::{Page, night};
use windlass::event::Event;

const NASTY: &str = "</script><img src=x onerror=alert(1)>\"'<!--&amp;";

/// A night in which hosts, plays, tasks and outputs are called so.
fn events() -> Vec<Event> {
    let text = serde_json::to_string(&night::events(10)).unwrap();
    let nasty = serde_json::to_string(NASTY).unwrap();
    let nasty = nasty.trim_matches('"');
    let text = [
        "worker-",
        "Restart kubelet",
        "a few at a time",
        "playbooks/upgrade.yml",
        "Job for kubelet.service",
        "kubelet did not stay up",
        "shop/web: 0 disruptions",
        "inventory/production",
        "replace /usr/local/bin",
        "20261121-010004",
    ]
    .iter()
    .fold(text, |text, word| text.replace(word, nasty));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn no_text_of_a_host_becomes_markup() {
    let page = Page::of(&events());
    let text = std::fs::read_to_string(&page.file).unwrap();
    assert!(!text.contains("<img"), "an element of a host's making");
    assert_eq!(text.matches("</script>").count(), 2);
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.look(1_440, 900, "light");
    browser.open(&page.file);
    browser
        .value("for (const each of document.querySelectorAll('#fleet button.name')) each.click()");
    assert_eq!(browser.value("document.querySelectorAll('img').length"), 0);
    let name = browser.value("document.querySelector('#h3 button.name').textContent");
    assert!(name.as_str().unwrap().contains(NASTY), "{name}");
    let detail = browser.value("document.querySelector('.detail .wrong pre').textContent");
    assert!(detail.as_str().unwrap().contains("<img src=x"), "{detail}");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.requests(), [""; 0]);
}

#[test]
fn a_script_that_is_not_the_pages_own_does_not_run() {
    let page = Page::of(&events());
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page.file);
    browser.value("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))");
    assert_eq!(browser.value("window.ran === undefined"), true);
    let refused = browser.complaints();
    assert!(
        refused
            .iter()
            .any(|it| it.contains("Content Security Policy")),
        "{refused:?}"
    );
}
