//! `/api/v1/products/{id}/image`: the picture of a product. It is served under a policy that lets it do nothing, whatever
//! somebody may have hidden in it.

mod sent;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::sent::Sent;
use super::asked::{Asked, problem};
use super::envelope::Success;
use super::openapi::words;
use crate::domain::Images;
use crate::error::Kind;
use crate::http::Problem;
use crate::model::{ImageKind, ProductId};

/// A picture runs nothing, loads nothing and is framed by nobody, even if a browser takes it for a page.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");
/// It may be kept by the client alone, and is asked about after a while.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=60");
const BY_CALLER: HeaderValue = HeaderValue::from_static("Authorization, Cookie");

pub(super) fn routes() -> OpenApiRouter<Images> {
    // What is sent is counted where it is read.
    OpenApiRouter::new().routes(routes!(show, put, remove)).layer(DefaultBodyLimit::disable())
}

/// What is known of a picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductImage)]
struct Shown {
    #[schema(schema_with = media_types)]
    content_type: &'static str,
    /// In pixels.
    #[schema(minimum = 1)]
    width: i32,
    /// In pixels.
    #[schema(minimum = 1)]
    height: i32,
    /// In bytes.
    #[schema(minimum = 1)]
    size: usize,
}

fn media_types() -> Object {
    words(ImageKind::ALL.map(ImageKind::media_type))
}

/// Show the image of a product
#[utoipa::path(
    get, path = "/api/v1/products/{id}/image", tag = "products", operation_id = "getProductImage",
    params(("id" = Uuid, Path, description = "The id of the product."),
           ("tenant_id" = Option<Uuid>, Query, description = "The tenant to act in, for those who run the platform.")),
    responses(
        (status = 200, description = "The image as it was sent.",
         content(("image/gif"), ("image/jpeg"), ("image/png"), ("image/webp")),
         headers(("ETag" = String, description = "It changes with the image."))),
        (status = 304, description = "The client has it already."),
    ),
)]
async fn show(
    State(images): State<Images>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let kept = images.get(&*asked.acting()?, id_of(&id)?, &asked.visit).await.map_err(problem)?;
    let tag = tag(&kept.digest);
    let common = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, KEPT),
        (header::VARY, BY_CALLER),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if headers.get_all(header::IF_NONE_MATCH).iter().any(|known| is_among(&tag, known)) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kept.image.kind.media_type()))];
    Ok((common, kind, kept.image.bytes).into_response())
}

/// Give a product an image
///
/// As it is, or as the only file of a form. It takes the place of the one before. The name of a file is not looked at.
#[utoipa::path(
    put, path = "/api/v1/products/{id}/image", tag = "products", operation_id = "putProductImage",
    params(("id" = Uuid, Path, description = "The id of the product."),
           ("tenant_id" = Option<Uuid>, Query, description = "The tenant to act in, for those who run the platform.")),
    request_body(content(
        (sent::File = "image/png"), (sent::File = "image/jpeg"), (sent::File = "image/webp"),
        (sent::File = "image/gif"), (sent::Form = "multipart/form-data"),
    )),
    responses((status = 200, description = "What is known of it.", body = Success<Shown>,
               headers(("ETag" = String, description = "It changes with the image.")))),
)]
async fn put(
    State(images): State<Images>,
    asked: Asked,
    Path(id): Path<String>,
    Sent(image): Sent,
) -> Result<Response, Problem> {
    let (caller, id) = (asked.acting()?, id_of(&id)?);
    let digest = images.put(&caller, id, &image, &asked.visit).await.map_err(problem)?;
    let (content_type, size) = (image.kind.media_type(), image.bytes.len());
    let shown = Shown { content_type, width: image.width, height: image.height, size };
    Ok(([(header::ETAG, tag(&digest))], Success::new(shown)).into_response())
}

/// Take the image of a product away
#[utoipa::path(
    delete, path = "/api/v1/products/{id}/image", tag = "products", operation_id = "deleteProductImage",
    params(("id" = Uuid, Path, description = "The id of the product."),
           ("tenant_id" = Option<Uuid>, Query, description = "The tenant to act in, for those who run the platform.")),
    responses((status = 204, description = "It has none now.")),
)]
async fn remove(
    State(images): State<Images>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    images.delete(&*asked.acting()?, id_of(&id)?, &asked.visit).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is no product's.
fn id_of(text: &str) -> Result<ProductId, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such thing"))
}

/// Twelve hexadecimal digits, which a header may hold.
fn tag(digest: &[u8]) -> HeaderValue {
    let digits: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("\"{digits}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

fn is_among(tag: &HeaderValue, known: &HeaderValue) -> bool {
    let known = known.to_str().unwrap_or_default();
    known
        .split(',')
        .map(str::trim)
        .any(|it| it == "*" || it.trim_start_matches("W/").as_bytes() == tag.as_bytes())
}
