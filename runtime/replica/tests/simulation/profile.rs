//! What a seed draws before its schedule: which faults there are, how often, and how large everything is.

use crate::chance::Chance;

/// See the module. Rates are in a thousand, times in milliseconds.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Nodes, and how many of them replicate at first.
    pub nodes: u64,
    pub replicas: u64,
    /// Publishers, and the batches of each.
    pub publishers: u64,
    pub batches: u64,
    /// How long the faults last.
    pub faults: u64,
    /// The longest way of a message, and of a sync.
    pub way: u64,
    pub sync: u64,
    /// Messages that are lost, that come twice, and that come late.
    pub dropped: u64,
    pub doubled: u64,
    pub late: u64,
    /// How often, for each chance that there is: a node's crash at any time; after an append of a leader; after a promise; between a
    /// leader's sending and its own sync.
    pub crash: u64,
    pub crash_appended: u64,
    pub crash_promised: u64,
    pub crash_unsynced: u64,
    /// A crash that loses the log, or its end.
    pub lost: u64,
    pub damaged: u64,
    /// A write that fails; a partition; one that lets through one way; a pause.
    pub failed: u64,
    pub partition: u64,
    pub one_way: u64,
    pub pause: u64,
    /// A leader that is taken for dead and is not; a change of the set; a switch that wants a mark; a trim; a question; an entry without
    /// records.
    pub suspected: u64,
    pub changes: u64,
    pub marks: u64,
    pub trims: u64,
    pub questions: u64,
    pub notes: u64,
    /// A publisher that begins anew, and a batch of its earlier session that comes then; whether the stream is sealed in the end.
    pub reruns: u64,
    pub zombies: u64,
    pub seals: bool,
    /// How far appends fit into memory, so that others are read from disk.
    pub recent: usize,
    /// Whether messages go through their bytes.
    pub encoded: bool,
}

impl Profile {
    /// Draws one.
    pub fn draw(chance: &mut Chance) -> Profile {
        let replicas = chance.pick(&[1, 2, 3, 3, 3, 3, 3]);
        let mut often = |share: u64, most: u64| if chance.permille(share) { chance.between(1, most) } else { 0 };
        let (dropped, doubled, late) = (often(400, 150), often(300, 100), often(400, 300));
        let (crash, lost, damaged, failed) = (often(500, 30), often(400, 600), often(300, 400), often(250, 30));
        let (crash_appended, crash_promised, crash_unsynced) = (often(400, 80), often(400, 250), often(400, 80));
        let (partition, one_way, pause) = (often(500, 40), often(500, 500), often(300, 30));
        let (suspected, changes, trims) = (often(400, 50), often(400, 60), often(400, 60));
        let (questions, notes, marks) = (often(500, 200), often(600, 200), often(300, 50));
        let (reruns, zombies, seals) = (often(300, 20), often(700, 1000), chance.permille(300));
        Profile {
            nodes: chance.between(replicas, 5),
            replicas,
            publishers: chance.between(1, 3),
            batches: chance.between(2, 12),
            faults: chance.between(400, 2500),
            way: chance.pick(&[2, 5, 20]),
            sync: chance.pick(&[2, 8, 30]),
            dropped,
            doubled,
            late,
            crash,
            crash_appended,
            crash_promised,
            crash_unsynced,
            lost,
            damaged,
            failed,
            partition,
            one_way,
            pause,
            suspected,
            changes,
            marks,
            trims,
            questions,
            notes,
            reruns,
            zombies,
            seals,
            recent: chance.pick(&[0, 200, 1 << 20]),
            encoded: chance.permille(60),
        }
    }
}
