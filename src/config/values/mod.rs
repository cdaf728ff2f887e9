//! The leaf values of the settings: text in the file, a checked type in the program.
//! Each parses itself and says in words what is wrong with a text it refuses; none knows where the text stood.

mod address;
mod algorithm;
mod balance;
mod byte_size;
mod hash_key;
mod header_name;
mod host;
mod host_pattern;
mod http_url;
mod key_folder;
mod limit_key;
mod method;
mod origin;
mod path_pattern;
mod pem_file;
mod period;
mod permitted;
mod quantity;
mod rate;
mod redis_url;
mod secret;
mod server_name;
mod time_limit;

pub use address::Address;
pub use algorithm::Algorithm;
pub use balance::Balance;
pub use byte_size::ByteSize;
pub use hash_key::{Claim, HashKey};
pub use header_name::HeaderName;
pub use host_pattern::HostPattern;
pub use http_url::HttpUrl;
pub use key_folder::{KeyFile, KeyFolder};
pub use limit_key::LimitKey;
pub use method::Method;
pub use origin::Origin;
pub use path_pattern::{PathPattern, Segment};
pub use pem_file::PemFile;
pub use period::Period;
pub use permitted::Permitted;
pub(super) use permitted::is_word;
pub use rate::Rate;
pub use redis_url::RedisUrl;
pub use secret::Secret;
pub use server_name::ServerName;
pub use time_limit::TimeLimit;

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use schemars::JsonSchema;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    /// What holds for every leaf but the secret and files: text in, the same text out, and examples that hold.
    fn round_trips<T>(format: &str)
    where
        T: std::str::FromStr<Err = String> + DeserializeOwned + Serialize + JsonSchema + Display + Debug,
    {
        let schema = schemars::schema_for!(T).to_value();
        assert_eq!(schema["type"], "string");
        assert_eq!(schema["format"], format);
        for example in schema["examples"].as_array().expect("examples") {
            let text = example.as_str().expect("text");
            assert_eq!(text.parse::<T>().expect(text).to_string(), text);
            let read: T = serde_json::from_value(example.clone()).expect(text);
            assert_eq!(&serde_json::to_value(read).expect(text), example);
        }
    }

    #[test]
    fn every_leaf_reads_and_writes_its_own_examples() {
        round_trips::<Address>("address");
        round_trips::<Balance>("balance");
        round_trips::<ByteSize>("byte-size");
        round_trips::<HashKey>("hash-key");
        round_trips::<HeaderName>("header-name");
        round_trips::<HostPattern>("host-pattern");
        round_trips::<HttpUrl>("http-url");
        round_trips::<LimitKey>("limit-key");
        round_trips::<Method>("http-method");
        round_trips::<Origin>("origin");
        round_trips::<PathPattern>("path-pattern");
        round_trips::<Period>("period");
        round_trips::<Permitted>("permission");
        round_trips::<Rate>("rate");
        round_trips::<RedisUrl>("redis-url");
        round_trips::<TimeLimit>("time-limit");
        round_trips::<ServerName>("server-name");
    }

    #[test]
    fn a_leaf_refuses_through_serde_with_its_own_words() {
        let error = serde_json::from_str::<Period>("\"5 sec\"").expect_err("not a duration");
        assert!(error.to_string().starts_with("a duration is a whole number"), "{error}");
    }
}
