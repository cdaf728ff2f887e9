//! A picture that a client sends: as it is, or as the only file of a form. Its content must be what it is said to be, and
//! of a size that can be shown.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use imagesize::ImageType;
use utoipa::ToSchema;

use crate::config::{Rest, Settings};
use crate::error::Kind;
use crate::http::Problem;
use crate::model::{Image, ImageKind};

/// What a form may add to it.
const ENVELOPE: usize = 4 << 10;
/// Longest side, in pixels.
const LONGEST_SIDE: usize = 10_000;

/// A picture that was looked at.
#[derive(Debug)]
pub(super) struct Sent(pub(super) Image);

/// The bytes of a picture.
#[derive(Debug, ToSchema)]
#[schema(as = ImageFile, value_type = String, format = Binary)]
pub(super) struct File(#[expect(dead_code, reason = "it stands for a body")] Bytes);

/// A form with a file.
#[derive(Debug, ToSchema)]
#[schema(as = ImageForm)]
pub(super) struct Form {
    /// The picture. The name of the member does not matter.
    #[schema(value_type = String, format = Binary)]
    #[expect(dead_code, reason = "forms are read part by part")]
    image: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let settings = head.extensions.get::<Arc<Settings>>();
        let most = settings.map(|settings| settings.rest.image_bytes).unwrap_or(Rest::default().image_bytes);
        let most = usize::try_from(most.bytes()).unwrap_or(usize::MAX);
        let declared = media_type(&head.headers);
        if declared == "multipart/form-data" {
            let body = read(body, most.saturating_add(ENVELOPE)).await?;
            let form = Multipart::from_request(Request::from_parts(head, Body::from(body)), state).await;
            let (declared, bytes) =
                only_file(form.map_err(|error| invalid(&error.body_text()))?, most).await?;
            // A part need not say what it is: then its content does.
            let declared = match kind_of(&bytes) {
                Some(kind) if declared.is_empty() => kind.media_type().to_owned(),
                _ => declared,
            };
            return if bytes.len() > most {
                Err(too_large(most))
            } else {
                checked(&declared, bytes).map(Self)
            };
        }
        checked(&declared, read(body, most).await?).map(Self)
    }
}

/// The only part of a form, with the type it is said to have.
async fn only_file(mut form: Multipart, most: usize) -> Result<(String, Bytes), Problem> {
    let unread = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(most),
        _ => invalid(&error.body_text()),
    };
    let field: Field<'_> =
        form.next_field().await.map_err(unread)?.ok_or_else(|| fault("the form has no file"))?;
    let declared = media_type(field.headers());
    let bytes = field.bytes().await.map_err(unread)?;
    match form.next_field().await.map_err(unread)? {
        None => Ok((declared, bytes)),
        Some(_) => Err(fault("the form has more than one part")),
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let said = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    to_bytes(body, most).await.map_err(|error| {
        let first: Option<&dyn std::error::Error> = Some(&error);
        let mut causes = std::iter::successors(first, |cause| cause.source());
        match causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            true => too_large(most),
            false => Problem::new(Kind::Invalid, "the body broke off"),
        }
    })
}

/// A picture that is what it is said to be.
fn checked(declared: &str, bytes: Bytes) -> Result<Image, Problem> {
    let Some(kind) = ImageKind::ALL.into_iter().find(|kind| kind.media_type() == declared) else {
        let types = ImageKind::ALL.map(ImageKind::media_type).join(", ");
        let problem = Problem::new(Kind::Invalid, format!("send an image, as one of {types}"));
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem { status, ..problem }.with_code("unsupported_media_type"));
    };
    if kind_of(&bytes) != Some(kind) {
        return Err(fault(&format!("the content is not {declared}")));
    }
    let size =
        imagesize::blob_size(&bytes).map_err(|_| fault(&format!("the content is broken as {declared}")))?;
    let side = |length: usize| i32::try_from(length).ok().filter(|_| (1..=LONGEST_SIDE).contains(&length));
    let too_large =
        || fault(&format!("{} by {} pixels: sides are from 1 to {LONGEST_SIDE}", size.width, size.height));
    let (width, height) = side(size.width).zip(side(size.height)).ok_or_else(too_large)?;
    Ok(Image { kind, width, height, bytes: bytes.into() })
}

/// What the first bytes say that it is.
fn kind_of(bytes: &[u8]) -> Option<ImageKind> {
    let kinds = [
        (ImageType::Gif, ImageKind::Gif),
        (ImageType::Jpeg, ImageKind::Jpeg),
        (ImageType::Png, ImageKind::Png),
        (ImageType::Webp, ImageKind::Webp),
    ];
    let found = imagesize::image_type(bytes).ok()?;
    kinds.into_iter().find(|(theirs, _)| *theirs == found).map(|(_, ours)| ours)
}

fn too_large(most: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("the image is larger than the {most} bytes taken here"))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Kind::Invalid, format!("the form cannot be read: {detail}"))
}

fn fault(message: &str) -> Problem {
    let problem = Problem::new(Kind::Invalid, message);
    Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..problem }.with_code("validation_failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a GIF of this size.
    fn gif(width: u16, height: u16) -> Vec<u8> {
        [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), &[0, 0, 0, 0x3b]].concat()
    }

    async fn sent(kind: &str, body: Vec<u8>) -> Result<Image, (u16, String)> {
        let request = Request::builder().header("content-type", kind).body(Body::from(body)).unwrap();
        let sent = Sent::from_request(request, &()).await;
        sent.map(|sent| sent.0).map_err(|problem| (problem.status.as_u16(), problem.detail))
    }

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, bytes) in parts {
            body.extend_from_slice(
                b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../etc/passwd\"\r\n",
            );
            body.extend_from_slice(format!("Content-Type: {kind}\r\n\r\n").as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        body
    }

    #[tokio::test]
    async fn an_image_is_taken_as_it_is_and_as_the_only_file_of_a_form() {
        let image = sent("image/gif", gif(3, 4)).await.unwrap();
        assert_eq!((image.kind, image.width, image.height), (ImageKind::Gif, 3, 4));
        let form = form(&[("image/gif", &gif(3, 4))]);
        assert_eq!(sent("multipart/form-data; boundary=x", form).await.unwrap(), image);
    }

    #[tokio::test]
    async fn what_is_not_what_it_is_said_to_be_is_refused() {
        let refused = async |kind: &str, body: Vec<u8>| sent(kind, body).await.unwrap_err().0;
        assert_eq!(refused("image/png", gif(3, 4)).await, 422);
        assert_eq!(refused("image/gif", b"<svg onload=alert(1)>".to_vec()).await, 422);
        assert_eq!(refused("image/svg+xml", b"<svg/>".to_vec()).await, 415);
        assert_eq!(refused("", gif(3, 4)).await, 415);
        assert_eq!(refused("image/gif", Vec::new()).await, 422);
        let form_of = |parts: &[(&str, &[u8])]| form(parts);
        let many = form_of(&[("image/gif", &gif(1, 1)), ("image/gif", &gif(1, 1))]);
        assert_eq!(refused("multipart/form-data; boundary=x", many).await, 422);
        assert_eq!(refused("multipart/form-data; boundary=x", form_of(&[])).await, 422);
        assert_eq!(refused("multipart/form-data", form_of(&[])).await, 400);
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused() {
        assert_eq!(sent("image/gif", gif(10_001, 1)).await.unwrap_err().0, 422);
        assert_eq!(sent("image/gif", gif(1, 0)).await.unwrap_err().0, 422);
        let padded = [gif(1, 1), vec![0; 2 << 20]].concat();
        assert_eq!(sent("image/gif", padded.clone()).await.unwrap_err().0, 413);
        let form = form(&[("image/gif", &padded)]);
        assert_eq!(sent("multipart/form-data; boundary=x", form).await.unwrap_err().0, 413);
    }
}
