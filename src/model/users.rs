//! Users: people and service accounts of a tenant.

use chrono::{DateTime, Utc};

use uuid::Uuid;

use super::{Field, Operator, UserId, Value, ValueKind};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address, as they wrote it. Unique in the tenant whatever the case of its letters.
    pub email: String,
    /// The same as addresses are compared: in lower case.
    pub email_key: String,
    /// Their name.
    pub name: String,
    /// Whether they may do anything.
    pub status: UserStatus,
    /// The names of their roles for all of the tenant, sorted.
    pub roles: Vec<String>,
    /// Counts their changes.
    pub version: i64,
    /// When they were made.
    pub created_at: DateTime<Utc>,
    /// When they were changed last.
    pub updated_at: DateTime<Utc>,
}

/// A role that somebody has for one thing only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedRole {
    /// The name of the role.
    pub role: String,
    /// The id of the thing.
    pub thing: String,
}

impl ScopedRole {
    /// Most of them that somebody has: their tokens carry them.
    pub const MOST: u16 = 32;
    /// Longest id of a thing, in bytes.
    pub const LONGEST_THING: usize = 64;
}

/// What is said of a new user.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
}

/// What is said of a user as a whole, new or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDraft {
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Whether they may do anything.
    pub status: UserStatus,
    /// The names of their roles, sorted and each once.
    pub roles: Vec<String>,
}

/// What is to be changed of a user.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new address.
    pub email: Option<String>,
    /// A new name.
    pub name: Option<String>,
    /// Whether they may do anything from now on.
    pub status: Option<UserStatus>,
}

/// Whether a user may do anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UserStatus {
    /// They may.
    #[default]
    Active,
    /// They may not, until they are active again.
    Suspended,
}

impl UserStatus {
    /// All words for it.
    pub const WORDS: &'static [&'static str] = &["active", "suspended"];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|status| status.as_str() == word)
    }
}

/// What may be asked of the list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// Their id.
    Id,
    /// Their address, whatever the case of its letters.
    Email,
    /// Their name.
    Name,
    /// Whether they may do anything.
    Status,
    /// Any of their roles.
    Role,
    /// When they were made.
    CreatedAt,
    /// When they were changed last.
    UpdatedAt,
}

impl Field for UserField {
    type Item = User;
    const ALL: &'static [Self] =
        &[Self::Id, Self::Email, Self::Name, Self::Status, Self::Role, Self::CreatedAt, Self::UpdatedAt];

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
            Self::Name => "name",
            Self::Status => "status",
            Self::Role => "role",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }

    fn kind(self) -> ValueKind {
        match self {
            Self::Id => ValueKind::Id,
            Self::Email => ValueKind::Text(254),
            Self::Name => ValueKind::Text(200),
            Self::Status => ValueKind::Word(UserStatus::WORDS),
            Self::Role => ValueKind::Text(63),
            Self::CreatedAt | Self::UpdatedAt => ValueKind::Time,
        }
    }

    fn operators(self) -> &'static [Operator] {
        match self {
            Self::Id | Self::Role => &[Operator::Eq, Operator::In],
            Self::Email | Self::Name => Operator::OF_TEXTS,
            Self::Status => Operator::OF_WORDS,
            Self::CreatedAt | Self::UpdatedAt => Operator::OF_ORDERED,
        }
    }

    fn is_sortable(self) -> bool {
        match self {
            Self::Email | Self::Name | Self::CreatedAt | Self::UpdatedAt => true,
            Self::Id | Self::Status | Self::Role => false,
        }
    }

    fn value(self, user: &User) -> Value {
        match self {
            Self::Id => Value::Id(user.id.uuid()),
            Self::Email => Value::Text(user.email_key.clone()),
            Self::Name => Value::Text(user.name.clone()),
            Self::Status => Value::Text(user.status.as_str().to_owned()),
            Self::Role => Value::Text(user.roles.first().cloned().unwrap_or_default()),
            Self::CreatedAt => Value::Time(user.created_at),
            Self::UpdatedAt => Value::Time(user.updated_at),
        }
    }

    fn id(user: &User) -> Uuid {
        user.id.uuid()
    }
}

/// Whether a text is an address as the database takes it.
pub fn is_email(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && !part.contains(|letter: char| letter == '@' || letter.is_whitespace())
    };
    text.split_once('@').is_some_and(|(name, host)| is_part(name) && is_part(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_parts_and_no_spaces() {
        assert!(is_email("ada@shop.example"));
        for bad in ["", "ada", "@shop", "ada@", "a@b@c", "a da@shop", "ada@sh\top"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
