//! The nouns of the product, as every layer above says them. They know nothing of how they are stored or sent.

mod ids;

pub use ids::{ApiKeyId, FamilyId, OrderId, ProductId, SessionId, TenantId, TokenId, UserId};
