//! What hosts tell of themselves: the heartbeats of their kubelets and API servers, as the lab's API sees them.
//!
//! A process runs as long as its connection is open and it speaks. So a stopped unit is noticed at once, and a host whose
//! link is cut after a while, as in a real cluster.

use jiff::Timestamp;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use windlass::lab::cluster::{ControlPlane, Observation, Observe};

/// After how long a silent process counts as gone.
const SILENCE: Duration = Duration::from_secs(3);

/// The newest word of one process.
#[derive(Clone, Debug)]
struct Word {
    connection: u64,
    at: Instant,
    version: String,
    started: Option<Timestamp>,
    state: String,
}

/// What was heard, by kind and node.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    heard: Mutex<HashMap<(String, String), Word>>,
}

impl Reports {
    /// Listens on a free port of this address, until the process ends.
    pub(crate) fn listen(self: &Arc<Self>, address: IpAddr) -> SocketAddr {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let reports = Arc::clone(self);
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for (number, stream) in (0..).zip(listener.incoming().flatten()) {
                let reports = Arc::clone(&reports);
                std::thread::spawn(move || reports.hear(number, stream));
            }
        });
        at
    }

    fn hear(&self, connection: u64, stream: TcpStream) {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            let [kind, node, version, started, state] = words[..] else {
                return;
            };
            let word = Word {
                connection,
                at: Instant::now(),
                version: version.to_owned(),
                started: started
                    .parse()
                    .ok()
                    .and_then(|at| Timestamp::from_second(at).ok()),
                state: state.to_owned(),
            };
            let key = (kind.to_owned(), node.to_owned());
            let mut heard = self.heard.lock().unwrap();
            // What an old process said is read late where the machine is busy; the new one has the last word.
            let newer = heard.get(&key).is_some_and(|it| it.connection > connection);
            if !newer {
                heard.insert(key, word);
            }
        }
        // A new process may have spoken before the old one's connection was seen to end.
        let mut heard = self.heard.lock().unwrap();
        heard.retain(|_, word| word.connection != connection);
    }

    fn of(&self, kind: &str, node: &str) -> Option<Word> {
        let key = (kind.to_owned(), node.to_owned());
        let word = self.heard.lock().unwrap().get(&key).cloned();
        word.filter(|word| word.at.elapsed() < SILENCE)
    }
}

/// The lab's API looks at hosts through this.
pub(crate) struct Eyes(pub(crate) Arc<Reports>);

impl Observe for Eyes {
    fn observe(&self, node: &str) -> Observation {
        let kubelet = self.0.of("kubelet", node);
        let api = self.0.of("api", node);
        Observation {
            kubelet_running: kubelet.is_some(),
            never_ready: kubelet
                .as_ref()
                .is_some_and(|word| word.state == "not-ready"),
            kubelet_started: kubelet.as_ref().and_then(|word| word.started),
            kubelet_version: kubelet.map(|word| word.version).unwrap_or_default(),
            stale_heartbeat: false,
            api_running: api.is_some(),
            api_emulated: None,
            control_plane: ControlPlane::default(),
            api_version: api.map(|word| word.version).unwrap_or_default(),
        }
    }
}
