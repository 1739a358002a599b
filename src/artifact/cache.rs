//! Each artifact once, for all hosts of the run.

use super::bundle::{Bundle, is_bundle};
use super::digest::{normal, sha256_of};
use super::{ArtifactError, checksums, download};
use bytes::Bytes;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::OnceCell;

/// A verified file.
#[derive(Debug)]
pub struct Artifact {
    /// Its bytes, shared by all hosts.
    pub content: Bytes,
    /// Lower-case hex SHA-256 of them.
    pub sha256: String,
    /// The file or URL it came from, fit to be shown.
    pub origin: String,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The file's name: in the folder, and in the file with checksums.
    pub name: String,
    /// A folder that has it, a bundle (a file that ends in `.tar`), the file itself, or a URL: of the file, or with a slash
    /// at the end of a folder.
    pub source: String,
    /// Its version, which a bundle may hold several of.
    pub version: Option<String>,
    /// Its architecture, which a bundle may hold several of.
    pub arch: Option<String>,
    /// Its SHA-256, when the user knows it.
    pub sha256: Option<String>,
    /// A path or URL of a file with checksums, else `SHA256SUMS` beside the source.
    pub checksums: Option<String>,
}

impl Wanted {
    /// Whether the source is a bundle.
    pub fn is_bundled(&self) -> bool {
        matches!(Place::of(&self.source), Place::File(path) if is_bundle(&path))
    }
}

/// A file as it was at one time; another size or time means another content. A URL has neither.
type Key = (String, Option<SystemTime>, u64, String);

/// One content, made by the first host that asks while the others wait.
type Slot<T> = Arc<OnceCell<Arc<T>>>;

/// The artifacts of a run. They stay in memory until the program ends, since later batches want the same ones.
#[derive(Debug, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
    artifacts: Mutex<HashMap<Key, Slot<Artifact>>>,
    checksums: Mutex<HashMap<Key, Slot<String>>>,
    bundles: Mutex<HashMap<Key, Slot<Bundle>>>,
}

/// The one of this process: hosts of all plays share it, and no one has to hand it down.
static SHARED: LazyLock<Cache> = LazyLock::new(|| Cache {
    folder: download::default_folder(),
    ..Cache::default()
});

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Url(String),
}

impl Place {
    fn of(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.to_owned())
        } else {
            Self::File(text.strip_prefix("file://").unwrap_or(text).into())
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => download::shown(url),
        }
    }

    /// The artifact itself, when this may be the folder that has it.
    fn artifact(self, name: &str) -> Self {
        match self {
            Self::File(path) if path.is_dir() => Self::File(path.join(name)),
            Self::Url(url) if url.ends_with('/') => Self::Url(url + name),
            place => place,
        }
    }

    /// `SHA256SUMS` beside it.
    fn beside(&self) -> Self {
        match self {
            Self::File(path) => Self::File(path.with_file_name("SHA256SUMS")),
            Self::Url(url) => {
                let plain = url.split(['?', '#']).next().unwrap_or_default();
                let folder = plain.rfind('/').map_or(plain, |at| &plain[..at]);
                Self::Url(format!("{folder}/SHA256SUMS"))
            }
        }
    }

    /// What it is kept under.
    fn key(&self, digest: &str) -> Result<Key, ArtifactError> {
        Ok(match self {
            Self::Url(url) => (url.clone(), None, 0, digest.to_owned()),
            Self::File(path) => {
                let facts = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
                let modified = facts.modified().ok();
                (
                    path.display().to_string(),
                    modified,
                    facts.len(),
                    String::new(),
                )
            }
        })
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ArtifactError {
    ArtifactError::Read {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

impl Cache {
    /// The process's own, with downloads kept in the user's cache folder.
    pub fn shared() -> &'static Self {
        &SHARED
    }

    /// An empty one that keeps downloads in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
            ..Self::default()
        }
    }

    /// The artifact, read or downloaded and verified at most once.
    pub async fn get(&self, wanted: &Wanted) -> Result<Arc<Artifact>, ArtifactError> {
        if let Place::File(path) = Place::of(&wanted.source)
            && is_bundle(&path)
        {
            return self.bundled(wanted, &path).await;
        }
        let place = Place::of(&wanted.source).artifact(&wanted.name);
        let expected = self.expected(wanted, &place).await?;
        let slot = slot(&self.artifacts, place.key(&expected)?);
        let artifact = slot
            .get_or_try_init(|| self.load(&place, &expected))
            .await?
            .clone();
        if artifact.sha256 == expected {
            return Ok(artifact);
        }
        Err(ArtifactError::Mismatch {
            origin: artifact.origin.clone(),
            expected,
            found: artifact.sha256.clone(),
        })
    }

    /// A file of a bundle.
    async fn bundled(&self, wanted: &Wanted, path: &Path) -> Result<Arc<Artifact>, ArtifactError> {
        let shown = path.display().to_string();
        let place = Place::File(path.to_owned());
        let slot_of_bundle = slot(&self.bundles, place.key("")?);
        let open = || async {
            let path = path.to_owned();
            let open = move || Bundle::open(&path).map_err(|error| ArtifactError::from(&error));
            blocking(shown.clone(), open).await.map(Arc::new)
        };
        let bundle = slot_of_bundle.get_or_try_init(open).await?.clone();
        let item = bundle
            .find(
                &wanted.name,
                wanted.version.as_deref(),
                wanted.arch.as_deref(),
            )
            .map_err(ArtifactError::Bundle)?
            .clone();
        let expected = match &wanted.sha256 {
            Some(digest) => normal(digest)?,
            None => item.sha256.clone(),
        };
        let origin = format!("{shown}:{}", item.path());
        let (_, modified, length, _) = place.key("")?;
        let slot = slot(
            &self.artifacts,
            (origin.clone(), modified, length, expected.clone()),
        );
        let load = || async {
            let read = move || {
                bundle
                    .bytes(&item)
                    .map_err(|error| ArtifactError::from(&error))
            };
            let content = Bytes::from(blocking(shown.clone(), read).await?);
            sound(content, origin, expected).await
        };
        slot.get_or_try_init(load).await.cloned()
    }

    /// The digest it must have.
    async fn expected(&self, wanted: &Wanted, place: &Place) -> Result<String, ArtifactError> {
        if let Some(digest) = &wanted.sha256 {
            return normal(digest);
        }
        let given = wanted.checksums.as_deref().map(Place::of);
        let sums = given.clone().unwrap_or_else(|| place.beside());
        let text = match self.checksums(&sums).await {
            Ok(text) => text,
            Err(error) if given.is_some() => return Err(error),
            Err(error) => {
                return Err(ArtifactError::NoChecksums {
                    name: wanted.name.clone(),
                    reason: error.to_string(),
                });
            }
        };
        let missing = || ArtifactError::Missing {
            checksums: sums.shown(),
            name: wanted.name.clone(),
        };
        normal(&checksums::find(&text, &wanted.name).ok_or_else(missing)?)
    }

    async fn checksums(&self, place: &Place) -> Result<Arc<String>, ArtifactError> {
        let slot = slot(&self.checksums, place.key("")?);
        let read = || async {
            let place = place.clone();
            let text = blocking(place.shown(), move || match &place {
                Place::Url(url) => download::text(url),
                Place::File(path) => {
                    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
                }
            })
            .await?;
            Ok(Arc::new(text))
        };
        slot.get_or_try_init(read).await.cloned()
    }

    async fn load(&self, place: &Place, expected: &str) -> Result<Arc<Artifact>, ArtifactError> {
        let origin = place.shown();
        let (is_url, wanted_digest) = (matches!(place, Place::Url(_)), expected.to_owned());
        let (place, expected, folder) = (place.clone(), expected.to_owned(), self.folder.clone());
        let bytes = blocking(origin.clone(), move || match &place {
            Place::Url(url) => download::file(url, &expected, folder.as_deref()),
            Place::File(path) => std::fs::read(path).map_err(|error| unreadable(path, &error)),
        })
        .await?;
        let content = Bytes::from(bytes);
        let gone = || ArtifactError::Read {
            path: origin.clone(),
            reason: "the program is ending".to_owned(),
        };
        let sha256 = sha256_of(content.clone()).await.ok_or_else(gone)?;
        if is_url && sha256 != wanted_digest {
            // Not kept: the next attempt may get the right one.
            return Err(ArtifactError::Mismatch {
                origin,
                expected: wanted_digest,
                found: sha256,
            });
        }
        Ok(Arc::new(Artifact {
            content,
            sha256,
            origin,
        }))
    }
}

/// An artifact whose digest is the expected one.
async fn sound(
    content: Bytes,
    origin: String,
    expected: String,
) -> Result<Arc<Artifact>, ArtifactError> {
    let sha256 = sha256_of(content.clone()).await;
    match sha256 {
        Some(sha256) if sha256 == expected => Ok(Arc::new(Artifact {
            content,
            sha256,
            origin,
        })),
        Some(found) => Err(ArtifactError::Mismatch {
            origin,
            expected,
            found,
        }),
        None => Err(ArtifactError::Read {
            path: origin,
            reason: "the program is ending".to_owned(),
        }),
    }
}

fn slot<T>(slots: &Mutex<HashMap<Key, Slot<T>>>, key: Key) -> Slot<T> {
    let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
    slots.entry(key).or_default().clone()
}

/// Runs what waits for disks and servers away from the runtime's threads.
async fn blocking<T: Send + 'static>(
    origin: String,
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ArtifactError::Read {
            path: origin,
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn wanted(source: impl std::fmt::Display) -> Wanted {
        Wanted {
            name: "app".to_owned(),
            source: source.to_string(),
            ..Wanted::default()
        }
    }

    #[tokio::test]
    async fn files_are_verified_and_shared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app");
        std::fs::write(&path, "abc").unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        let plain = wanted(folder.path().display());
        let error = cache.get(&plain).await.unwrap_err().to_string();
        assert!(
            error.contains("no checksum for app") && error.contains("SHA256SUMS"),
            "{error}"
        );
        std::fs::write(folder.path().join("SHA256SUMS"), format!("{ABC}  app\n")).unwrap();
        let first = cache.get(&plain).await.unwrap();
        let second = cache.get(&wanted(path.display())).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(
            (&first.content[..], first.sha256.as_str()),
            (&b"abc"[..], ABC)
        );
        let given = Wanted {
            sha256: Some(format!("sha256:{}", "0".repeat(64))),
            ..plain.clone()
        };
        let error = cache.get(&given).await.unwrap_err().to_string();
        assert!(error.contains(ABC) && error.contains("not 0000"), "{error}");
        let bad = Wanted {
            sha256: Some("12".to_owned()),
            ..plain.clone()
        };
        assert!(matches!(
            cache.get(&bad).await,
            Err(ArtifactError::BadDigest(_))
        ));
        std::fs::write(
            folder.path().join("more sums"),
            format!("{ABC}  other\n{ABC}  x\n"),
        )
        .unwrap();
        let missing = Wanted {
            checksums: Some(folder.path().join("more sums").display().to_string()),
            ..plain.clone()
        };
        let error = cache.get(&missing).await.unwrap_err().to_string();
        assert!(
            error.ends_with("more sums has no checksum for app"),
            "{error}"
        );
        // Another content is read again, and is then the wrong one.
        std::fs::write(&path, "abcd").unwrap();
        assert!(matches!(
            cache.get(&plain).await,
            Err(ArtifactError::Mismatch { .. })
        ));
    }

    /// Answers each request with the file of that path, as often as asked; gives the address.
    fn serve(
        files: Vec<(&'static str, String)>,
        requests: usize,
    ) -> (String, std::thread::JoinHandle<()>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            for _ in 0..requests {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let found = files.iter().find(|(name, _)| *name == path);
                let (status, body) =
                    found.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", body));
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (address, server)
    }

    #[tokio::test]
    async fn downloads_are_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("cache");
        let files = vec![
            ("/v1/app", "abc".to_owned()),
            ("/v1/SHA256SUMS", format!("{ABC}  app\n{ABC}  b\n")),
        ];
        let (address, server) = serve(files, 3);
        let plain = wanted(format!("http://{address}/v1/"));
        let cache = Cache::new(&kept);
        let (one, two) = tokio::join!(cache.get(&plain), cache.get(&plain));
        assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()));
        assert_eq!(std::fs::read_to_string(kept.join(ABC)).unwrap(), "abc");
        let gone = wanted(format!("http://u:secret@{address}/v2/app?token=secret"));
        let gone = Wanted {
            sha256: Some("0".repeat(64)),
            ..gone
        };
        let error = cache.get(&gone).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot download http://{address}/v2/app: the server answers 404")
        );
        server.join().unwrap();
        // A later run finds it on disk, and does not take a damaged file.
        let known = Wanted {
            sha256: Some(ABC.to_owned()),
            ..plain
        };
        let later = Cache::new(&kept).get(&known).await.unwrap();
        assert_eq!(&later.content[..], b"abc");
        std::fs::write(kept.join(ABC), "damaged").unwrap();
        assert!(matches!(
            Cache::new(&kept).get(&known).await,
            Err(ArtifactError::Download { .. })
        ));
    }
}
