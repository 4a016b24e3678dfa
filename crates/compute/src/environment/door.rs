//! One door of one environment: accepts connections and hands them on with the environment's identity.
//!
//! It reads no byte of them. Its connections end with the environment.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::contract::{AwsDoor, EnvironmentIdentity};
use crate::limits::DOOR_CONNECTIONS_MAX;

/// How long to wait after a failed accept where no connection can end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Open until dropped.
pub(crate) struct OpenDoor(JoinHandle<()>);

impl OpenDoor {
    /// Starts to accept connections.
    ///
    /// # Errors
    /// Where the listener cannot be registered with this runtime.
    pub(crate) fn open(
        listener: std::net::TcpListener,
        door: AwsDoor,
        identity: Arc<EnvironmentIdentity>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self(tokio::spawn(serve(listener, door, identity))))
    }
}

impl Drop for OpenDoor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(listener: TcpListener, door: AwsDoor, identity: Arc<EnvironmentIdentity>) {
    // Dropping the set, when this task is aborted, ends every connection.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= DOOR_CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                connections.spawn(door(stream, Arc::clone(&identity)));
            }
            // Out of descriptors, most likely: let those that are open make progress.
            Err(_) if connections.is_empty() => tokio::time::sleep(ACCEPT_PAUSE).await,
            Err(_) => drop(connections.join_next().await),
        }
    }
}
