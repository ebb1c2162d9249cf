//! Records of a subscription: bytes that go through as they are, or columns that become a table.

use std::io;

use anyhow::Context;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use bytes::Bytes;
use dag_codec::{EncodeOptions, Table};

/// Shows records as they come.
pub enum Records {
    /// As they are.
    Through,
    /// As a table, from an Arrow IPC stream.
    Table {
        /// Finds batches in the bytes.
        decoder: Box<StreamDecoder>,
        /// There once the columns are known.
        table: Option<Table>,
    },
}

impl Records {
    /// A table, or bytes as they are.
    pub fn new(as_table: bool) -> Records {
        if as_table { Records::Table { decoder: Box::default(), table: None } } else { Records::Through }
    }

    /// Shows what came.
    pub fn show(&mut self, bytes: Bytes) -> anyhow::Result<()> {
        let Records::Table { decoder, table } = self else { return Ok(super::write(&bytes)?) };
        let mut buffer = Buffer::from(bytes);
        let mut text = Vec::new();
        while !buffer.is_empty() {
            let batch = decoder.decode(&mut buffer).context("cannot read the node's Arrow stream")?;
            if table.is_none()
                && let Some(schema) = decoder.schema()
            {
                let schema = dag_model::schema_of(&schema).context("the node's Arrow stream is not one of records")?;
                *table = Some(Table::new(&schema, EncodeOptions::default()));
            }
            if let (Some(table), Some(batch)) = (table.as_mut(), batch) {
                table.encode(&batch, None, &mut text);
            }
        }
        Ok(super::write(&text)?)
    }

    /// Shows the heading of a table that had no records.
    pub fn finish(&mut self) -> io::Result<()> {
        let Records::Table { table: Some(table), .. } = self else { return Ok(()) };
        let mut text = Vec::new();
        table.finish(&mut text);
        super::write(&text)
    }
}
