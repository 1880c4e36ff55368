//! The stored form of what comes with the text of an analysis.

use sekisho_model::{Analysis, CodeList, Digest, Parameter};

use crate::row::parse;
use crate::{Error, ListRef, Result};

/// Parameters as they are stored; `None` if there are none.
pub(crate) fn stored_parameters(analysis: &Analysis) -> Result<Option<String>> {
    stored(analysis.parameters.iter().map(|parameter| (parameter.kind().to_owned(), parameter.text())))
}

/// Names and digests of the lists as they are stored; `None` if there are none.
pub(crate) fn stored_lists(analysis: &Analysis) -> Result<Option<String>> {
    let named = |list: &CodeList| (list.name.to_string(), Digest::of(list.csv.as_bytes()).to_string());
    stored(analysis.lists.iter().map(named))
}

fn stored(pairs: impl Iterator<Item = (String, String)>) -> Result<Option<String>> {
    let pairs: Vec<(String, String)> = pairs.collect();
    if pairs.is_empty() {
        return Ok(None);
    }
    // Pairs of texts have a form in JSON, whatever they hold.
    serde_json::to_string(&pairs).map(Some).map_err(|_| Error::Misfit { reason: "it has no stored form" })
}

fn read(stored: Option<String>) -> Result<Vec<(String, String)>> {
    let pairs = stored.map(|json| serde_json::from_str(&json)).transpose();
    pairs.map(Option::unwrap_or_default).map_err(|_| Error::Corrupt { what: "analysis" })
}

/// Parameters from their stored form.
pub(crate) fn parameters(stored: Option<String>) -> Result<Vec<Parameter>> {
    let parameter = |(kind, text): (String, String)| {
        Parameter::parse(&kind, &text).map_err(|_| Error::Corrupt { what: "parameter" })
    };
    read(stored)?.into_iter().map(parameter).collect()
}

/// Names and digests of lists from their stored form.
pub(crate) fn lists(stored: Option<String>) -> Result<Vec<ListRef>> {
    let list = |(name, digest): (String, String)| {
        Ok(ListRef { name: parse(&name, "list")?, sha256: parse(&digest, "digest")? })
    };
    read(stored)?.into_iter().map(list).collect()
}
