//! Results as Arrow IPC streams: as they came, or with the footer in the schemas' metadata.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::facts;
use crate::{Document, Error, Result, streams};

/// The streams with `sekisho.job`, `sekisho.snapshot`, `sekisho.policy` and `sekisho.receipt` in their schemas'
/// metadata. These bytes are no longer those that the receipt speaks of.
///
/// # Errors
///
/// [`Error::Answer`] if they are no Arrow streams.
pub fn with_footer(arrow: &[u8], document: &Document) -> Result<Vec<u8>> {
    let streams = streams(arrow)?.into_iter().map(|stream| one_with_footer(stream, document));
    Ok(streams.collect::<Result<Vec<_>>>()?.concat())
}

fn one_with_footer(arrow: &[u8], document: &Document) -> Result<Vec<u8>> {
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
