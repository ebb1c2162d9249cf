//! The classes of failure.

/// A class of failure. `docs/http.md` lists their names, which are stable, and the HTTP status of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A parameter or body says something that makes no sense.
    BadRequest,
    /// The expression cannot be parsed or bound.
    BadExpression,
    /// The body as a whole is not in its format.
    BadBody,
    /// The component cannot be deployed.
    BadComponent,
    /// The records could not all be taken.
    RefusedRecords,
    /// The request shows no token that is accepted.
    Unauthenticated,
    /// The token is not good for that.
    Forbidden,
    /// The request is not addressed to this node, or comes from a foreign page.
    ForeignHost,
    /// No stream of that name.
    UnknownStream,
    /// No operator of that name.
    UnknownOperator,
    /// No publisher of that name.
    UnknownPublisher,
    /// No cursor of that name.
    UnknownCursor,
    /// Nothing there.
    NotFound,
    /// Something is there, but not for this method.
    MethodNotAllowed,
    /// It is there already, and different.
    Exists,
    /// The stream is at its end.
    Sealed,
    /// Another session has taken over the publisher's name, or another reader the cursor.
    Fenced,
    /// A batch is missing before this one.
    OutOfSequence,
    /// Another component exports an operator of that name.
    OperatorTaken,
    /// The component's version does not follow the one that is deployed.
    Version,
    /// The component would change what expressions mean, or what runs cannot move to it.
    Incompatible,
    /// Something that runs could move to the component by replay only, which was not wanted.
    NeedsReplay,
    /// Something uses it.
    InUse,
    /// What was asked for is no longer kept.
    Trimmed,
    /// The body does not come, or comes too slowly.
    TooSlow,
    /// Too much at once.
    TooLarge,
    /// Too many at once.
    Busy,
    /// The disk takes no more.
    DiskFull,
    /// A bug, or a broken machine.
    Internal,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 29] = [
        Code::BadRequest,
        Code::BadExpression,
        Code::BadBody,
        Code::BadComponent,
        Code::RefusedRecords,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::ForeignHost,
        Code::UnknownStream,
        Code::UnknownOperator,
        Code::UnknownPublisher,
        Code::UnknownCursor,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::Exists,
        Code::Sealed,
        Code::Fenced,
        Code::OutOfSequence,
        Code::OperatorTaken,
        Code::Version,
        Code::Incompatible,
        Code::NeedsReplay,
        Code::InUse,
        Code::Trimmed,
        Code::TooSlow,
        Code::TooLarge,
        Code::Busy,
        Code::DiskFull,
        Code::Internal,
    ];

    /// Its name in an answer's body: `unknown-stream`.
    pub const fn name(self) -> &'static str {
        match self {
            Code::BadRequest => "bad-request",
            Code::BadExpression => "bad-expression",
            Code::BadBody => "bad-body",
            Code::BadComponent => "bad-component",
            Code::RefusedRecords => "refused-records",
            Code::Unauthenticated => "unauthenticated",
            Code::Forbidden => "forbidden",
            Code::ForeignHost => "foreign-host",
            Code::UnknownStream => "unknown-stream",
            Code::UnknownOperator => "unknown-operator",
            Code::UnknownPublisher => "unknown-publisher",
            Code::UnknownCursor => "unknown-cursor",
            Code::NotFound => "not-found",
            Code::MethodNotAllowed => "method-not-allowed",
            Code::Exists => "exists",
            Code::Sealed => "sealed",
            Code::Fenced => "fenced",
            Code::OutOfSequence => "out-of-sequence",
            Code::OperatorTaken => "operator-taken",
            Code::Version => "version",
            Code::Incompatible => "incompatible",
            Code::NeedsReplay => "needs-replay",
            Code::InUse => "in-use",
            Code::Trimmed => "trimmed",
            Code::TooSlow => "too-slow",
            Code::TooLarge => "too-large",
            Code::Busy => "busy",
            Code::DiskFull => "disk-full",
            Code::Internal => "internal",
        }
    }

    /// The code of that name; none where a newer node has it, or a proxy answers.
    pub fn of(name: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_one_code() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.name()), Some(code));
        }
        assert_eq!(Code::of("teapot"), None);
    }
}
