//! All connections of one environment's runtime, and the one of them that waits for an invocation.
//!
//! Bounded: a connection too many is closed at once. A parked `next` is remembered by its connection, so that a
//! connection that closed cannot be given an invocation.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::net::TcpListener;

use super::answer::{ACCEPTED, Assignment, Refused, document_head, head};
use super::connection::Connection;
use super::message::Bodies;
use super::request::RuntimeRequest;
use crate::limits::RUNTIME_CONNECTIONS_MAX;

/// A connection, for as long as its request is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionId(usize);

/// The server's side of one environment's Runtime API.
pub(crate) struct RuntimeApi {
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    parked: Option<ConnectionId>,
    /// Connections whose call is answered later, for somebody else than the runtime.
    held: Vec<ConnectionId>,
    bodies: Bodies,
}

impl RuntimeApi {
    /// Serves a listener that was born inside the environment.
    ///
    /// # Errors
    /// Where the listener cannot be registered with this runtime.
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            connections: Vec::new(),
            parked: None,
            held: Vec::new(),
            bodies: Bodies::default(),
        })
    }

    /// The next request on any connection.
    pub(crate) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<(ConnectionId, RuntimeRequest)> {
        self.accept(cx);
        for (index, slot) in self.connections.iter_mut().enumerate() {
            let id = ConnectionId(index);
            let Some(connection) = slot else { continue };
            match connection.poll_message(cx) {
                Poll::Pending => {}
                // A runtime that waits for an invocation has nothing to say; one that does is out of step.
                Poll::Ready(Some(_)) if self.parked == Some(id) || self.held.contains(&id) => {
                    *slot = None;
                    forget(&mut self.parked, &mut self.held, id);
                }
                Poll::Ready(Some(parsed)) => return Poll::Ready((id, RuntimeRequest::of(parsed))),
                Poll::Ready(None) => {
                    let broke_off = connection.is_streaming();
                    *slot = None;
                    forget(&mut self.parked, &mut self.held, id);
                    if broke_off {
                        return Poll::Ready((id, RuntimeRequest::BrokeOff));
                    }
                }
            }
        }
        Poll::Pending
    }

    fn accept(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(accepted) = self.listener.poll_accept(cx) {
            let Ok((stream, _)) = accepted else { continue };
            let connection = Some(Connection::new(stream, self.bodies.clone()));
            if let Some(free) = self.connections.iter_mut().find(|slot| slot.is_none()) {
                *free = connection;
            } else if self.connections.len() < RUNTIME_CONNECTIONS_MAX {
                self.connections.push(connection);
            }
        }
    }

    /// Keeps a `next` waiting until there is an invocation, or a runtime until there is a function.
    pub(crate) const fn park(&mut self, id: ConnectionId) {
        self.parked = Some(id);
    }

    /// True where a `next` waits.
    pub(crate) const fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// Hands an invocation to the `next` that waits; false where none does.
    pub(crate) fn assign(&mut self, assignment: &Assignment<'_>) -> bool {
        let Some(ConnectionId(index)) = self.parked.take() else { return false };
        let Some(Some(connection)) = self.connections.get_mut(index) else { return false };
        connection.send_both(assignment.head(), assignment.payload.clone());
        true
    }

    /// Hands a JSON document to the call that waits; false where none does.
    pub(crate) fn hand_over(&mut self, document: Bytes) -> bool {
        let Some(ConnectionId(index)) = self.parked.take() else { return false };
        let Some(Some(connection)) = self.connections.get_mut(index) else { return false };
        connection.send_both(document_head(document.len()), document);
        true
    }

    /// Keeps a call waiting that [`RuntimeApi::answer`] answers later.
    pub(crate) fn hold(&mut self, id: ConnectionId) {
        self.held.push(id);
    }

    /// True where a call still waits.
    pub(crate) fn is_held(&self, id: ConnectionId) -> bool {
        self.held.contains(&id)
    }

    /// Answers a call with JSON.
    pub(crate) fn answer(&mut self, id: ConnectionId, status: &str, headers: &[(&str, &str)], body: Vec<u8>) {
        self.held.retain(|held| *held != id);
        if let Some(Some(connection)) = self.connections.get_mut(id.0) {
            connection.send_both(head(status, headers, body.len()), Bytes::from(body));
        }
    }

    /// Answers `202 Accepted`: with the next invocation, where the runtime has asked for that already.
    pub(crate) fn accept_request(&mut self, id: ConnectionId) {
        if let Some(Some(connection)) = self.connections.get_mut(id.0) {
            connection.send_with_next(ACCEPTED);
        }
    }

    /// Sends what waits for a next invocation that is not to come soon.
    pub(crate) fn let_go(&mut self) {
        self.connections.iter_mut().flatten().for_each(Connection::let_go);
    }

    /// Refuses a request.
    pub(crate) fn refuse(&mut self, id: ConnectionId, refused: Refused) {
        self.send(id, refused.bytes());
    }

    /// Refuses what is still on its way: nothing more of that connection is read.
    pub(crate) fn cut_off(&mut self, id: ConnectionId, refused: Refused) {
        self.refuse(id, refused);
        if let Some(Some(connection)) = self.connections.get_mut(id.0) {
            connection.close();
        }
    }

    fn send(&mut self, ConnectionId(index): ConnectionId, bytes: Bytes) {
        if let Some(Some(connection)) = self.connections.get_mut(index) {
            connection.send(bytes);
        }
    }
}

#[cfg(test)]
mod tests;

fn forget(parked: &mut Option<ConnectionId>, held: &mut Vec<ConnectionId>, id: ConnectionId) {
    if *parked == Some(id) {
        *parked = None;
    }
    held.retain(|other| *other != id);
}
