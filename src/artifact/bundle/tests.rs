//! A bundle from the first file to the last check.

use super::*;
use crate::artifact::{Cache, Wanted};
use std::path::{Path, PathBuf};

/// A folder with two files and their checksums.
fn release(folder: &Path, version: &str, text: &str) -> PathBuf {
    let path = folder.join(version);
    std::fs::create_dir_all(&path).unwrap();
    let mut sums = String::new();
    for name in ["kubelet", "kubectl"] {
        let content = format!("{text} {name}");
        let digest = super::super::digest::sha256(content.as_bytes());
        sums = format!("{sums}{digest}  {name}\n");
        std::fs::write(path.join(name), content).unwrap();
    }
    std::fs::write(path.join("SHA256SUMS"), sums).unwrap();
    path
}

fn wanted(source: &Path, version: Option<&str>, arch: Option<&str>) -> Wanted {
    Wanted {
        name: "kubelet".to_owned(),
        source: source.display().to_string(),
        version: version.map(str::to_owned),
        arch: arch.map(str::to_owned),
        ..Wanted::default()
    }
}

#[tokio::test]
async fn what_goes_in_comes_out_again() {
    let place = tempfile::tempdir().unwrap();
    let old = release(place.path(), "v1", "old");
    let new = release(place.path(), "v2", "new");
    let mut parts = folder(&old, "v1", "amd64").unwrap();
    parts.extend(folder(&new, "v2", "amd64").unwrap());
    parts.extend(folder(&old, "v2", "arm64").unwrap());
    let file = place.path().join("all.tar");
    let mut told = Vec::new();
    let manifest = create(&file, &parts, |item| told.push(item.path()))
        .await
        .unwrap();
    assert_eq!(told.len(), 6);
    assert_eq!(told[0], "v1/amd64/kubelet");
    assert_eq!(verify(&file).unwrap(), manifest);
    let again = place.path().join("again.tar");
    create(&again, &parts, |_| {}).await.unwrap();
    assert_eq!(
        std::fs::read(&file).unwrap(),
        std::fs::read(&again).unwrap()
    );

    let cache = Cache::default();
    let get = async |version, arch| {
        let found = cache.get(&wanted(&file, version, arch)).await;
        found.map(|it| String::from_utf8(it.content.to_vec()).unwrap())
    };
    assert_eq!(get(Some("v1"), None).await.unwrap(), "old kubelet");
    assert_eq!(get(Some("v2"), Some("amd64")).await.unwrap(), "new kubelet");
    assert_eq!(get(Some("v2"), Some("arm64")).await.unwrap(), "old kubelet");
    let error = get(Some("v2"), None).await.unwrap_err().to_string();
    assert!(
        error.contains("kubelet v2 in 2 forms: v2/amd64/kubelet, v2/arm64/kubelet"),
        "{error}"
    );
    let error = get(Some("v3"), Some("amd64"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has no kubelet v3 amd64; it holds v1/amd64/kubelet"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_not_as_published_makes_no_bundle() {
    let place = tempfile::tempdir().unwrap();
    let path = release(place.path(), "v1", "old");
    std::fs::write(path.join("kubectl"), "another").unwrap();
    let file = place.path().join("all.tar");
    let parts = folder(&path, "v1", ANY).unwrap();
    let error = create(&file, &parts, |_| {}).await.unwrap_err().to_string();
    assert!(
        error.contains("is not the file that was expected"),
        "{error}"
    );
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn what_cannot_be_a_bundle_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let path = release(place.path(), "v1", "old");
    let file = place.path().join("all.tar");
    let mut twice = folder(&path, "v1", ANY).unwrap();
    twice.extend(folder(&path, "v1", ANY).unwrap());
    let climbing = folder(&path, "..", ANY).unwrap();
    for (parts, message) in [
        (vec![], "at least one file"),
        (twice, "v1/any/kubelet is asked for twice"),
        (climbing, "`..` cannot be part of a path"),
    ] {
        let error = create(&file, &parts, |_| {}).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(!file.exists());
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let place = tempfile::tempdir().unwrap();
    let path = release(place.path(), "v1", "old");
    let file = place.path().join("all.tar");
    create(&file, &folder(&path, "v1", ANY).unwrap(), |_| {})
        .await
        .unwrap();
    let sound = std::fs::read(&file).unwrap();
    let at = |text: &[u8]| sound.windows(text.len()).position(|it| it == text).unwrap();

    let mut flipped = sound.clone();
    flipped[at(b"old kubelet")] ^= 1;
    std::fs::write(&file, &flipped).unwrap();
    let error = verify(&file).unwrap_err().to_string();
    assert!(
        error.contains("the SHA-256 of v1/any/kubelet is"),
        "{error}"
    );
    let error = Cache::default()
        .get(&wanted(&file, None, None))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is not the file that was expected"),
        "{error}"
    );

    std::fs::write(&file, &sound[..at(b"\"format\"")]).unwrap();
    assert!(matches!(verify(&file), Err(BundleError::Unsound { .. })));
    std::fs::write(&file, "no archive at all").unwrap();
    assert!(matches!(verify(&file), Err(BundleError::Unsound { .. })));

    let newer = String::from_utf8_lossy(&sound).replace("\"format\": 1", "\"format\": 7");
    std::fs::write(&file, newer).unwrap();
    let error = verify(&file).unwrap_err().to_string();
    assert!(error.contains("format 7 is newer"), "{error}");
}
