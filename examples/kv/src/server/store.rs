//! Where a replica keeps what must not be forgotten.

use super::ServerOptions;
use crate::state::Kv;
use purlin::raft::{Image, Raft};

pub(super) type Store = purlin_tokio::Volatile;
pub(super) type StoreError = core::convert::Infallible;
pub(super) type OpenStoreError = core::convert::Infallible;

pub(super) fn open(_options: &ServerOptions) -> Result<(Store, Image<Kv>), OpenStoreError> {
    let _ = core::marker::PhantomData::<Raft<Kv>>;
    Ok((purlin_tokio::Volatile, Image::default()))
}
