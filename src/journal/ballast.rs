//! Room on the disk that is held for the end of a run: a file that goes overboard when the disk is full.
//!
//! A run whose journal cannot be written changes nothing more, but its hosts still go back and it still ends, and that
//! is worth keeping. Other programs may take the room that becomes free; then the end is lost, and nothing else.

use super::medium::{new_file, sync_folder};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How much room is held, in bytes: the ways back of some hundred hosts.
const SIZE: usize = 256 * 1024;

/// The file that holds the room.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// Takes the room now, or says that it is not there.
    pub(super) fn take_room(path: &Path) -> io::Result<Self> {
        let mut file = new_file(path)?;
        let written = file.write_all(&filling()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Whatever part of it was written would only be in the way.
            let _removed = fs::remove_file(path);
            return Err(error);
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Gives the room back.
    pub(super) fn drop_it(self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        match self.path.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    }
}

/// Bytes that no file system makes smaller: holes and runs of zeros take no room on some.
fn filling() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(SIZE);
    while bytes.len() < SIZE {
        // Marsaglia's xorshift: it need not be good, only not compressible.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_room_is_really_taken_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        let ballast = Ballast::take_room(&path).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.len(), SIZE as u64);
        // Counted in units of 512 bytes, whatever the file system's blocks are.
        assert!(found.blocks() * 512 >= SIZE as u64, "{}", found.blocks());
        assert!(Ballast::take_room(&path).is_err(), "it is taken once");
        ballast.drop_it().unwrap();
        assert!(!path.exists());
    }
}
