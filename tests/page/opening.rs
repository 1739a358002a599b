//! How the page opens: how large it is, how soon it is there, that it asks for nothing, and that everybody can use it.

use super::browser::Browser;
use super::{Page, night};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use windlass::event::{Kind, Status};

/// The largest that a page of a thousand hosts may be.
const LARGEST: usize = 5_000_000;
/// The longest that a page of a thousand hosts may take to open, in milliseconds.
const SLOWEST: f64 = 2_000.0;

/// Milliseconds from the request for the page until the first paint, until the load ended, and until a frame was drawn after.
const TIMES: &str = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
    const load = performance.getEntriesByType('navigation')[0];
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    done([load.domContentLoadedEventEnd, paint ? paint.startTime : 0, load.loadEventEnd, performance.now()]);
})))";

#[test]
fn a_thousand_hosts_open_within_two_seconds_and_five_megabytes() {
    let page = Page::of(&night::events(1_000));
    assert!(page.bytes < LARGEST, "{} bytes", page.bytes);
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // The first page of a browser pays for its start.
    let small = Page::of(&night::events(10));
    browser.look(1_440, 900, "light");
    browser.open(&small.file);
    browser.open(&page.file);
    let times: Vec<f64> = serde_json::from_value(browser.value(TIMES)).unwrap();
    println!(
        "1,000 hosts: {:.2} MB; parsed {:.0} ms, first paint {:.0} ms, loaded {:.0} ms, drawn and ready {:.0} ms",
        page.bytes as f64 / 1e6,
        times[0],
        times[1],
        times[2],
        times[3]
    );
    assert!(times.iter().all(|time| *time < SLOWEST), "{times:?}");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.requests(), [""; 0]);
}

#[test]
fn a_night_in_which_everything_fails_at_length_stays_below_five_megabytes() {
    let mut events = night::events(1_000);
    for (at, event) in events.iter_mut().enumerate() {
        if let Kind::TaskFinished { result, .. } = &mut event.kind
            && result.status != Status::Skipped
        {
            result.status = if at % 3 == 0 {
                Status::Failed
            } else {
                Status::Changed
            };
            let line = format!("{at}: no space left on device\n");
            result.result = json!({"msg": format!("write {at}"), "dest": format!("/srv/{at}"), "stderr": line.repeat(400)});
        }
    }
    let page = Page::of(&events);
    assert!(page.bytes < LARGEST, "{} bytes", page.bytes);
}

#[test]
fn the_parts_are_there_at_every_size() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for hosts in [10, 200, 1_000] {
        let page = Page::of(&night::events(hosts));
        browser.look(1_440, 900, "light");
        browser.open(&page.file);
        let count = |browser: &mut Browser, selector: &str| {
            browser
                .value(&format!("document.querySelectorAll('{selector}').length"))
                .as_u64()
                .unwrap()
        };
        assert_eq!(count(&mut browser, "#fleet tbody tr[id]"), hosts as u64);
        assert_eq!(count(&mut browser, "h1"), 1);
        assert!(count(&mut browser, ".failure pre") > 0);
        assert!(count(&mut browser, "#overview .batch") > 5);
        assert_eq!(count(&mut browser, ".steps tbody tr"), 10);
        assert!(count(&mut browser, ".kinds tbody tr") >= 6);
        browser.value("document.querySelector('#hosts').scrollIntoView({behavior: 'instant'})");
        browser.value("new Promise((done) => setTimeout(done, 400))");
        let drawn = count(&mut browser, "#fleet td.drawn svg rect");
        assert!(drawn > 20, "{drawn} bars are drawn at {hosts} hosts");
        let all = count(&mut browser, "#fleet tr[id] td.drawn");
        assert!(
            hosts < 200 || all < 150,
            "{all} rows are drawn before they are seen"
        );
        assert_eq!(browser.complaints(), [""; 0]);
    }
}

#[test]
fn without_a_script_the_page_still_tells_the_run() {
    let page = Page::of(&night::events(10));
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    browser.open(&page.file);
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": false}),
    );
    // What is far below the window is laid out, and so has a text that is seen, only when one comes near.
    browser.value("document.querySelector('#hosts').style.contentVisibility = 'visible'");
    let text = browser.value("document.body.innerText");
    let text = text.as_str().unwrap();
    for expected in [
        "3 of 10 hosts failed",
        "kubelet did not stay up",
        "drain 56.7 s",
        "Batch",
        "rolled back",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn no_serious_finding_of_the_accessibility_check() {
    let Some(axe) = std::env::var_os("WINDLASS_TEST_AXE") else {
        println!("skipped: WINDLASS_TEST_AXE names no axe.min.js");
        return;
    };
    let axe = std::fs::read_to_string(axe).unwrap();
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.bypass_policy();
    for (hosts, scheme) in [
        (10, "light"),
        (200, "light"),
        (200, "dark"),
        (1_000, "light"),
        (1_000, "dark"),
    ] {
        let page = Page::of(&night::events(hosts));
        browser.look(1_440, 900, scheme);
        browser.open(&page.file);
        // With one host open, and one filter set.
        browser.value("document.querySelector('.failures a[href^=\"#h\"]').click()");
        browser.value("document.querySelector('#controls [name=state]').click()");
        browser.value(&axe);
        let findings = browser
            .value("axe.run(document, {resultTypes: ['violations']}).then((it) => it.violations)");
        let said: BTreeSet<String> = findings.as_array().unwrap().iter().map(told).collect();
        println!("{hosts} hosts, {scheme}: {} findings {said:?}", said.len());
        let serious: Vec<&String> = said
            .iter()
            .filter(|it| it.starts_with("serious") || it.starts_with("critical"))
            .collect();
        assert!(serious.is_empty(), "{serious:#?}");
    }
}

/// A finding in one line: `serious color-contrast: .why (12)`.
fn told(finding: &Value) -> String {
    let nodes = finding["nodes"].as_array().unwrap();
    format!(
        "{} {}: {} ({}) {}",
        finding["impact"].as_str().unwrap_or("minor"),
        finding["id"].as_str().unwrap(),
        nodes[0]["target"],
        nodes.len(),
        nodes[0]["failureSummary"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ")
    )
}
