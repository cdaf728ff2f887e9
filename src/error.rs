//! The one error that crosses module borders: a kind, a message safe to show, and what caused it.
//! It knows nothing of HTTP: the table from kinds to statuses is in `http::problem`.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as far as the one who asked can tell the cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is not well-formed, or not acceptable as it is.
    Invalid,
    /// There is nothing under that name, or the caller may not know that there is.
    NotFound,
    /// The thing exists but not for this method.
    MethodNotAllowed,
    /// The request's body is larger than is taken.
    TooLarge,
    /// The request's head is larger than is taken.
    HeadTooLarge,
    /// The caller is not known.
    Unauthenticated,
    /// The caller is known but may not do this.
    Forbidden,
    /// The caller asked more often than is allowed.
    RateLimited,
    /// The thing is in a state that does not allow this.
    Conflict,
    /// The thing is no longer as the caller saw it.
    Outdated,
    /// The gateway cannot serve this now; later it may.
    Unavailable,
    /// A backend answered in a way that cannot be passed on, or broke off.
    BadGateway,
    /// A backend did not answer in time.
    GatewayTimeout,
    /// The client did not send its request in time.
    ClientTimeout,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// Its name, for logs and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::NotFound => "not_found",
            Kind::MethodNotAllowed => "method_not_allowed",
            Kind::TooLarge => "too_large",
            Kind::HeadTooLarge => "head_too_large",
            Kind::Unauthenticated => "unauthenticated",
            Kind::Forbidden => "forbidden",
            Kind::RateLimited => "rate_limited",
            Kind::Conflict => "conflict",
            Kind::Outdated => "outdated",
            Kind::Unavailable => "unavailable",
            Kind::BadGateway => "bad_gateway",
            Kind::GatewayTimeout => "gateway_timeout",
            Kind::ClientTimeout => "client_timeout",
            Kind::Internal => "internal",
        }
    }
}

/// A failure with what was being done, to what, and why it failed.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    field: Option<&'static str>,
    code: Option<&'static str>,
    flaws: Vec<Flaw>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// One of several places at fault in what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where it is, below the whole: `items/0/quantity`.
    pub place: String,
    /// The stable word for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

/// The result of whatever may fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of a kind, with a message that says what was being done and to what.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, code: None, flaws: Vec::new(), source: None }
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Adds which field of what was given is at fault.
    #[must_use]
    pub fn about(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Says which case of its kind it is, by the stable word for programs.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds each place that is at fault, where there are several to mend at once.
    #[must_use]
    pub fn with_flaws(mut self, flaws: Vec<Flaw>) -> Self {
        self.flaws = flaws;
        self
    }

    /// Adds what caused this error.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Which case this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which field of what was given is at fault, if it is one.
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// Which case of its kind this is, where its kind has several.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// Each place that is at fault, where there are several.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// What happened, without the cause: safe to show where the fault is the client's.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn StdError);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
