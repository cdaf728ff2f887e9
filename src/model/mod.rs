//! The nouns of the product, as every layer above says them. They know nothing of how they are stored or sent.

mod audit;
mod ids;
mod page;
mod tenants;
mod users;

pub use audit::{AuditEntry, AuditSort, NewAuditEntry};
pub use ids::{ApiKeyId, FamilyId, OrderId, ProductId, SessionId, TenantId, TokenId, UserId};
pub use page::{Key, Order, Page, Place, Window};
pub use tenants::{NewTenant, Tenant, TenantStatus};
pub use users::{NewUser, User, UserChange, UserSort, UserStatus};
