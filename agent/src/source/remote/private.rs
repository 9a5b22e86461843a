//! A repository that is read with a token: GitHub's API lists the assets of a release, and gives each by its number.
//!
//! An asset never changes under its number, so a number that is known is an entity tag, and the one question that an idle cycle
//! asks is whether the list is still the same: with the tag of the list, which costs nothing of the limit (GitHub, "Best
//! practices for using the REST API").

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Remote, Timeouts};
use crate::source::listing::{self, Listing};
use crate::source::spec::Api;
use crate::source::wire::{self, Get, Location, Wants};
use crate::source::{SourceError, Token};

/// What the latest release had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// GitHub's entity tag for that.
    etag: Option<String>,
    listing: Listing,
}

/// The way to a repository with a token.
#[derive(Debug)]
pub(super) struct Private {
    api: Api,
    token: Token,
    /// Where the token is kept.
    place: String,
    latest: Option<Latest>,
    /// Whether that was asked for in this cycle.
    is_fresh: bool,
    by_tag: HashMap<String, Listing>,
}

impl Private {
    pub(super) fn new(api: Api, token: Token, place: String) -> Self {
        Self { api, token, place, latest: None, is_fresh: false, by_tag: HashMap::new() }
    }

    pub(super) fn recall(&mut self, latest: Option<Latest>) {
        self.latest = latest;
    }

    pub(super) fn kept(&self) -> Option<Latest> {
        self.latest.clone()
    }

    /// What the API is told when an asset's bytes are wanted.
    pub(super) fn bytes(&self) -> wire::Api {
        wire::Api { token: self.token.clone(), wants: Wants::Bytes }
    }

    /// A refusal of the token in words that name its place. Where a list is refused it is the token's; an asset can be refused
    /// by the storage that it lies in as well, which knows no token.
    pub(super) fn denied(&self, asked: &Get, error: SourceError) -> SourceError {
        let lists = asked.api.as_ref().is_some_and(|api| api.wants == Wants::Listing);
        let is_latest = asked.location == self.api.latest();
        let status = if let SourceError::Refused { status, .. } = &error
            && (*status == 401 || *status == 403 && lists)
        {
            *status
        } else if matches!(error, SourceError::NotFound { .. }) && is_latest {
            404
        } else {
            return error;
        };
        SourceError::Denied { location: asked.location.to_string(), status, token: self.place.clone() }
    }

    fn question(&self, location: Location, etag: Option<String>) -> Get {
        Get {
            location,
            from: 0,
            cap: listing::ANSWER,
            expect_length: None,
            if_none_match: etag,
            api: Some(wire::Api { token: self.token.clone(), wants: Wants::Listing }),
            timeouts: Timeouts::for_length(listing::ANSWER),
        }
    }
}

impl Remote {
    /// A file that the latest release carries. One that is missing where it should be may be one of another list: the next
    /// question is for that.
    pub(super) fn private_metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let found = self.latest(name)?;
        let is_root = name.ends_with(".root.json");
        let Some((id, location)) = found else {
            self.private_mut().is_fresh &= is_root;
            return Ok(None);
        };
        let tag = format!("asset {id}");
        if let Some(known) = self.known(name).filter(|known| known.etag == tag) {
            self.tag(name, Some(tag));
            return Ok(Some(known.bytes));
        }
        let bytes = self.file(name, location, cap)?;
        self.private_mut().is_fresh &= bytes.is_some();
        self.tag(name, bytes.is_some().then_some(tag));
        Ok(bytes)
    }

    /// Where a file of the latest release is.
    fn latest(&mut self, name: &str) -> Result<Option<(u64, Location)>, SourceError> {
        if !self.private_mut().is_fresh {
            let private = self.private_mut();
            let etag = private.latest.as_ref().and_then(|latest| latest.etag.clone());
            let question = private.question(private.api.latest(), etag);
            let listed = self.listing(&question)?;
            let private = self.private_mut();
            private.latest = listed.or(private.latest.take());
            private.is_fresh = true;
        }
        let private = self.private_mut();
        let id = private.latest.as_ref().and_then(|latest| latest.listing.find(name));
        Ok(id.map(|id| (id, private.api.asset(id))))
    }

    /// Where a target is: `v1.1.0/NAME` is the asset NAME of the release with this tag.
    pub(super) fn private_target(&mut self, hashed_path: &str) -> Result<Location, SourceError> {
        let private = self.private_mut();
        let unsafe_path = || SourceError::Unsafe {
            location: wire::clean(hashed_path),
            reason: "it names no asset of a release".to_owned(),
        };
        let (tag, name) = hashed_path.rsplit_once('/').ok_or_else(unsafe_path)?;
        let location = private.api.tagged(tag)?;
        if !private.by_tag.contains_key(tag) {
            let question = private.question(location.clone(), None);
            let listed = self.listing(&question)?.map(|listed| listed.listing).unwrap_or_default();
            self.private_mut().by_tag.insert(tag.to_owned(), listed);
        }
        let private = self.private_mut();
        match private.by_tag.get(tag).and_then(|listing| listing.find(name)) {
            Some(id) => Ok(private.api.asset(id)),
            None => {
                private.by_tag.remove(tag);
                Err(SourceError::NotFound { location: format!("{name} of {location}") })
            }
        }
    }

    /// The list at a location; nothing where it is still the one whose tag was told.
    fn listing(&mut self, question: &Get) -> Result<Option<Latest>, SourceError> {
        let (bytes, fetched) = self.whole(question)?;
        if fetched.unchanged {
            return Ok(None);
        }
        let listing = serde_json::from_slice(&bytes).map_err(|_| SourceError::Process {
            location: question.location.to_string(),
            reason: "it gave a list that is none".to_owned(),
        })?;
        Ok(Some(Latest { etag: fetched.etag, listing }))
    }

    fn private_mut(&mut self) -> &mut Private {
        self.private.as_mut().expect("only who reads with a token comes here")
    }
}
