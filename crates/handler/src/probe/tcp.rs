//! Does somebody accept a connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::outcome::Passed;

/// Time for one connection: the kernel repeats the first packet after one and after three seconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// Connects, and closes the connection again.
pub(super) async fn attempt(address: SocketAddr) -> Result<Passed, String> {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_connection)) => Ok(Passed::Tcp(address)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
