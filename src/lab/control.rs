//! The pipe on which stand-ins and other processes tell the running lab what changed.
//!
//! A message is one short line, `WHAT HOST`, written at once: the system does not mix such writes. So an idle lab polls
//! nothing. When no lab runs, nobody reads the pipe and the message is lost, which is right: a lab that starts looks at
//! the folders itself.

use super::error::LabError;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;

/// What a running lab can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Cut the connections of this host; a stand-in waits for it.
    Cut(String),
    /// The faults of this host changed.
    Faults(String),
    /// Reboot this host; a stand-in waits until that ends it.
    Reboot(String),
}

impl Message {
    fn parse(line: &str) -> Option<Self> {
        let (what, host) = line.split_once(' ')?;
        let host = host.to_owned();
        match what {
            "cut" => Some(Self::Cut(host)),
            "faults" => Some(Self::Faults(host)),
            "reboot" => Some(Self::Reboot(host)),
            _ => None,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Cut(host) => format!("cut {host}\n"),
            Self::Faults(host) => format!("faults {host}\n"),
            Self::Reboot(host) => format!("reboot {host}\n"),
        }
    }
}

/// The lab's end of the pipe.
pub(super) struct Control {
    lines: Lines<BufReader<pipe::Receiver>>,
    // While this end is open the other writers may come and go without ending the stream.
    _keep: pipe::Sender,
}

impl Control {
    /// Makes the pipe anew and opens it.
    pub(super) fn open(path: &Path) -> Result<Self, LabError> {
        let what = || format!("cannot make the pipe {}", path.display());
        make(path).map_err(LabError::io(what()))?;
        let receiver = pipe::OpenOptions::new()
            .open_receiver(path)
            .map_err(LabError::io(what()))?;
        let keep = pipe::OpenOptions::new()
            .open_sender(path)
            .map_err(LabError::io(what()))?;
        Ok(Self {
            lines: BufReader::with_capacity(512, receiver).lines(),
            _keep: keep,
        })
    }

    /// The next message. Lines that make no sense are skipped: any process of a host can write here.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        loop {
            match self.lines.next_line().await {
                Ok(Some(line)) => {
                    if let Some(message) = Message::parse(&line) {
                        return Ok(message);
                    }
                }
                Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let status = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("mkfifo failed"))
    }
}

/// Tells the lab that runs with this pipe, if there is one.
pub(super) fn tell(path: &Path, message: &Message) -> io::Result<()> {
    // Opened for both directions, so that it does not wait for a reader that may not be there.
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(mut pipe) => pipe.write_all(message.line().as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_arrive_and_nonsense_does_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("control");
        tell(&path, &Message::Cut("nobody".to_owned())).unwrap();
        let mut control = Control::open(&path).unwrap();
        let mut stranger = OpenOptions::new().write(true).open(&path).unwrap();
        stranger.write_all(b"dance web1\n\xff\xfe\ncut\n").unwrap();
        drop(stranger);
        for message in [
            Message::Cut("web1".to_owned()),
            Message::Faults("a host".to_owned()),
            Message::Reboot("web1".to_owned()),
        ] {
            tell(&path, &message).unwrap();
            assert_eq!(control.next().await.unwrap(), message);
        }
    }

    #[tokio::test]
    async fn telling_a_lab_that_ended_does_not_wait() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("control");
        drop(Control::open(&path).unwrap());
        tell(&path, &Message::Faults("web1".to_owned())).unwrap();
    }
}
