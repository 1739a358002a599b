//! A download site on loopback with the layouts of the projects' own.

use crate::inventory::sha256;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use windlass::lab::{BinaryKind, binary};

/// The site; it answers until the tests end.
pub(crate) struct Mirror {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Mirror {
    /// Serves these releases: `v1.35.1` under `/release`, `v1.35.1+k3s1` under `/k3s`.
    pub(crate) fn of(version: &str, arch: &str) -> Self {
        let mut files = BTreeMap::new();
        let base = format!("/release/{version}/bin/linux/{arch}");
        for kind in BinaryKind::ALL
            .into_iter()
            .filter(|it| *it != BinaryKind::K3s)
        {
            let content = binary(kind, version);
            let name = kind.file_name();
            files.insert(format!("{base}/{name}.sha256"), sha256(content.as_bytes()));
            files.insert(format!("{base}/{name}"), content);
        }
        let base = format!("/k3s/{version}%2Bk3s1");
        let content = binary(BinaryKind::K3s, &format!("{version}+k3s1"));
        let file = if arch == "amd64" {
            "k3s".to_owned()
        } else {
            format!("k3s-{arch}")
        };
        files.insert(
            format!("{base}/sha256sum-{arch}.txt"),
            format!(
                "{}  {file}\n{}  k3s-airgap-images-{arch}.tar.zst\n",
                sha256(content.as_bytes()),
                "0".repeat(64)
            ),
        );
        files.insert(format!("{base}/{file}"), content);
        Self::start(files)
    }

    /// Serves these files, by their paths.
    pub(crate) fn start(files: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let found = files.get(&path);
                let (status, body) = found.map_or(("404 Not Found", ""), |body| ("200 OK", body));
                log.lock().unwrap().push(path);
                // A client that hung up is not the site's trouble.
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { url, asked }
    }

    /// The paths that were asked for, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }

    /// The variables that name it.
    pub(crate) fn variables(&self) -> [String; 2] {
        [
            format!("kubernetes_mirror={}/release", self.url),
            format!("k3s_mirror={}/k3s/", self.url),
        ]
    }
}
