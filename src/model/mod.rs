//! The nouns of the product, as every layer above says them. They know nothing of how they are stored or sent.

mod api_keys;
mod audit;
mod events;
mod idempotency;
mod ids;
mod images;
mod intents;
mod listing;
mod moment;
mod money;
mod noun;
mod orders;
mod page;
mod permission;
mod precondition;
mod products;
mod revocations;
mod sessions;
mod tenants;
mod users;

pub use api_keys::{ApiKeyEntry, ApiKeyField, FoundApiKey, NewApiKey};
pub use audit::{AuditEntry, AuditField, NewAuditEntry};
pub use events::NewEvent;
pub use idempotency::{Claim, OnceKey, RequestDigest, RequestDigests, StoredAnswer};
pub use ids::{ApiKeyId, FamilyId, OrderId, ProductId, SessionId, TenantId, TokenId, UserId};
pub use images::{Image, ImageKind, KeptImage};
pub use intents::{Intent, IntentKind, NewIntent};
pub use listing::{Condition, Count, Field, Listing, Mark, Operator, SortKey, Start, Value, ValueKind};
pub use moment::Moment;
pub use money::{Money, exponent};
pub use noun::{Change, Noun, Nouns};
pub use orders::{
    NewOrder, Order, OrderField, OrderItem, OrderRemarks, OrderStatus, WantedItem, WantedOrder,
};
pub use page::{Direction, Page};
pub use permission::Permission;
pub use precondition::Expected;
pub use products::{Product, ProductDraft, ProductField, ProductStatus};
pub use revocations::{Recorded, Revocation};
pub use sessions::{Device, NewSession, RefreshOwner, RefreshRecord, Session, SessionEnd};
pub use tenants::{NewTenant, Tenant, TenantChange, TenantStanding, TenantStatus};
pub use users::{NewUser, ScopedRole, User, UserChange, UserDraft, UserField, UserStatus, is_email};
