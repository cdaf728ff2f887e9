//! Scripts that run within Redis, where nothing happens in between.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// A script, known to Redis by its hash once it ran there.
#[derive(Debug)]
pub struct Script {
    pub(super) source: &'static str,
    pub(super) hash: String,
}

impl Script {
    /// A script in Lua. It must return a list of integers.
    pub fn new(source: &'static str) -> Self {
        // SHA-1 is how Redis names scripts; nothing is protected by it.
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, source.as_bytes());
        Self { source, hash: hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_script_is_named_as_redis_names_it() {
        assert_eq!(super::Script::new("return 1").hash, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
