//! openraft's own tests of storage.

use dag_raft::types::StorageError;
use dag_raft::{Log, Machine, Types};
use openraft::testing::{StoreBuilder, Suite};

use crate::support::disk;

struct Fresh;

impl StoreBuilder<Types, Log, Machine> for Fresh {
    async fn build(&self) -> Result<((), Log, Machine), StorageError> {
        let (log, tables) = (disk::disk(), disk::disk());
        Ok(((), disk::log(&log).unwrap(), Machine::open(disk::store(&tables)).unwrap()))
    }
}

#[test]
fn what_raft_asks_of_its_storage_holds() {
    Suite::test_all(Fresh).unwrap();
}
