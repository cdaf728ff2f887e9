//! The files of the pages: Swagger UI as its crate carries it, and two of our own. The archive is compressed as gzip
//! wants it, so that browsers get its bytes as they are and no request costs a compression.

use std::io::{Cursor, Read};

use bytes::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::result::ZipResult;
use zip::{CompressionMethod, ZipArchive};

/// The files taken, by the ends of their names in the archive; their names below `/docs`, and their types.
const TAKEN: &[(&str, &str, &str)] = &[
    ("dist/swagger-ui-bundle.js", "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("dist/swagger-ui.css", "swagger-ui.css", "text/css; charset=utf-8"),
    ("dist/favicon-32x32.png", "favicon.png", "image/png"),
];

/// A file that is served.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// What it is known by, in either form; without quotes.
    pub(super) tag: String,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Plain(Bytes),
    /// By its place in the archive, and as gzip.
    Packed(usize, Bytes),
}

impl Asset {
    /// As gzip, where it is kept so.
    pub(super) fn packed(&self) -> Option<Bytes> {
        match &self.form {
            Form::Plain(_) => None,
            Form::Packed(_, bytes) => Some(bytes.clone()),
        }
    }

    /// As it is.
    pub(super) fn plain(&self) -> ZipResult<Bytes> {
        match &self.form {
            Form::Plain(bytes) => Ok(bytes.clone()),
            Form::Packed(index, _) => {
                let mut bytes = Vec::new();
                archive()?.by_index(*index)?.read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
}

/// All that the pages need. The page itself has no name.
pub(super) fn assets() -> ZipResult<Vec<Asset>> {
    let page = ours("", "text/html; charset=utf-8", include_str!("index.html"));
    let start = ours("start.js", "text/javascript; charset=utf-8", include_str!("start.js"));
    let mut archive = archive()?;
    let taken: Vec<(usize, &(&str, &str, &str))> = (archive.file_names().enumerate())
        .filter_map(|(index, path)| {
            let path = path.ok()?;
            // Below a folder that is named by the version.
            let (_, path) = path.split_once('/')?;
            TAKEN.iter().find(|(end, ..)| path == *end).map(|found| (index, found))
        })
        .collect();
    let theirs = taken.into_iter().map(|(index, (_, name, kind))| packed(&mut archive, index, (name, kind)));
    [page, start].into_iter().map(Ok).chain(theirs).collect()
}

type Archive = ZipArchive<Cursor<&'static [u8]>>;

fn archive() -> ZipResult<Archive> {
    ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))
}

fn ours(name: &'static str, kind: &'static str, text: &'static str) -> Asset {
    let (size, version) = (text.len(), env!("CARGO_PKG_VERSION"));
    Asset { name, kind, tag: format!("{version}-{size:x}"), form: Form::Plain(text.into()) }
}

/// A file of the archive, between the head and the foot of gzip (RFC 1952 section 2.3) where it is compressed.
fn packed(
    archive: &mut Archive,
    index: usize,
    (name, kind): (&'static str, &'static str),
) -> ZipResult<Asset> {
    let mut file = archive.by_index_raw(index)?;
    // The foot holds the size modulo 2^32.
    let (sum, size) = (file.crc32().to_le_bytes(), (file.size() as u32).to_le_bytes());
    let tag = format!("{:08x}", file.crc32());
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let head: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    // Pictures are kept as they are.
    let form = match file.compression() == CompressionMethod::Deflated {
        true => Form::Packed(index, [head, &bytes, &sum, &size].concat().into()),
        false => Form::Plain(bytes.into()),
    };
    Ok(Asset { name, kind, tag, form })
}
