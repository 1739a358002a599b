//! One cluster, through whichever of its control-plane hosts answers.
//!
//! Every request that this room sends may be repeated: reads; patches that name the resourceVersion they were decided on;
//! evictions and deletions that name the pod's uid. So a request whose outcome is unknown is simply sent again through
//! the next host.

use super::access::Access;
use super::{ClusterError, Dial, here, kubectl, tunnel};
use futures::TryStreamExt as _;
use http::{Method, Request, header};
use kube::core::WatchEvent;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// Requests under way at once; each is a channel of the SSH connection and a TLS stream.
const PARALLEL: usize = 8;
/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// How long a single request may be tried again while no API server is there: one that restarts needs about this.
const PATIENCE: Duration = Duration::from_secs(45);

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS through an SSH channel.
    Tunnel,
    /// `kubectl --raw` on the control-plane host, since its SSH server refuses forwarding.
    Kubectl,
    /// HTTPS from the controller, by a kubeconfig that lies there.
    Direct,
}

impl Transport {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tunnel => "tunnel",
            Self::Kubectl => "kubectl",
            Self::Direct => "direct",
        }
    }
}

/// A request to the API.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Call {
    /// Reads `path`, query included.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            content_type: "application/json",
            body: Vec::new(),
        }
    }

    /// Creates.
    pub(super) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            content_type: "application/json",
            body: body.to_string().into_bytes(),
        }
    }

    /// Deletes, with options.
    pub(super) fn delete(path: impl Into<String>, options: &Value) -> Self {
        Self {
            method: Method::DELETE,
            path: path.into(),
            content_type: "application/json",
            body: options.to_string().into_bytes(),
        }
    }

    /// Changes by RFC 7386 merge.
    pub(super) fn merge(path: impl Into<String>, body: &Value) -> Self {
        Self {
            method: Method::PATCH,
            path: path.into(),
            content_type: "application/merge-patch+json",
            body: body.to_string().into_bytes(),
        }
    }

    fn request(&self) -> Result<Request<Vec<u8>>, ClusterError> {
        Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::ACCEPT, "application/json")
            .body(self.body.clone())
            .map_err(|_| ClusterError::Invalid(format!("cannot ask for {}", self.path)))
    }
}

/// The API server behind one control-plane host.
pub(super) struct Endpoint {
    host: String,
    client: kube::Client,
    transport: Transport,
}

impl Endpoint {
    /// The API server where the host's kubeconfig says it is; by kubectl when the host refuses forwarding.
    async fn open(
        dial: &Arc<dyn Dial>,
        host: &str,
        kubeconfig: &str,
    ) -> Result<Self, ClusterError> {
        if let Some(path) = here::path(kubeconfig)? {
            let access = Access::read(&here::Here, host, &path).await?;
            return Ok(Self {
                host: host.to_owned(),
                client: tunnel::client(Arc::new(here::Here), host, &access, None)?,
                transport: Transport::Direct,
            });
        }
        let access = Access::read(dial.as_ref(), host, kubeconfig).await?;
        let tunnelled = Self {
            host: host.to_owned(),
            client: tunnel::client(dial.clone(), host, &access, None)?,
            transport: Transport::Tunnel,
        };
        // Nothing else tells whether forwarding is allowed. A refusal of the path is an answer, too.
        match tunnelled.json::<Value>(&Call::get("/version")).await {
            Ok(_) | Err(ClusterError::Refused { .. }) => Ok(tunnelled),
            Err(ClusterError::ForwardingRefused { .. }) => Ok(Self {
                host: host.to_owned(),
                client: kubectl::client(dial.clone(), host, kubeconfig).await?,
                transport: Transport::Kubectl,
            }),
            Err(error) => Err(error),
        }
    }

    /// The API server that listens at `to`, as seen from `host`, and no other.
    pub(super) async fn direct(
        dial: &Arc<dyn Dial>,
        host: &str,
        kubeconfig: &str,
        address: &str,
        port: Option<u16>,
    ) -> Result<Self, ClusterError> {
        let access = match here::path(kubeconfig)? {
            Some(path) => Access::read(&here::Here, here::NAME, &path).await?,
            None => Access::read(dial.as_ref(), host, kubeconfig).await?,
        };
        let to = (address.to_owned(), port.unwrap_or(access.server_port));
        Ok(Self {
            host: host.to_owned(),
            client: tunnel::client(dial.clone(), host, &access, Some(to))?,
            transport: Transport::Tunnel,
        })
    }

    /// Sends a request once.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClusterError> {
        self.limited(self.client.request::<T>(call.request()?))
            .await
    }

    /// Sends a request once; the answer is text.
    pub(super) async fn text(&self, call: &Call) -> Result<String, ClusterError> {
        self.limited(self.client.request_text(call.request()?))
            .await
    }

    /// Starts a watch and waits for its first event; the answer is the object. `None` when it ended without one.
    pub(super) async fn first_event(&self, call: &Call) -> Result<Option<Value>, ClusterError> {
        let request = call.request()?;
        let first = async {
            let events = self.client.request_events::<Value>(request).await?;
            let mut events = std::pin::pin!(events);
            events.try_next().await
        };
        Ok(match self.limited(first).await? {
            Some(WatchEvent::Added(object) | WatchEvent::Modified(object)) => Some(object),
            _ => None,
        })
    }

    async fn limited<T>(
        &self,
        answer: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        match timeout(REQUEST_LIMIT, answer).await {
            Ok(result) => result.map_err(|error| ClusterError::from_kube(&self.host, &error)),
            Err(_) => Err(ClusterError::Lost {
                host: self.host.clone(),
                message: format!("no answer in {} s", REQUEST_LIMIT.as_secs()),
            }),
        }
    }
}

/// A cluster, reached through its control-plane hosts.
pub struct Cluster {
    dial: Arc<dyn Dial>,
    hosts: Vec<(String, OnceCell<Endpoint>)>,
    kubeconfig: String,
    /// The host that answered last.
    current: AtomicUsize,
    permits: Semaphore,
    patience: Duration,
}

impl Cluster {
    /// The cluster behind `hosts`, names in the inventory in the order to try; `kubeconfig` is a path on each of them, or
    /// `controller:PATH` for one on the controller, by which no host is needed.
    ///
    /// Succeeds when one of them has an API server that answers.
    pub async fn open(
        dial: Arc<dyn Dial>,
        hosts: Vec<String>,
        kubeconfig: &str,
    ) -> Result<Self, ClusterError> {
        Self::open_within(dial, hosts, kubeconfig, PATIENCE).await
    }

    pub(super) async fn open_within(
        dial: Arc<dyn Dial>,
        hosts: Vec<String>,
        kubeconfig: &str,
        patience: Duration,
    ) -> Result<Self, ClusterError> {
        if hosts.is_empty() {
            return Err(ClusterError::Invalid(
                "no control-plane host is named".to_owned(),
            ));
        }
        // By one on the controller there is only one way.
        let hosts = match here::path(kubeconfig)? {
            Some(_) => vec![here::NAME.to_owned()],
            None => hosts,
        };
        let cluster = Self {
            dial,
            hosts: hosts
                .into_iter()
                .map(|host| (host, OnceCell::new()))
                .collect(),
            kubeconfig: kubeconfig.to_owned(),
            current: AtomicUsize::new(0),
            permits: Semaphore::new(PARALLEL),
            patience,
        };
        let probe = Call::get("/version");
        match cluster.patiently(|| cluster.json::<Value>(&probe)).await {
            Ok(_) | Err(ClusterError::Refused { .. }) => Ok(cluster),
            Err(error) => Err(error),
        }
    }

    /// How the requests travel now; `None` before the first answer.
    pub fn transport(&self) -> Option<Transport> {
        let at = self.current.load(Ordering::Relaxed);
        self.hosts.get(at)?.1.get().map(|each| each.transport)
    }

    /// Sends a request through the host that answered last, or else through the others, each once.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClusterError> {
        // The semaphore is never closed; without a permit the request would only be less polite.
        let _permit = self.permits.acquire().await;
        let count = self.hosts.len();
        let first = self.current.load(Ordering::Relaxed);
        let mut errors = Vec::new();
        for step in 0..count {
            let at = (first + step) % count;
            let (host, slot) = &self.hosts[at];
            let answer = async {
                let endpoint = slot
                    .get_or_try_init(|| Endpoint::open(&self.dial, host, &self.kubeconfig))
                    .await?;
                endpoint.json(call).await
            };
            match answer.await {
                Err(error) if error.is_about_the_host() => errors.push(error),
                Err(error) => {
                    self.current.store(at, Ordering::Relaxed);
                    return Err(error);
                }
                Ok(value) => {
                    self.current.store(at, Ordering::Relaxed);
                    return Ok(value);
                }
            }
        }
        Err(if errors.len() == 1 {
            errors.remove(0)
        } else {
            ClusterError::NoHost(errors)
        })
    }

    /// Does `action` again for a while as long as no API server is there.
    pub(super) async fn patiently<T, F: Future<Output = Result<T, ClusterError>>>(
        &self,
        action: impl Fn() -> F,
    ) -> Result<T, ClusterError> {
        let until = Instant::now() + self.patience;
        loop {
            match action().await {
                Err(error) if error.is_temporary() && Instant::now() < until => {
                    sleep(Duration::from_secs(1)).await;
                }
                result => return result,
            }
        }
    }
}
