//! Which profiles there are: those compiled in, and those of a custodian's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Profile;
use crate::Error;

/// The profiles compiled into the program.
const BUILT_IN: [&str; 7] = [
    include_str!("../../../../policies/disclosure/abs.toml"),
    include_str!("../../../../policies/disclosure/all-of-us.toml"),
    include_str!("../../../../policies/disclosure/cms.toml"),
    include_str!("../../../../policies/disclosure/japan-rwd.toml"),
    include_str!("../../../../policies/disclosure/opensafely.toml"),
    include_str!("../../../../policies/disclosure/teaching.toml"),
    include_str!("../../../../policies/disclosure/uk-sdc.toml"),
];

/// Profiles by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profiles(BTreeMap<String, Profile>);

impl Profiles {
    /// The name of the profile that holds where none is named.
    pub const DEFAULT: &'static str = "japan-rwd";

    /// The profiles compiled in.
    ///
    /// # Errors
    /// As [`Profile::from_toml`]; a test shows that there is none.
    pub fn built_in() -> Result<Self, Error> {
        Self::parse(BUILT_IN)
    }

    /// Profiles from their texts.
    ///
    /// # Errors
    /// As [`Profile::from_toml`], and [`Error::ProfileTwice`] for a name that comes twice.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut profiles = BTreeMap::new();
        for text in texts {
            let profile = Profile::from_toml(text)?;
            if let Some(twin) = profiles.insert(profile.name.clone(), profile) {
                return Err(Error::ProfileTwice { name: twin.name });
            }
        }
        Ok(Self(profiles))
    }

    /// The profiles compiled in and every `*.toml` of a folder, read once at the start; one of the same
    /// name replaces the one compiled in.
    ///
    /// # Errors
    /// As [`Profiles::parse`], and [`Error::ProfileFile`] where the folder or a file cannot be read.
    pub fn with_folder(folder: &Path) -> Result<Self, Error> {
        let unreadable = |path: &Path, error: std::io::Error| Error::ProfileFile {
            file: path.display().to_string(),
            reason: error.to_string(),
        };
        let mut texts = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                texts.push(fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?);
            }
        }
        let mut profiles = Self::built_in()?;
        profiles.0.extend(Self::parse(texts.iter().map(String::as_str))?.0);
        Ok(profiles)
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// [`Error::ProfileUnknown`].
    pub fn get(&self, name: &str) -> Result<&Profile, Error> {
        self.0.get(name).ok_or_else(|| Error::ProfileUnknown { name: name.to_owned() })
    }

    /// All profiles, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.values()
    }
}
