//! `/api/v1/products`: the products of a tenant.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::moment;
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::resource::{
    Answer, Call, Conditions, Listed, Many, OfList, OfNew, OfOne, OfRemoval, Prefer, Resource, Which,
};
use super::selection::Members;
use crate::domain::Products;
use crate::error::Kind;
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
        of_tenant: true,
    },
};

pub(super) fn routes() -> OpenApiRouter<Products> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
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
    /// How many the shop says it has. Orders go by what the commerce service has.
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

impl Resource for Shown {
    type Thing = Product;
    const NAME: &'static str = "product";
    const PATH: &'static str = "/api/v1/products";
    const MEMBERS: Members = OFFER.members;

    fn of(product: &Product) -> Self {
        Self {
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

    fn place(&self) -> (&str, i64) {
        (&self.id, self.version)
    }
}

impl Listed for Shown {
    type Field = ProductField;
    const OFFER: Offer<ProductField> = OFFER;
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
    params(OfList<Shown>),
    responses((status = 200, description = "A page of products.", body = Paged<Shown>)),
)]
async fn list(State(products): State<Products>, many: Many<Shown>) -> Answer {
    let to = (many.most, &many.by.visit);
    let found = products.list(&many.by.caller, &many.wanted.listing, to).await;
    many.read(found)
}

/// Show a product
#[utoipa::path(
    get, path = "/api/v1/products/{id}", tag = "products", operation_id = "getProduct",
    params(OfOne<Shown>),
    responses((status = 200, description = "The product.", body = Success<Shown>)),
)]
async fn show(State(products): State<Products>, call: Call<Shown>, which: Which<ProductId>) -> Answer {
    call.read(products.get(&call.by.caller, which.id, &call.by.visit).await)
}

/// Make a product
#[utoipa::path(
    post, path = "/api/v1/products", tag = "products", operation_id = "createProduct",
    params(OfNew<Shown>, IdempotencyKey, Prefer),
    request_body = Made,
    responses((status = 201, description = "The new product.", body = Success<Shown>)),
)]
async fn create(State(products): State<Products>, call: Call<Shown>, mut document: Document) -> Answer {
    let (stock, status) = (stock(&mut document), status(&mut document));
    let keyed = document.keyed();
    let draft = draft(document, (stock.unwrap_or(0), status.unwrap_or(ProductStatus::Active)))?;
    call.once((StatusCode::CREATED, keyed), move |by, once| async move {
        products.create(&by.caller, &draft, (&by.visit, &once)).await
    })
    .await
}

/// Replace a product
///
/// What is sent is all that is said of it. `id`, `version`, `created_at` and `updated_at` may come along, unread.
#[utoipa::path(
    put, path = "/api/v1/products/{id}", tag = "products", operation_id = "replaceProduct",
    params(OfOne<Shown>, Conditions, Prefer),
    request_body = Replaced,
    responses((status = 200, description = "The product as it is now.", body = Success<Shown>)),
)]
async fn replace(
    State(products): State<Products>,
    call: Call<Shown>,
    which: Which<ProductId>,
    mut document: Document,
) -> Answer {
    document.ignore(GIVEN);
    // What is left out of a replacement would be lost without a word.
    let (stock, status) = (stock(&mut document), status(&mut document));
    let (stock, status) = (document.needed("stock", stock), document.needed("status", status));
    let draft = draft(document, (stock, status))?;
    let which = (which.id, &which.expected);
    call.changed(products.update(&call.by.caller, which, &draft, &call.by.visit).await)
}

/// Take a product away
///
/// Orders of it keep its id.
#[utoipa::path(
    delete, path = "/api/v1/products/{id}", tag = "products", operation_id = "deleteProduct",
    params(OfRemoval<Shown>, Conditions),
    responses((status = 204, description = "It is gone.")),
)]
async fn remove(State(products): State<Products>, call: Call<Shown>, which: Which<ProductId>) -> Answer {
    call.removed(products.delete(&call.by.caller, (which.id, &which.expected), &call.by.visit).await)
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
