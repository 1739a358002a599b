//! A lab cluster with switches for its hosts, and a client that reads the kubeconfig it gives out.

use crate::lab::cluster::{Cluster, ClusterConfig, Flavor, NodeConfig, Observation, Observe};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the hosts stand; the test turns the switches.
#[derive(Default)]
pub(super) struct Hosts(Mutex<HashMap<String, Observation>>);

impl Hosts {
    pub(super) fn set(&self, node: &str, change: impl FnOnce(&mut Observation)) {
        let mut hosts = self.0.lock().unwrap();
        change(hosts.entry(node.to_owned()).or_insert_with(healthy));
    }
}

impl Observe for Hosts {
    fn observe(&self, node: &str) -> Observation {
        self.0
            .lock()
            .unwrap()
            .get(node)
            .cloned()
            .unwrap_or_else(healthy)
    }
}

fn healthy() -> Observation {
    Observation {
        kubelet_running: true,
        kubelet_version: "v1.35.6".to_owned(),
        api_running: true,
        api_version: "v1.35.6".to_owned(),
        ..Observation::default()
    }
}

/// One cluster of `cp1`, `cp2` and workers, in a folder of its own.
pub(super) struct Lab {
    pub(super) hosts: Arc<Hosts>,
    pub(super) cluster: Arc<Cluster>,
    folder: tempfile::TempDir,
    workers: usize,
}

impl Lab {
    pub(super) async fn start(workers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hosts = Arc::new(Hosts::default());
        let cluster = Cluster::start(
            config(folder.path().join("state.json"), workers),
            hosts.clone(),
        )
        .await
        .unwrap();
        Self {
            hosts,
            cluster,
            folder,
            workers,
        }
    }

    /// Ends the process, as far as the cluster can tell, and starts it again with so many workers.
    pub(super) async fn restart(self, workers: usize) -> Self {
        let Self {
            hosts,
            cluster,
            folder,
            ..
        } = self;
        drop(cluster);
        let cluster = Cluster::start(
            config(folder.path().join("state.json"), workers),
            hosts.clone(),
        )
        .await
        .unwrap();
        Self {
            hosts,
            cluster,
            folder,
            workers,
        }
    }

    /// What a second process would find if this one were killed now.
    pub(super) async fn after_a_kill(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["state.json", "state.json.log"] {
            std::fs::copy(self.folder.path().join(name), folder.path().join(name)).unwrap();
        }
        let hosts = self.hosts.clone();
        let config = config(folder.path().join("state.json"), self.workers);
        let cluster = Cluster::start(config, hosts.clone()).await.unwrap();
        Self {
            hosts,
            cluster,
            folder,
            workers: self.workers,
        }
    }

    pub(super) fn client(&self, node: &str) -> Api {
        Api::new(&self.cluster.kubeconfig(node).unwrap(), true)
    }

    pub(super) fn stranger(&self, node: &str) -> Api {
        Api::new(&self.cluster.kubeconfig(node).unwrap(), false)
    }
}

fn config(state_file: PathBuf, workers: usize) -> ClusterConfig {
    let node = |name: String, control_plane, last: usize| NodeConfig {
        name,
        control_plane,
        internal_ip: format!("192.0.2.{last}"),
    };
    let mut nodes = vec![
        node("cp1".to_owned(), true, 1),
        node("cp2".to_owned(), true, 2),
    ];
    nodes.extend((1..=workers).map(|index| node(format!("w{index}"), false, 10 + index)));
    ClusterConfig {
        name: "lab".to_owned(),
        flavor: Flavor::Kubernetes,
        nodes,
        state_file,
    }
}

/// A client of one endpoint.
pub(super) struct Api {
    server: String,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Api {
    fn new(kubeconfig: &str, with_certificate: bool) -> Self {
        let field = |name: &str| {
            let line = kubeconfig
                .lines()
                .find(|line| line.trim_start().starts_with(name))
                .unwrap();
            line.split_once(": ").unwrap().1.to_owned()
        };
        let pem = |name: &str| STANDARD.decode(field(name)).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pem("certificate-authority-data")).unwrap())
            .unwrap();
        let tls =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots);
        let tls = if with_certificate {
            let chain =
                vec![CertificateDer::from_pem_slice(&pem("client-certificate-data")).unwrap()];
            tls.with_client_auth_cert(
                chain,
                PrivateKeyDer::from_pem_slice(&pem("client-key-data")).unwrap(),
            )
            .unwrap()
        } else {
            tls.with_no_client_auth()
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .build();
        Self {
            server: field("server"),
            http: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// One request; `None` if the connection fails or breaks.
    pub(super) async fn try_send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> Option<(u16, String)> {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .unwrap();
        let response = self.http.request(request).await.ok()?;
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((code, String::from_utf8(body.to_vec()).unwrap()))
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> (u16, Value) {
        let (code, text) = self
            .try_send(method, path, kind, body)
            .await
            .expect("the endpoint answers");
        (
            code,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, "application/json", &Value::Null)
            .await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, "application/json", body)
            .await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::PUT, path, "application/json", body).await
    }

    pub(super) async fn merge(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::PATCH, path, "application/merge-patch+json", body)
            .await
    }

    pub(super) async fn items(&self, path: &str) -> Vec<Value> {
        let (code, list) = self.get(path).await;
        assert_eq!(code, 200, "{list}");
        list["items"].as_array().unwrap().clone()
    }
}

/// Asks again until the answer is as it should be; a generous limit only ends a test that hangs.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    for _ in 0..3_000 {
        if ask().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
