//! Results as Arrow IPC streams: as they came, or with the footer in the schema's metadata.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::facts;
use crate::{Document, Error, Result};

/// The stream with `sekisho.job`, `sekisho.snapshot`, `sekisho.policy` and `sekisho.receipt` in its schema's
/// metadata. These bytes are no longer those that the receipt speaks of.
///
/// # Errors
///
/// [`Error::Answer`] if it is not an Arrow stream.
pub fn with_footer(arrow: &[u8], document: &Document) -> Result<Vec<u8>> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let reader = StreamReader::try_new(arrow, None)?;
        let mut schema = reader.schema().as_ref().clone();
        for (name, fact) in facts(document) {
            schema.metadata.insert(format!("sekisho.{name}"), fact);
        }
        let schema = Arc::new(schema);
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        for batch in reader {
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), batch?.columns().to_vec())?)?;
        }
        writer.into_inner()
    };
    write().map_err(|error| Error::Answer(format!("not an Arrow stream: {error}")))
}
