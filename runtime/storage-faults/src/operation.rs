//! What can fail.

/// A file operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Creating a file.
    Create,
    /// Opening a file.
    Open,
    /// Giving a file another name.
    Rename,
    /// Removing a file.
    Remove,
    /// Listing a folder.
    List,
    /// Creating a folder.
    CreateDir,
    /// Removing a folder.
    RemoveDir,
    /// Making the names in a folder durable.
    SyncDir,
    /// Asking how much room there is.
    Space,
    /// Reading from a file.
    Read,
    /// Writing to a file.
    Write,
    /// Making a file durable.
    Sync,
    /// Asking for a file's length.
    Length,
    /// Cutting a file.
    Truncate,
}
