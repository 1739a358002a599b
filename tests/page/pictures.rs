//! What the page looks like: on paper for a test, and as pictures for those who want to look.

use super::browser::Browser;
use super::{Page, night};
use std::fs;
use std::path::PathBuf;

#[test]
fn on_paper_every_host_has_its_timeline() {
    let page = Page::of(&night::events(200));
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.look(1_440, 900, "dark");
    browser.open(&page.file);
    let paper = browser.paper();
    assert!(paper.starts_with(b"%PDF"));
    let missing =
        browser.value("document.querySelectorAll('#fleet tr[id] td.track:not(.drawn)').length");
    assert_eq!(missing, 0);
    let open = browser.value("document.querySelectorAll('details.failure[open]').length");
    assert!(
        open.as_u64().unwrap() <= 3,
        "printing leaves the page as it was"
    );
}

#[test]
fn pictures_are_kept_for_those_who_want_to_look() {
    let Some(folder) = std::env::var_os("WINDLASS_TEST_PAGES").map(PathBuf::from) else {
        println!("skipped: WINDLASS_TEST_PAGES names no folder for pictures");
        return;
    };
    let Some(mut browser) = Browser::start() else {
        return;
    };
    fs::create_dir_all(&folder).unwrap();
    for hosts in [10, 200, 1_000] {
        let page = Page::of(&night::events(hosts));
        fs::copy(&page.file, folder.join(format!("{hosts}.html"))).unwrap();
        for (width, scheme) in [(800, "light"), (1_600, "light"), (1_600, "dark")] {
            browser.look(width, 1_100, scheme);
            browser.open(&page.file);
            browser.value("new Promise((done) => setTimeout(done, 200))");
            fs::write(
                folder.join(format!("{hosts}-{width}-{scheme}.png")),
                browser.picture(false),
            )
            .unwrap();
        }
        fs::write(folder.join(format!("{hosts}.pdf")), browser.paper()).unwrap();
    }
    assert_eq!(
        fs::read_dir(&folder)
            .unwrap()
            .filter_map(Result::ok)
            .filter(|it| it.path().extension().is_some_and(|it| it == "png"))
            .count(),
        9
    );
}
