//! Service and bank, each on a loopback port of its own.

use axum::Router;
use http::uri::Authority;
use hyper_util::client::legacy::connect::HttpConnector;
use purlin::breaker::Breaker;
use purlin_checkout::{Bank, Checkout, CheckoutConfig, Mode, bank};
use purlin_std::{Observed, Observer, Standard};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Where to listen; 0 is any free port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) service: u16,
    pub(crate) bank: u16,
}

/// Both could not be started. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(
        "port {port} on {} cannot be listened on ({error}): free it, or give another one with {option}",
        Ipv4Addr::LOCALHOST
    )]
    Port { port: u16, option: &'static str, error: io::Error },
}

/// What was started; it runs until the process ends.
pub(crate) struct Running {
    pub(crate) service: SocketAddr,
    pub(crate) bank_address: SocketAddr,
    pub(crate) bank: Arc<Bank>,
}

pub(crate) async fn start<O>(ports: Ports, observer: O) -> Result<Running, StartError>
where
    O: Observer<Breaker> + Send + Sync + 'static,
{
    let (bank_listener, bank_address) = listen(ports.bank, "--bank-port").await?;
    let (service_listener, service) = listen(ports.service, "--port").await?;
    let the_bank = Bank::new(Mode::Healthy);
    let config = CheckoutConfig::new(authority(bank_address));
    let checkout = Checkout::new(config, HttpConnector::new(), Observed::new(Standard::new(), observer));
    serve(bank_listener, bank(Arc::clone(&the_bank)));
    serve(service_listener, checkout.router());
    Ok(Running { service, bank_address, bank: the_bank })
}

async fn listen(port: u16, option: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |error| StartError::Port { port, option, error };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

/// An address is an authority as it stands.
pub(crate) fn authority(address: SocketAddr) -> Authority {
    address.to_string().parse().expect("an address is a valid authority")
}
