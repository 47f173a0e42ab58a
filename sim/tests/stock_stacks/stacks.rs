//! Stock axum and hyper-util in a simulation.

use axum::Router;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use purlin_sim::stack::{Connector, Doorway, Life, Network, Process, dated};
use std::sync::Arc;
use tower::util::MapResponseLayer;

pub(crate) const PORT: u16 = 80;

pub(crate) type Pool = Client<Connector, Empty<Bytes>>;

/// A stock axum server on a host of its own.
pub(crate) fn serve_axum(world: &mut turmoil::Sim<'_>, host: &str, network: &Network, router: Router) -> Arc<Process> {
    let process = Arc::new(Process::default());
    let (network, runs) = (network.clone(), Arc::clone(&process));
    world.host(host, move || {
        let (network, process) = (network.clone(), Arc::clone(&runs));
        let router = router.clone().layer(MapResponseLayer::new(dated));
        async move {
            let live = async |life| {
                let door = Doorway::open(PORT, life).await?.of(&network);
                Ok(axum::serve(door, router.clone()).await?)
            };
            process.run(live).await
        }
    });
    process
}

/// A pooled client whose connections end with `life`, in order.
pub(crate) fn pool(host: &str, network: &Network, life: &Life) -> Pool {
    let mut builder = Client::builder(TokioExecutor::new());
    let builder = builder.pool_timer(TokioTimer::new()).pool_idle_timeout(None);
    builder.build(Connector::new(host, network, life.clone()))
}

/// Closes the connections of a pool in the order in which they were made.
pub(crate) async fn close(pool: Pool, life: &Life) {
    life.end();
    tokio::task::yield_now().await;
    drop(pool);
}

/// Asks by GET: the status and the `Date`, once the body is there.
pub(crate) async fn ask(pool: &Pool, to: &str) -> Result<(http::StatusCode, String), String> {
    let response = pool.get(to.parse().unwrap()).await.map_err(|error| error.to_string())?;
    let date = response.headers()["date"].to_str().unwrap().to_owned();
    let status = response.status();
    response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok((status, date))
}
