//! The nouns of the product, as every layer above says them. They know nothing of how they are stored or sent.

mod ids;
mod permission;

pub use ids::{ApiKeyId, FamilyId, OrderId, ProductId, SessionId, TenantId, TokenId, UserId};
pub use permission::Permission;
