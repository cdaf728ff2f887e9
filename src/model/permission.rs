//! What may be done with what: the permissions that the gateway's own functions ask for. A closed list, so that a
//! function cannot ask for what no policy could grant.

use std::fmt;

macro_rules! permissions {
    ($($name:ident = $resource:literal : $action:literal, $doc:literal;)+) => {
        /// One thing that may be done with one kind of thing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Permission {
            $(#[doc = $doc] $name,)+
        }

        impl Permission {
            /// All of them, in the order of documents.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The kind of thing.
            pub const fn resource(self) -> &'static str {
                match self { $(Self::$name => $resource,)+ }
            }

            /// What is done with it.
            pub const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)+ }
            }
        }
    };
}

permissions! {
    ProductsRead = "products":"read", "See products.";
    ProductsCreate = "products":"create", "Add products.";
    ProductsUpdate = "products":"update", "Change products, their prices too.";
    ProductsDelete = "products":"delete", "Take products away.";
    OrdersRead = "orders":"read", "See orders.";
    OrdersCreate = "orders":"create", "Place orders.";
    OrdersUpdate = "orders":"update", "Change orders, and move them on from one status to the next.";
    OrdersDelete = "orders":"delete", "Take orders away.";
    UsersRead = "users":"read", "See users.";
    UsersCreate = "users":"create", "Add users.";
    UsersUpdate = "users":"update", "Change users.";
    UsersDelete = "users":"delete", "Take users away, with all they were granted.";
    GrantsRead = "grants":"read", "See who has which roles and grants.";
    GrantsAssign = "grants":"assign", "Give and take roles and grants.";
    SessionsRead = "sessions":"read", "See where users are logged in.";
    SessionsRevoke = "sessions":"revoke", "Log users out.";
    ApiKeysRead = "api_keys":"read", "See API keys, never their secrets.";
    ApiKeysCreate = "api_keys":"create", "Make API keys.";
    ApiKeysRevoke = "api_keys":"revoke", "End API keys.";
    TokensValidate = "tokens":"validate", "Ask what a token of somebody else says.";
    AuditRead = "audit":"read", "Read the audit log.";
    TenantsRead = "tenants":"read", "See tenants.";
    TenantsCreate = "tenants":"create", "Add tenants.";
    TenantsUpdate = "tenants":"update", "Change tenants and their limits.";
    TenantsSuspend = "tenants":"suspend", "Suspend tenants, and let them in again.";
    TenantsEnter = "tenants":"enter", "Act in another tenant than one's own.";
}

impl Permission {
    /// Its place in the list, from 0.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word for one thing that it is about, as those are told who may not know of it.
    pub fn noun(self) -> &'static str {
        match self.resource() {
            "api_keys" => "key",
            "orders" => "order",
            "products" => "product",
            "sessions" => "session",
            "tenants" => "tenant",
            "users" => "user",
            _ => "thing",
        }
    }

    /// What is needed to know that a thing of the same kind exists; `None` where nothing reads such things.
    pub fn reading(self) -> Option<Self> {
        let reads = |it: &&Self| it.resource() == self.resource() && it.action() == "read";
        Self::ALL.iter().find(reads).copied()
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource(), self.action())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_permission_has_a_name_and_a_place_of_its_own() {
        let names: BTreeSet<_> = Permission::ALL.iter().map(Permission::to_string).collect();
        assert_eq!(names.len(), Permission::ALL.len());
        for (index, permission) in Permission::ALL.iter().enumerate() {
            assert_eq!(permission.index(), index, "{permission}");
        }
    }

    #[test]
    fn what_reads_a_thing_is_found_from_what_changes_it() {
        assert_eq!(Permission::OrdersDelete.reading(), Some(Permission::OrdersRead));
        assert_eq!(Permission::TokensValidate.reading(), None);
    }
}
