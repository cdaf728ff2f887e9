//! An amount of memory or of bytes on the wire.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity;

/// Units from large to small, each in bytes.
const UNITS: [(&str, u64); 4] = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];

/// A number of bytes, written as `10b`, `32kb`, `1mb` or `2gb`, where a kb is 1024 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "byte-size", "pattern" = "^[0-9]+(b|kb|mb|gb)$", "examples" = ["10b", "32kb", "1mb", "2gb"]))]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many times 2^10 bytes; more than fit are as many as fit.
    pub const fn kibibytes(count: u64) -> Self {
        Self(count.saturating_mul(1 << 10))
    }

    /// So many times 2^20 bytes; more than fit are as many as fit.
    pub const fn mebibytes(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    pub const fn bytes(&self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("a size is a whole number and one of b, kb, mb, gb, as in \"1mb\"; found {text:?}");
        quantity::parse(text, &UNITS).map(Self).ok_or_else(refuse)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::print(self.0, &UNITS))
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_megabyte_is_two_to_the_twentieth() {
        assert_eq!("1mb".parse(), Ok(ByteSize::mebibytes(1)));
        assert_eq!(ByteSize::mebibytes(1).bytes(), 1 << 20);
    }

    #[test]
    fn each_unit_is_understood_and_printed() {
        for (text, bytes) in [("10b", 10), ("32kb", 32 << 10), ("1mb", 1 << 20), ("3gb", 3 << 30), ("0b", 0)]
        {
            let size: ByteSize = text.parse().expect(text);
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, text));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1", "mb", "1MB", "1 mb", "-1b", "1.5mb", "1mib", "99999999999999999999gb"] {
            let error = text.parse::<ByteSize>().expect_err(text);
            assert_eq!(
                error,
                format!("a size is a whole number and one of b, kb, mb, gb, as in \"1mb\"; found {text:?}")
            );
        }
    }
}
