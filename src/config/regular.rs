//! Reads whole files, and only what is one: a pipe or a device may never end.

use std::fs::{File, FileType, Metadata};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The largest file that is read, in MiB: hundreds of times what people write, and read in a moment.
const LARGEST: u64 = 16;

/// The bytes of a regular file.
///
/// # Errors
/// Why it cannot be read, with its name.
pub(in crate::config) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let refuse = |why: String| format!("cannot read {}: {why}", path.display());
    let failed = |error: std::io::Error| refuse(error.to_string());
    // Before it is opened: to open a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    check_kind(&metadata).map_err(refuse)?;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // The size that is stated may change, and is 0 in /proc.
    file.take(LARGEST << 20 | 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > LARGEST << 20 {
        true => Err(refuse(format!("it is larger than {LARGEST} MiB"))),
        false => Ok(bytes),
    }
}

fn check_kind(metadata: &Metadata) -> Result<(), String> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(format!("it is {}, and only regular files are read", noun(metadata.file_type()))),
    }
}

fn noun(kind: FileType) -> &'static str {
    match kind {
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}
