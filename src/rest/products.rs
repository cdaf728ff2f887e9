//! `/api/v1/products`: the products of a tenant.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Asked, moment, problem};
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged, of_list, of_thing};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::representation::Representation;
use super::selection::{Members, Selection};
use crate::domain::Products;
use crate::error::{Kind, Result};
use crate::http::Problem;
use crate::model::{Direction, Money, Product, ProductDraft, ProductField, ProductId, ProductStatus};

/// Longest texts, in characters.
const LONGEST_SKU: usize = 64;
const LONGEST_NAME: usize = 200;
const LONGEST_DESCRIPTION: usize = 4000;
const MOST_STOCK: i64 = i32::MAX as i64;

/// What nobody sets, and what may come back with the rest of a document.
const GIVEN: &[&str] = &["id", "version", "created_at", "updated_at"];

pub(super) const OFFER: Offer<ProductField> = Offer {
    noun: "products",
    sort: (ProductField::CreatedAt, Direction::Descending),
    is_searched: true,
    members: Members {
        fields: &[
            "id",
            "sku",
            "name",
            "description",
            "price",
            "stock",
            "status",
            "version",
            "created_at",
            "updated_at",
        ],
        includes: &[],
    },
};

pub(super) fn routes() -> OpenApiRouter<Products> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
}

/// What may be asked of the list.
struct OfList;

impl IntoParams for OfList {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_list(&OFFER)
    }
}

/// What may be asked of one.
struct OfOne;

impl IntoParams for OfOne {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_thing(OFFER.members)
    }
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
struct Shown {
    #[schema(format = "uuid")]
    id: String,
    /// Its number in the tenant's catalogue.
    #[schema(examples("L-100"))]
    sku: String,
    #[schema(examples("A lamp"))]
    name: String,
    description: String,
    price: ShownMoney,
    /// How many are left.
    stock: i32,
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// It grows with each change.
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

fn statuses() -> Object {
    words(ProductStatus::WORDS.iter().copied())
}

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Money)]
#[serde(deny_unknown_fields)]
pub(super) struct ShownMoney {
    /// With as many digits behind the point as the currency has; fewer may be sent, and never more.
    #[schema(pattern = "^[0-9]{1,15}([.][0-9]{1,4})?$", examples("12.30"))]
    amount: String,
    /// Its three letters (ISO 4217).
    #[schema(pattern = "^[A-Z]{3}$", examples("EUR"))]
    currency: String,
}

impl From<&Money> for ShownMoney {
    fn from(money: &Money) -> Self {
        Self { amount: money.amount(), currency: money.currency.clone() }
    }
}

/// What a product is made from.
#[derive(Debug, ToSchema)]
#[schema(as = NewProduct)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a document that is taken apart member by member")]
struct Made {
    /// Its number in the tenant's catalogue.
    #[schema(min_length = 1, max_length = 64, examples("L-100"))]
    sku: String,
    #[schema(min_length = 1, max_length = 200, examples("A lamp"))]
    name: String,
    #[schema(max_length = 4000, nullable = false)]
    description: Option<String>,
    price: ShownMoney,
    /// 0 where nothing is said.
    #[schema(minimum = 0, nullable = false)]
    stock: Option<i32>,
    /// `active` where nothing is said.
    #[schema(schema_with = statuses, required = false)]
    status: Option<String>,
}

/// What a product is from now on.
#[derive(Debug, ToSchema)]
#[schema(as = ProductReplacement)]
#[expect(dead_code, reason = "it describes a document that is taken apart member by member")]
struct Replaced {
    #[schema(min_length = 1, max_length = 64, examples("L-100"))]
    sku: String,
    #[schema(min_length = 1, max_length = 200, examples("A lamp"))]
    name: String,
    /// Empty where nothing is said.
    #[schema(max_length = 4000, nullable = false)]
    description: Option<String>,
    price: ShownMoney,
    #[schema(minimum = 0)]
    stock: i32,
    #[schema(schema_with = statuses)]
    status: String,
}

/// List products
///
/// The newest first, unless `sort` says otherwise.
#[utoipa::path(
    get, path = "/api/v1/products", tag = "products", operation_id = "listProducts",
    params(OfList),
    responses((status = 200, description = "A page of products.", body = Paged<Shown>,
               headers(("ETag" = String, description = "A digest of the page."),
                       ("Link" = String, description = "The first, next and previous page (RFC 8288)."),
                       ("X-Total-Count" = u64, description = "How many there are, at least.")))),
)]
async fn list(State(products): State<Products>, asked: Asked) -> Result<Response, Problem> {
    let caller = asked.acting()?;
    let wanted = asked.listing(&OFFER, &caller)?;
    let most = asked.settings.rest.count_cap;
    let listed = products.list(&caller, &wanted.listing, (most, &asked.visit)).await;
    let found = listed.map_err(problem)?;
    let (page, count) = &*found.value;
    let page = wanted.page(page, *count, shown).map_err(problem)?;
    Ok(page.come_by(found.how).read(&asked.headers))
}

/// Show a product
#[utoipa::path(
    get, path = "/api/v1/products/{id}", tag = "products", operation_id = "getProduct",
    params(("id" = Uuid, Path, description = "The id of the product."), OfOne),
    responses((status = 200, description = "The product.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it.")))),
)]
async fn show(
    State(products): State<Products>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let found = products.get(&caller, id_of(&id)?, &asked.visit).await.map_err(problem)?;
    let product = represented(&found.value, &selection).map_err(problem)?;
    Ok(product.come_by(found.how).read(&asked.headers))
}

/// Make a product
#[utoipa::path(
    post, path = "/api/v1/products", tag = "products", operation_id = "createProduct",
    params(OfOne, IdempotencyKey,
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Made,
    responses((status = 201, description = "The new product.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."),
                       ("Location" = String, description = "Its path.")))),
)]
async fn create(
    State(products): State<Products>,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let (stock, status) = (stock(&mut document), status(&mut document));
    let keyed = document.keyed();
    let draft = draft(document, (stock.unwrap_or(0), status.unwrap_or(ProductStatus::Active)))?;
    let (by, visit, headers) = (caller.clone(), asked.visit.clone(), asked.headers.clone());
    let make = move |once| async move { products.create(&by, &draft, (&visit, &once)).await };
    let show = move |product: &Product| {
        let place = format!("/api/v1/products/{}", product.id);
        let made = represented(product, &selection).map(|made| made.located(&place));
        match made {
            Ok(made) => made.written(StatusCode::CREATED, &headers),
            Err(error) => problem(error).into_response(),
        }
    };
    asked.once((&caller, keyed), show, make).await
}

/// Replace a product
///
/// What is sent is all that is said of it. `id`, `version`, `created_at` and `updated_at` may come along, unread.
#[utoipa::path(
    put, path = "/api/v1/products/{id}", tag = "products", operation_id = "replaceProduct",
    params(("id" = Uuid, Path, description = "The id of the product."), OfOne,
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version."),
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Replaced,
    responses((status = 200, description = "The product as it is now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."))),
              (status = 204, description = "The same, where no document is wanted.")),
)]
async fn replace(
    State(products): State<Products>,
    asked: Asked,
    Path(id): Path<String>,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let which = (id_of(&id)?, &asked.expected()?);
    document.ignore(GIVEN);
    // What is left out of a replacement would be lost without a word.
    let (stock, status) = (stock(&mut document), status(&mut document));
    let (stock, status) = (document.needed("stock", stock), document.needed("status", status));
    let draft = draft(document, (stock, status))?;
    let product = products.update(&caller, which, &draft, &asked.visit).await.map_err(problem)?;
    let changed = represented(&product, &selection).map_err(problem)?;
    Ok(changed.written(StatusCode::OK, &asked.headers))
}

/// Take a product away
///
/// Orders of it keep its id.
#[utoipa::path(
    delete, path = "/api/v1/products/{id}", tag = "products", operation_id = "deleteProduct",
    params(("id" = Uuid, Path, description = "The id of the product."),
           ("tenant_id" = Option<Uuid>, Query, description = "Another tenant, for those who may enter it."),
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version.")),
    responses((status = 204, description = "It is gone.")),
)]
async fn remove(
    State(products): State<Products>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (caller, _) = (asked.acting()?, asked.selection(Members { fields: &[], includes: &[] })?);
    let which = (id_of(&id)?, &asked.expected()?);
    products.delete(&caller, which, &asked.visit).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is no product's.
fn id_of(text: &str) -> Result<ProductId, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such thing"))
}

fn stock(document: &mut Document) -> Option<i32> {
    document.optional_integer("stock", 0..=MOST_STOCK).and_then(|stock| stock.try_into().ok())
}

fn status(document: &mut Document) -> Option<ProductStatus> {
    document.optional_word("status", ProductStatus::WORDS, ProductStatus::from_word)
}

fn draft(mut document: Document, (stock, status): (i32, ProductStatus)) -> Result<ProductDraft, Problem> {
    let (sku, name) = (document.line("sku", LONGEST_SKU), document.line("name", LONGEST_NAME));
    let description = document.optional_prose("description", LONGEST_DESCRIPTION).unwrap_or_default();
    let price = document.money("price");
    document.finish()?;
    // Without a price the document had a fault.
    let price = price.ok_or_else(|| Problem::new(Kind::Invalid, "the price is missing"))?;
    Ok(ProductDraft { sku, name, description, price, stock, status })
}

fn represented(product: &Product, selection: &Selection) -> Result<Representation> {
    match selection.is_whole() {
        true => Representation::of_version(product.version, shown(product)),
        false => Representation::of_version(product.version, selection.of(shown(product))?),
    }
}

fn shown(product: &Product) -> Shown {
    Shown {
        id: product.id.to_string(),
        sku: product.sku.clone(),
        name: product.name.clone(),
        description: product.description.clone(),
        price: ShownMoney::from(&product.price),
        stock: product.stock,
        status: product.status.as_str(),
        version: product.version,
        created_at: moment(product.created_at),
        updated_at: moment(product.updated_at),
    }
}
