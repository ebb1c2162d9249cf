//! Bugs that the tests plant around the protocol, each of which the invariants have to find. The protocol's own code has none of them:
//! what comes out of it, or goes in, is changed on the way.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A write is said to be durable when it is handed over.
    AcknowledgedBeforeSync,
    /// An acknowledgement of an earlier epoch is taken for one of the leader's.
    AcknowledgedWithoutEpoch,
    /// A follower takes appends of any leader.
    EpochUnchecked,
    /// A follower shows what its leader calls committed as far as its log goes, verified or not.
    CommittedBeyondVerified,
    /// A replica cuts its log at what it knows to be committed when another leads.
    TruncatedToCommitted,
    /// A promise tells the end by records.
    EndAsSequence,
    /// An append can be on disk in part.
    AppendInParts,
    /// A promise is answered before it is durable.
    PromisedBeforeSync,
    /// What was promised is not kept through a crash.
    PromiseForgotten,
    /// A leader that starts again goes on in its epoch.
    ResumedEpoch,
    /// A leader whose write failed goes on in its epoch.
    MendedInEpoch,
    /// The set changes at once.
    NoJointSet,
    /// A log that is lost, or whose end is, is taken for what it is.
    UnwholeVotes,
    /// A repeat is answered when its batch is written.
    RepeatAnsweredEarly,
    /// A replica that fills itself is whole with the leader's first message.
    CatchUpEndsEarly,
    /// What a majority has is committed, of whatever epoch.
    CommittedByCount,
    /// A leader answers for the end without asking the others.
    UnconfirmedEnd,
    /// A batch of an earlier session is taken for one of the session that has the publisher's name.
    SessionUnchecked,
    /// Who leaves does so after whatever batch is the last.
    LeaveUnnumbered,
}

/// All of them.
pub const ALL: [Planted; 19] = [
    Planted::AcknowledgedBeforeSync,
    Planted::AcknowledgedWithoutEpoch,
    Planted::EpochUnchecked,
    Planted::CommittedBeyondVerified,
    Planted::TruncatedToCommitted,
    Planted::EndAsSequence,
    Planted::AppendInParts,
    Planted::PromisedBeforeSync,
    Planted::PromiseForgotten,
    Planted::ResumedEpoch,
    Planted::MendedInEpoch,
    Planted::NoJointSet,
    Planted::UnwholeVotes,
    Planted::RepeatAnsweredEarly,
    Planted::CatchUpEndsEarly,
    Planted::CommittedByCount,
    Planted::UnconfirmedEnd,
    Planted::SessionUnchecked,
    Planted::LeaveUnnumbered,
];
